"""A real `tapeless up` on temporary folders, and queries against it from outside."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import text

from models.core.sessions import read_snapshot
from services.operations.status import read_status
from workers.celery.context import ProcessContext, open_process_context
from workers.config.connection import find_running_supervisor
from workers.config.settings import Settings
from workers.processes.supervisor import read_child_states

Answer = TypeVar("Answer")

START_SECONDS, STOP_SECONDS = 60.0, 20.0
IDLE_SECONDS = 900.0
QUIET_POLL_SECONDS = 0.25
CALM_SECONDS = 1.0
"""Idle time after which no work can be in transit between two rows."""

PROGRESS = text("""
    SELECT (SELECT count(*) FROM search_document WHERE NOT deleted) AS documents,
        (SELECT count(*) FROM index_mark WHERE dirty_since IS NOT NULL AND parked_at IS NULL) AS marks,
        (SELECT count(*) FROM island WHERE dirty_since IS NOT NULL) AS islands,
        (SELECT sum(unsettled) FROM storage) AS unsettled,
        (SELECT count(*) FROM media_work WHERE parked_at IS NULL) AS media,
        (SELECT count(*) FROM job WHERE status IN ('READY', 'STARTED')) AS jobs
""")


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of visible and pending work."""

    documents: int
    marks: int
    islands: int
    unsettled: int
    media: int
    jobs: int

    @property
    def is_through(self) -> bool:
        """Return whether nothing is pending of what makes files searchable."""
        return self.marks == self.islands == self.unsettled == 0

    @property
    def is_quiet(self) -> bool:
        """Return whether nothing is pending at all."""
        return self.is_through and self.media == self.jobs == 0


@dataclass(slots=True)
class RunningSystem:
    """A system with one watched root."""

    root: Path
    data: Path
    context: ProcessContext
    process: subprocess.Popen[bytes]

    def progress(self) -> Progress:
        """Query with one cheap statement, because the measured system runs on the same machine."""
        with self.context.sessions() as session:
            return Progress(*session.execute(PROGRESS).one())

    def wait_until_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Wait until the status stays idle."""
        calm_since: float | None = None
        end = time.monotonic() + seconds
        while calm_since is None or time.monotonic() < calm_since + CALM_SECONDS:
            if not read_snapshot(self.context.sessions, read_status).idle:
                calm_since = None
            elif calm_since is None:
                calm_since = time.monotonic()
            _expect_before(end, "the system is idle")
            time.sleep(0.1)

    def wait_until_quiet(self, seconds: float = IDLE_SECONDS) -> None:
        """Wait until nothing is pending for a while, with the cheap query."""
        calm_since, end = time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < calm_since + CALM_SECONDS:
            time.sleep(QUIET_POLL_SECONDS)
            if not self.progress().is_quiet:
                calm_since = time.monotonic()
            _expect_before(end, "the system is quiet")

    def pid_of(self, child: str) -> int:
        """The process of one child of the supervisor, such as `watch`."""
        return next(
            state.pid for state in read_child_states(self.data) if state.name == child and state.pid is not None
        )

    def peak_memory_mb(self, child: str) -> float:
        """The most memory that a child ever held, by the kernel's count."""
        status = Path(f"/proc/{self.pid_of(child)}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def memory_mb(self) -> float:
        """What all processes hold now; each page that several share counts once."""
        supervisor = psutil.Process(self.process.pid)
        tree = [supervisor, *supervisor.children(recursive=True)]
        return sum(process.memory_full_info().pss for process in tree) / 1024**2

    def disk_mb(self) -> float:
        """What the data folder takes on its disk."""
        return sum(path.lstat().st_blocks for path in self.data.rglob("*")) * 512 / 1024**2

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time so far by child, what each started included, and of the supervisor itself."""
        spent = {"up": _own_seconds(psutil.Process(self.process.pid))}
        for state in read_child_states(self.data):
            with suppress(psutil.NoSuchProcess):  # it ended since the supervisor wrote its state
                if state.pid is not None:
                    spent[state.name] = tree_cpu_seconds(state.pid)
        return spent


def tree_cpu_seconds(pid: int) -> float:
    """Return the processor time so far of a process and of all that it started, ended ones included."""
    top = psutil.Process(pid)
    return sum(map(_own_seconds, [top, *top.children(recursive=True)]))


def _own_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process and of those of its children that ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


@contextmanager
def own_folder(parent: Path | None) -> Iterator[Path]:
    """Yield a temporary folder; all data that must be on one file system is in it."""
    folder = Path(tempfile.mkdtemp(prefix="tapeless-bench-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_system(folder: Path, *words: str) -> Iterator[RunningSystem]:
    """Run `tapeless up` with `words` on `root` in `folder`, with a fresh data folder, idle when handed over."""
    root, data, log = folder / "root", folder / "data", folder / "up.log"
    root.mkdir(exist_ok=True)
    with open(log, "wb") as output:
        command = [sys.executable, "-m", "workers.main", "up", str(root), "--data", str(data), *words]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _is_up(process, data, log), "tapeless up answers", START_SECONDS)
        with open_process_context(Settings.for_data(data)) as context:
            system = RunningSystem(root, data, context, process)
            system.wait_until_idle()
            yield system
    finally:
        _stop(process)
        shutil.rmtree(data, ignore_errors=True)


def _is_up(process: subprocess.Popen[bytes], data: Path, log: Path) -> bool:
    if process.poll() is not None:
        raise SystemExit(f"tapeless up ended with exit code {process.returncode}:\n{log.read_text()[-2000:]}")
    return find_running_supervisor(data) is not None and any(state.name == "watch" for state in read_child_states(data))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ask: Callable[[], Answer], what: str, seconds: float, pause: float = 0.05) -> Answer:
    """Ask until the answer is true, and give it; a benchmark that waits in vain ends with a sentence."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        _expect_before(end, what)
        time.sleep(pause)
    return answer


def _expect_before(end: float, what: str) -> None:
    if time.monotonic() > end:
        raise SystemExit(f"waited in vain until {what}")
