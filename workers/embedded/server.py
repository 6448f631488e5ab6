"""One server of a data folder, prepared, started and stopped in the same way whichever program it is."""

import signal
from abc import ABC, abstractmethod
from pathlib import Path

from workers.embedded.data_folder import load_or_create_secret, make_private_folder, remove_socket_folder
from workers.processes.process import (
    ChildProcess,
    ProcessError,
    RunningProcess,
    end_child,
    end_leftover,
    launch_child,
    wait_until_ready,
)


class EmbeddedServer(ABC):
    """A server with its data, its password and its socket in one private folder."""

    name: str
    ready_seconds: float
    stop_seconds: float
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.notice: str | None = None  # a sentence for the operator, once prepared
        self._process: RunningProcess | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Create what is missing and write the configuration; call it before every start."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether it answers."""

    @abstractmethod
    def command(self) -> tuple[str, ...]:
        """Return the command line of the server."""

    @property
    def record(self) -> Path:
        """Record of the process, by which the next start ends a leftover."""
        return self.folder / f"{self.name}.json"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def password(self) -> str:
        """Return the password of its clients, created on first use."""
        return load_or_create_secret(make_private_folder(self.folder) / "password")

    def child(self, log: Path | None = None) -> ChildProcess:
        """Describe the server as a child process."""
        return ChildProcess(
            name=self.name,
            argv=self.command(),
            log=log or self.folder / f"{self.name}.log",
            prepare=self.prepare,
            is_ready=self.is_ready,
            clean_up=lambda: remove_socket_folder(self.folder),
            stop_signal=self.stop_signal,
            stop_seconds=self.stop_seconds,
        )

    def start(self) -> None:
        """Start the server and wait until it answers; a leftover of a killed run is ended first."""
        child = self.child()
        end_leftover(self.record, self.stop_seconds)
        self._process = launch_child(child, self.record)
        try:
            wait_until_ready(child, self._process, self.ready_seconds)
        except ProcessError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server that `start` started; its data remains."""
        if self._process is not None:
            end_child(self._process, self.stop_signal, self.stop_seconds)
            self._process = None
        self.record.unlink(missing_ok=True)
        remove_socket_folder(self.folder)
