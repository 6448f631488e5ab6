"""Supervisor: starts all processes of one data folder, monitors and stops them.

Life of a child: it is started and, if it has a readiness check, waited for (`starting`), then `running`. If it exits
unexpectedly it is `waiting` for its restart: half a second after the first exit, up to ten after several, and half a
second again once it ran for a minute. Finally it is `stopped`, in reverse order of the starts, all within ten seconds:
a child that exceeds its share is killed with its process group. Children with a readiness check are servers of the
others; all others are asked to stop at once.

One data folder has one supervisor: it holds a lock that the kernel releases when it dies. Leftovers of a killed
supervisor are ended before anything is started.
"""

import fcntl
import json
import os
import select
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, Self

from workers.processes.file_rights import FileRights
from workers.processes.process import (
    ChildProcess,
    ProcessError,
    RunningProcess,
    end_child,
    end_leftover,
    is_process_running,
    kill_group,
    last_lines,
    launch_child,
    read_process_record,
    trim_log,
    wait_until_ready,
)
from workers.processes.service_user import find_closed_folder, program_folders

SUPERVISOR_STOP_SECONDS = 10.0
RESERVED_STOP_SECONDS = 1.0  # reserved of the stop time for each child that is still to be stopped
CHILD_READY_SECONDS = 60.0
TICK_SECONDS = 0.25
PRIVATE_UMASK = 0o077
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

LifecycleState = Literal["starting", "running", "waiting", "stopped"]


class AlreadyRunning(ProcessError):
    """Another supervisor has the data folder."""


class StopRequested(Exception):
    """A signal arrived during a start; leaving the `with` block ends this exception."""


@dataclass(frozen=True, slots=True)
class RestartBackoff:
    """Delays before the restart of a child that died."""

    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    healthy_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class ChildState:
    """State of one child for the operator; `last_exit` is negative for a signal, and `last_line` ended its log then."""

    name: str
    pid: int | None
    state: LifecycleState
    restarts: int
    last_exit: int | None
    trouble: str | None = None
    last_line: str = ""


