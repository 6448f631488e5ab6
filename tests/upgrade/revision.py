"""The tree of an earlier revision, taken from the history of this repository, and processes that run its code."""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.settings import make_child_environment
from workers.processes.process import last_lines

PREVIOUS = "5990af3"
"""The last revision of 0.1."""
PROGRAMS = Path(__file__).parent
START_SECONDS, STOP_SECONDS = 60.0, 20.0


class HistoryError(Exception):
    """The repository lacks the revision; the text says how to get it."""


def export_revision(revision: str, folder: Path) -> Path:
    """Write the tree of a revision into a folder."""
    # Whose folder a checkout is does not matter here; in a container it is often another user's, which git refuses.
    command = ["git", "-c", "safe.directory=*", "archive", revision]
    try:
        packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        raise HistoryError("this test takes an earlier revision out of the history: install git") from None
    if packed.returncode != 0:
        raise HistoryError(
            f"the history of {ROOT} has no revision {revision}: clone all of it, or run `git fetch --unshallow` there\n"
            + os.fsdecode(packed.stderr)
        )
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
    return folder


@dataclass(frozen=True, slots=True)
class Node:
    """A running process and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, text: str) -> None:
        """Wait until the log contains a text."""
        wait_until(lambda: self.is_alive() and text in self.read(), what=f"{self.log}: {text}", seconds=START_SECONDS)

    def read(self) -> str:
        """Return what it has logged."""
        return self.log.read_text(errors="replace")

    def is_alive(self) -> bool:
        """Return whether it runs, which it has to."""
        assert self.process.poll() is None, last_lines(self.log, 30)
        return True

    def consume(self, queues: Collection[str], broker_url: str) -> None:
        """Have the worker consume these queues, too."""
        self.wait_for("ready.")
        with closing(Celery(broker=broker_url, set_as_current=False)) as app:
            for queue in queues:
                answers = app.control.add_consumer(queue, destination=["new@upgrade"], reply=True, timeout=10)
                assert answers, f"the worker does not answer: {last_lines(self.log, 30)}"

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of the code, and the environment of its processes."""

    name: str
    tree: Path
    folder: Path
    """Working directory and place of the logs."""
    env: Mapping[str, str]

    @contextmanager
    def run(self, name: str, program: str, *words: str) -> Iterator[Node]:
        """Run one of the programs beside this module with the code of this revision; end it at last."""
        log = self.folder / f"{self.name}-{name}.log"
        # -P and the path: neither the working directory nor the folder of the program lends its modules.
        command = [sys.executable, "-P", str(PROGRAMS / program), str(self.tree), *words]
        env = make_child_environment(PYTHONPATH=str(self.tree), **self.env)
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command, env=env, cwd=self.folder, stdout=output, stderr=output, start_new_session=True
            )
        try:
            yield Node(process, log)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def run_worker(self, queues: Collection[str]) -> AbstractContextManager[Node]:
        """Run a Celery worker with beat in it, by the names that units and compose files of operators use."""
        beat = ("-B", "--scheduler", "workers.beat:Bell")
        quiet = ("--without-gossip", "--without-mingle", "-l", "INFO")
        words = ("-A", "workers.app", "worker", "-n", f"{self.name}@upgrade", "-Q", ",".join(queues), "-c", "2")
        return self.run("worker", "program.py", "celery", *words, *beat, *quiet)
