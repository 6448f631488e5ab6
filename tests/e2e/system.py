"""A whole Tapeless as people run it: `tapeless up` and its commands as processes of their own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from click.testing import CliRunner
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.mounts import configure_mounts
from models.core.sessions import make_engine, make_sessions
from services.operations.status import SystemStatus, read_status
from tests.pipeline import stored_assets
from tests.servers import ROOT
from tests.waiting import PAUSES_PER_QUESTION, wait_until
from workers.config.connection import find_system_connection
from workers.config.settings import Settings, SettingsError, make_child_environment
from workers.main import main
from workers.processes.process import ProcessIdentity, identify_process, is_process_running

START_SECONDS = 60.0
STOP_SECONDS = 10.0


def free_port() -> int:
    """Find a port of the loopback that is currently free."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@dataclass(slots=True)
class System:
    """One data folder with what runs on it."""

    data: Path
    output: Path
    env: Mapping[str, str] = field(default_factory=dict)
    python: str = sys.executable
    process: subprocess.Popen[bytes] | None = None
    _engine: Engine | None = None

    def start(self, *words: Path | str) -> None:
        """Run `tapeless up` in a session of its own, without a terminal, until it answers."""
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                self._command("up", *map(str, words), "--port", str(free_port())),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
                cwd=self.data.parent,
                start_new_session=True,
            )
        wait_until(self._is_up, what="`tapeless up` runs", seconds=START_SECONDS)
        self._forget_engine()

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.printed()
        return "logs are in" in self.printed()

    def _command(self, *words: str) -> list[str]:
        return [self.python, "-m", "workers.main", *words, "--data", str(self.data)]

    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        return make_child_environment(**{"PYTHONPATH": str(ROOT), **self.env})

    def run(self, *words: str, code: int | None = 0) -> str:
        """Run one command on the data folder in this process, and return its output; `code` None is any exit code."""
        done = CliRunner().invoke(main, [*words, "--data", str(self.data)])
        assert code in (None, done.exit_code), f"{words}: exit code {done.exit_code}\n{done.output}{done.exception!r}"
        return done.output

    def run_process(self, *words: str, code: int = 0, typed: str = "") -> str:
        """Run one command on the data folder in a separate process, and return its output."""
        done = subprocess.run(
            self._command(*words),
            input=typed,
            capture_output=True,
            text=True,
            env=self.environment(),
            cwd=self.data.parent,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def ask(self, *words: str, code: int | None = 0) -> Any:
        """Run one command with --json."""
        return json.loads(self.run(*words, "--json", code=code))

    def printed(self) -> str:
        """What `tapeless up` printed so far."""
        return self.output.read_text()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session on the running database."""
        if self._engine is None:
            self._engine = make_engine(find_system_connection(Settings.for_data(self.data)).database_url, pool_size=1)
        configure_mounts({}, self.data / "media")
        with make_sessions(self._engine)() as session:
            yield session

    def _forget_engine(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
        self._engine = None

    def status(self) -> SystemStatus | None:
        """The numbers, or None while the database does not answer."""
        try:
            with self.session() as session:
                return read_status(session)
        except (DBAPIError, SettingsError):
            return None

    def assets(self) -> list[dict[str, Any]]:
        """What is stored, in the form of `tapeless plan --json`."""
        with self.session() as session:
            return stored_assets(session)

    def wait_for(
        self,
        condition: Callable[[SystemStatus], object],
        what: str,
        seconds: float = 60.0,
        pauses: float = PAUSES_PER_QUESTION,
    ) -> None:
        """Wait until the numbers are so; without pauses where they are so for a moment only."""

        def holds() -> bool:
            status = self.status()
            return status is not None and bool(condition(status))

        wait_until(holds, what=what, seconds=seconds, pauses=pauses)

    def wait_until_idle(self, files: int, seconds: float = 60.0) -> None:
        """Wait until so many files are known and nothing is left to do."""
        self.wait_for(lambda status: status.idle and status.files == files, f"idle with {files} files", seconds)

    def family(self) -> list[ProcessIdentity]:
        """Every process that runs for this system now."""
        assert self.process is not None
        pids = [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]
        return [found for found in map(identify_process, pids) if found is not None]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask `tapeless up` to end, and give its exit code."""
        assert self.process is not None
        self._forget_engine()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def close(self) -> None:
        """End the remaining processes."""
        self._forget_engine()
        if self.process is None or self.process.poll() is not None:
            return
        family = self.family()
        with suppress(subprocess.TimeoutExpired):
            self.stop()
        for member in family:
            if is_process_running(member):
                os.kill(member.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def open_system(folder: Path, **env: str) -> Iterator[System]:
    """Yield a system with its data folder in `folder`; it is always stopped at the end."""
    system = System(folder / "data", folder / "up.txt", env)
    try:
        yield system
    finally:
        system.close()