class _Member:
    """One child with its process and restart state."""

    def __init__(self, child: ChildProcess, record: Path, backoff: RestartBackoff) -> None:
        self.child = child
        self.record = record
        self.backoff = backoff
        self.process: RunningProcess | None = None
        self.state: LifecycleState = "stopped"
        self.restarts = 0
        self.last_exit: int | None = None
        self.trouble: str | None = None
        self.last_line = ""
        self._delay_seconds = backoff.first_seconds
        self._since = 0.0
        self._is_asked = False

    def launch(self) -> RunningProcess:
        self.process = launch_child(self.child, self.record, restarts=self.restarts, last_exit=self.last_exit)
        self.state = "running" if self.child.is_ready is None else "starting"
        self.trouble = None
        self._since = time.monotonic()
        return self.process

    def supervise(self) -> None:
        """Update the state, and restart the child once its delay has passed."""
        if self.state == "stopped":
            return
        if self.process is not None:
            self._look_at(self.process)
        elif time.monotonic() - self._since >= self._delay_seconds:
            self._relaunch()

    def ask_to_stop(self) -> None:
        """Let the child begin to stop while others are waited for; a second signal would force a faster stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.child.stop_signal)
        self._is_asked = True

    def stop(self, seconds: float, is_hurried: Callable[[], bool]) -> None:
        if self.process is not None:
            end_child(self.process, None if self._is_asked else self.child.stop_signal, seconds, is_hurried)
            self.last_exit = self.process.returncode
        self.process = None
        self.state = "stopped"
        self.record.unlink(missing_ok=True)
        if self.child.clean_up is not None:
            self.child.clean_up()

    def show(self) -> ChildState:
        pid = None if self.process is None else self.process.pid
        exits = (self.restarts, self.last_exit, self.trouble, self.last_line)
        return ChildState(self.child.name, pid, self.state, *exits)

    def _look_at(self, process: RunningProcess) -> None:
        trim_log(self.child.log)
        if process.poll() is not None:
            self.last_line = last_lines(self.child.log, 1).strip()
            kill_group(process.pid)  # processes that a dead child had started would run beside its successor
            self._wait(process.returncode)
        elif self.state == "starting" and (self.child.is_ready is None or self.child.is_ready()):
            self.state = "running"

    def _wait(self, exit_code: int | None) -> None:
        """Wait before the restart; longer each time, unless the child ran well in between."""
        ran_seconds = time.monotonic() - self._since
        if self.restarts == 0 or ran_seconds >= self.backoff.healthy_seconds:
            self._delay_seconds = self.backoff.first_seconds
        else:
            self._delay_seconds = min(self._delay_seconds * 2, self.backoff.longest_seconds)
        self.process = None
        self.last_exit = exit_code
        self.state = "waiting"
        self._since = time.monotonic()

    def _relaunch(self) -> None:
        self.restarts += 1
        try:
            self.launch()
        except (ProcessError, OSError) as error:  # a full disk or a missing folder may be fixed meanwhile
            self._wait(self.last_exit)
            self.trouble = str(error)


class Supervisor:
    """Supervises the processes of one data folder: `with Supervisor(data) as s: s.start(child); s.run_until_signal()`.

    Use it from the main thread: the kernel ends the children when the thread that started them ends.
    """

    def __init__(
        self, data: Path, backoff: RestartBackoff | None = None, stop_seconds: float = SUPERVISOR_STOP_SECONDS
    ) -> None:
        self.data = data.absolute()
        self._run = self.data / "run"
        self._backoff = backoff or RestartBackoff()
        self._stop_seconds = stop_seconds
        self._members: list[_Member] = []
        self._signals_seen = 0
        self._lock: int | None = None
        self._umask = 0
        self._wake: tuple[int, int] | None = None
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        """Close the data folder to others, lock it, end leftovers of an earlier run, and install signal handlers."""
        self._umask = os.umask(PRIVATE_UMASK)  # of the children too
        try:
            close_data_folder(self.data)
            self._lock = _take_lock(self.data)
        except BaseException:
            os.umask(self._umask)
            raise
        try:
            _end_leftovers(self._run, self._stop_seconds / 2)
        except BaseException:
            os.close(self._lock)
            os.umask(self._umask)
            raise
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        for descriptor in (*(self._wake or ()), self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._wake = self._lock = None
        os.umask(self._umask)
        return isinstance(error, StopRequested)

    def log(self, name: str) -> Path:
        """Return the log path of a child."""
        return self.data / "logs" / f"{name}.log"

    def start(self, child: ChildProcess, ready_seconds: float = CHILD_READY_SECONDS) -> None:
        """Start a child and wait until it is ready; a failing first start raises instead of being retried."""
        self._refuse_after_signal()
        if child.rights is not FileRights.WATCH and find_closed_folder(self.data, *program_folders()) is not None:
            child = replace(child, rights=FileRights.INHERITED)
        member = _Member(child, self._run / f"{child.name}.json", self._backoff)
        self._members.append(member)
        process = member.launch()
        wait_until_ready(child, process, ready_seconds, self._refuse_after_signal)
        member.state = "running"

    def supervise(self) -> None:
        """Update the state of every child, and restart those whose delay has passed."""
        for member in self._members:
            member.supervise()

    def run_until_signal(self, on_tick: Callable[[], None] | None = None, tick_seconds: float = TICK_SECONDS) -> None:
        """Supervise the children until SIGINT, SIGTERM or SIGHUP; `on_tick` runs after every check."""
        while not self.stop_requested:
            self.supervise()
            if on_tick is not None:
                on_tick()
            self._sleep(tick_seconds)

    def wait_for(self, condition: Callable[[], bool], seconds: float, tick_seconds: float = TICK_SECONDS) -> bool:
        """Supervise the children until a condition holds; return False if it does not in time, or after a signal."""
        end = time.monotonic() + seconds
        while not self.stop_requested and time.monotonic() < end:
            if condition():
                return True
            self.supervise()
            self._sleep(tick_seconds)
        return False

    @property
    def stop_requested(self) -> bool:
        """Whether a signal has requested the stop."""
        return self._signals_seen > 0

    def states(self) -> tuple[ChildState, ...]:
        """Return the state of every child in the order of their starts."""
        return tuple(member.show() for member in self._members)

    def stop(self) -> None:
        """Stop all children in reverse order; a second signal kills the remaining ones immediately."""
        end = time.monotonic() + self._stop_seconds
        signals_before = self._signals_seen
        still_to_come = len(self._members)
        for member in self._members:
            if member.child.is_ready is None:
                member.ask_to_stop()
        for member in reversed(self._members):
            still_to_come -= 1
            share = end - time.monotonic() - still_to_come * RESERVED_STOP_SECONDS
            seconds = max(0.1, min(member.child.stop_seconds, share))
            member.stop(seconds, lambda: self._signals_seen > max(signals_before, 1))

    def _listen(self) -> None:
        self._wake = os.pipe()
        os.set_blocking(self._wake[1], False)
        for number in STOP_SIGNALS:
            # nohup ignores SIGHUP on purpose; SIGINT is ignored by shells for every job in the background.
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._handlers[number] = signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals_seen += 1
        if self._wake is not None:
            os.write(self._wake[1], b"\0")

    def _sleep(self, seconds: float) -> None:
        """Sleep until the time has passed or a signal arrives."""
        if self._wake is not None and not self.stop_requested:
            select.select([self._wake[0]], [], [], seconds)

    def _refuse_after_signal(self) -> None:
        if self.stop_requested:
            raise StopRequested


def read_child_states(data: Path) -> tuple[ChildState, ...]:
    """Return the children of a data folder by name, as another process sees them."""
    found = []
    for record in sorted((data / "run").glob("*.json")):
        identity = read_process_record(record)
        if identity is not None:
            entry = json.loads(record.read_text())
            state: LifecycleState = "running" if is_process_running(identity) else "waiting"
            found.append(ChildState(record.stem, identity.pid, state, entry.get("restarts", 0), entry.get("last_exit")))
    return tuple(found)


def close_data_folder(data: Path) -> None:
    """Close the data folder and its logs to other users, also where they were there before: logs hold names of files
    and people. Raises ProcessError where that is not ours to do."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        make_private(data)
        for log in (data / "logs", *sorted((data / "logs").glob("*"))):
            if log.exists() and not log.is_symlink():
                make_private(log)
    except PermissionError as error:
        raise ProcessError(
            f'data folder "{data}": "{error.filename}" is open to other users, and belongs to another one; give it to '
            f"the user that runs Tapeless (chown -R {os.geteuid()} {data}), or give another folder with --data"
        ) from None


def make_private(path: Path) -> None:
    """Leave a file or folder to its owner alone, except that others may pass through where its database needs that."""
    mode = 0o600
    if path.is_dir():
        # `run_as.py`: PostgreSQL runs as another user where root cannot use a namespace, and has to reach its files.
        note = path / "postgres" / "runs-as"
        mode = 0o711 if note.exists() and note.read_text() == "setpriv" else 0o700
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def _end_leftovers(run: Path, seconds: float) -> None:
    """End the children of a killed supervisor, in reverse order of their starts."""
    run.mkdir(mode=0o700, exist_ok=True)
    for record in sorted(run.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True):
        end_leftover(record, seconds)


def _take_lock(data: Path) -> int:
    """Lock the data folder for the life of this process. Raises AlreadyRunning with the holder's pid."""
    descriptor = os.open(data / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # A lock of the kernel, not a pid file: it is released even if this process is killed.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode().strip() or "unknown"
        os.close(descriptor)
        raise AlreadyRunning(
            f'data folder "{data}": Tapeless runs on it already, as process {holder}; '
            f'stop that one first ("kill {holder}"), or give another folder with --data'
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor
