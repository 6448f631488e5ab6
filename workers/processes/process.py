"""Start, identify and end one child process.

1. A pid alone is not an identity: it is reused after its process is gone. So a process is identified by pid, boot and
   the time from boot to its start, which clock changes do not affect.
2. Every child leads its own session. Ctrl-C in the terminal reaches only the supervisor, and killing the child's group
   also ends its descendants.
3. Every child gets a parent-death signal (`pdeathsig.py`) and a record: the signal ends it with its parent, and the
   record lets the next start on the same data folder end a child that survived.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from workers.processes.file_rights import FileRights
from workers.processes.forked import ForkedProcess, ForkServer, ForkServerError
from workers.processes.pdeathsig import end_with_parent_prefix

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_LOG_BYTES = 10 * 1024 * 1024
PROCESS_POLL_SECONDS = 0.02
START_TIME_TOLERANCE_SECONDS = 0.05  # the kernel counts start times in hundredths


RunningProcess = subprocess.Popen[bytes] | ForkedProcess


class ProcessError(Exception):
    """A process did not start, or cannot be ended; the message names it and the next step."""


@dataclass(frozen=True, slots=True)
class ChildProcess:
    """Description of a process for the supervisor; `env` None means the environment of who starts it.

    With a fork server, `argv` is a Python module and its arguments; else a command.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] | None = None
    prepare: Callable[[], None] | None = None  # before every start, the first and those after a crash
    is_ready: Callable[[], bool] | None = None
    clean_up: Callable[[], None] | None = None  # after the last stop
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 3.0
    fork_server: ForkServer | None = None
    is_background: bool = False
    """Of low priority; only with a fork server."""
    rights: FileRights = FileRights.NONE


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Identity of a process, distinct from a later one with the same pid."""

    pid: int
    boot: str
    started_seconds: float  # from boot to start


def identify_process(pid: int) -> ProcessIdentity | None:
    """Return the identity of the process with a pid, or None if there is none or only a zombie."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        started_seconds = process.create_time() - psutil.boot_time()
    except psutil.NoSuchProcess:
        return None
    return ProcessIdentity(pid, _boot_id(), round(started_seconds, 2))


def is_process_running(identity: ProcessIdentity) -> bool:
    """Return whether this very process still exists."""
    now = identify_process(identity.pid)
    return (
        now is not None
        and now.boot == identity.boot
        and abs(now.started_seconds - identity.started_seconds) < START_TIME_TOLERANCE_SECONDS
    )


def write_process_record(path: Path, identity: ProcessIdentity, **more: object) -> None:
    """Record a process for the next start on this data folder."""
    entry = {"pid": identity.pid, "boot": identity.boot, "started_seconds": identity.started_seconds, **more}
    write_private_file(path, json.dumps(entry))


def read_process_record(path: Path) -> ProcessIdentity | None:
    """Return the identity that `write_process_record` wrote, or None if the file is missing or damaged."""
    try:
        entry = json.loads(path.read_text())
        return ProcessIdentity(int(entry["pid"]), str(entry["boot"]), float(entry["started_seconds"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def write_private_file(path: Path, text: str) -> None:
    """Write a file readable only by its owner, completely or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def launch_child(child: ChildProcess, record: Path, **more: object) -> RunningProcess:
    """Start a child in its own session with a parent-death signal and its output in its log, and record it."""
    if child.prepare is not None:
        child.prepare()
    child.log.parent.mkdir(parents=True, exist_ok=True)
    trim_log(child.log)
    with open(child.log, "ab") as log:
        process = _run(child, log)
    identity = identify_process(process.pid)
    if identity is not None:
        write_process_record(record, identity, stop_signal=int(child.stop_signal), **more)
    return process


def _run(child: ChildProcess, log: IO[bytes]) -> RunningProcess:
    if child.fork_server is not None:
        env = child.env or child.fork_server.env
        try:
            return child.fork_server.fork(child.argv, log, env, child.stop_signal, child.is_background, child.rights)
        except ForkServerError as error:
            raise ProcessError(f"{child.name}: {error}") from error
    return subprocess.Popen(
        [*end_with_parent_prefix(child.stop_signal, child.rights.mask), *child.argv],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=None if child.env is None else dict(child.env),
        start_new_session=True,
    )


def trim_log(log: Path) -> None:
    """Move a long log to `NAME.1` by copying: its writer keeps the file open and continues at the new beginning."""
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)


def last_lines(log: Path, count: int = 5) -> str:
    """Return the end of a log, so that an error can be understood without opening it."""
    try:
        text = log.read_bytes()[-8192:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-count:])


def wait_until_ready(
    child: ChildProcess, process: RunningProcess, seconds: float, check: Callable[[], None] = lambda: None
) -> None:
    """Wait until the child is ready. Raises ProcessError if it dies or takes too long; `check` may raise to give up
    earlier."""
    end = time.monotonic() + seconds
    while child.is_ready is not None and not child.is_ready():
        check()
        if process.poll() is not None:
            ended = f"ended with exit code {process.returncode} before it was ready"
            raise ProcessError(f"{child.name}: {ended}; see {child.log}:\n{last_lines(child.log)}")
        if time.monotonic() > end:
            raise ProcessError(
                f"{child.name}: not ready after {seconds:g} s; see {child.log}:\n{last_lines(child.log)}"
            )
        time.sleep(PROCESS_POLL_SECONDS)


def end_child(
    process: RunningProcess,
    stop_signal: signal.Signals | None,
    seconds: float,
    is_hurried: Callable[[], bool] = lambda: False,
) -> bool:
    """End our child: first by signal (None: it was sent already), after `seconds` by killing its group.

    Return True if the signal was enough.
    """
    if stop_signal is not None and process.poll() is None:
        process.send_signal(stop_signal)
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end and not is_hurried():
        time.sleep(PROCESS_POLL_SECONDS)
    orderly = process.poll() is not None
    kill_group(process.pid)
    process.wait()
    return orderly


def end_leftover(record: Path, seconds: float) -> bool:
    """End the recorded process and the rest of its group if they still run; return whether there was one."""
    identity = read_process_record(record)
    if identity is None or identity.boot != _boot_id():
        record.unlink(missing_ok=True)
        return False
    found = is_process_running(identity)
    if found:
        stop_signal = json.loads(record.read_text()).get("stop_signal", signal.SIGTERM)
        _end_foreign_process(identity, int(stop_signal), seconds)
    # The kernel does not reuse a pid while it names a process group, so a group without a leader is the old one.
    if identify_process(identity.pid) is None:
        found = kill_group(identity.pid) or found
    if is_process_running(identity):
        raise ProcessError(
            f"process {identity.pid} ({record.stem}) is left over from an earlier run and does not end when it is "
            "killed, as where a disk that it reads does not answer; bring that back, or restart the machine"
        )
    record.unlink(missing_ok=True)
    return found


def wait_until_gone(identity: ProcessIdentity, seconds: float) -> bool:
    """Wait for the end of a process that may not be our child; return whether it ended."""
    end = time.monotonic() + seconds
    while is_process_running(identity):
        if time.monotonic() > end:
            return False
        time.sleep(PROCESS_POLL_SECONDS)
    return True


def kill_group(leader_pid: int) -> bool:
    """Kill what still runs in the group that our child led; return whether there was anything."""
    try:
        os.killpg(leader_pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" for a group of zombies
        return False
    return True


def _end_foreign_process(identity: ProcessIdentity, stop_signal: int, seconds: float) -> None:
    """End a process that is not our child: first by signal, then by killing its group."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(identity.pid, stop_signal)
        if not wait_until_gone(identity, seconds):
            kill_group(identity.pid)
            wait_until_gone(identity, seconds)


def _boot_id() -> str:
    """Return the id of this boot, so that records of an earlier boot are not mistaken for current ones."""
    return BOOT_ID.read_text().strip() if BOOT_ID.exists() else ""
