"""Sandbox supervisor, parent's side: starts a child with a minimal environment, sends requests, and kills it on a
violation.

A malformed file can only harm its reader: a crash, a hang, a decompression bomb. The parent learns which request was
running and why the child ended, as a sentence, and starts another child for the next file.
"""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from media.sandbox.protocol import MAX_PACKET_FILES, PACKET_BYTES
from media.sandbox.seccomp import ResourceLimits

log = logging.getLogger(__name__)

CHILD_START_SECONDS = 60.0
"""A machine under load may take long to load FFmpeg; that is never the file's fault."""
MAX_ANSWER_BYTES = 32 << 20
PIPE_READ_BYTES = 1 << 20


class ChildDiedError(Exception):
    """The child ended, or was killed, before it answered; the message completes the sentence "its reader …"."""


class ChildNotStartedError(Exception):
    """The child could not be started: a fault of the machine, never of a file."""


class ConfinedChild:
    """Runs `python -m PROGRAM` in a process that can only read the descriptors it is sent.

    `with ConfinedChild("media.probe.headers", limits) as child: child.send({"number": 1, …}, files); child.receive()`.
    After a ChildDiedError the child is gone; the next `send` starts another one, or raises ChildNotStartedError.
    """

    def __init__(self, program: str, limits: ResourceLimits) -> None:
        self.limits = limits
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._unread = bytearray()
        self._lines: list[bytes] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id, for monitoring."""
        return None if self._process is None else self._process.pid

    def send(self, request: Mapping[str, Any], files: Sequence[int] = ()) -> None:
        """Send a request (`number` and the program's own values) with open files, which stay the caller's.

        If the child has died, `receive` reports it after all answers that it had still sent.
        """
        if self._process is None:
            self._start()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(request, files)

    def receive(self, timeout_seconds: float | None = None) -> dict[str, Any] | None:
        """Return the next answer; None on reaching `timeout_seconds`, which is not an error.

        ChildDiedError if the child ended, or sent nothing within its limits.
        """
        seconds = self.limits.wall_seconds if timeout_seconds is None else timeout_seconds
        answer = self._next_line(seconds)
        if answer is None and timeout_seconds is None:
            self.close()
            raise ChildDiedError(f"took longer than {self.limits.wall_seconds:g} s and was ended")
        return None if answer is None else json.loads(answer)

    def close(self) -> None:
        """Kill the child; it has no state to save."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _start(self) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._program],
                stdin=its.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # A minimal environment: ours contains addresses and passwords of servers. OpenBLAS, which numpy loads,
                # would reserve memory for one thread of each processor, and that counts against the limit.
                env={"PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
                cwd="/",
            )
        self._line = ours
        try:
            self._send({"limits": asdict(self.limits), "parent": os.getpid()}, ())
            hello = self._next_line(CHILD_START_SECONDS)
        except OSError:
            hello = None
        except ChildDiedError as died:
            raise ChildNotStartedError(f"{self._program} {died}") from None
        if hello is None:
            self.close()
            raise ChildNotStartedError(f"{self._program} did not start within {CHILD_START_SECONDS:g} s")
        missing = json.loads(hello)["missing"]
        if missing:
            log.warning("%s: this kernel does not enforce: %s", self._program, ", ".join(missing))

    def _send(self, request: Mapping[str, Any], files: Sequence[int]) -> None:
        packet = json.dumps(request).encode()
        if len(packet) > PACKET_BYTES or len(files) > MAX_PACKET_FILES:
            raise ValueError(f"a request of {len(packet)} bytes and {len(files)} files does not fit a packet")
        assert self._line is not None
        socket.send_fds(self._line, [packet], files)

    def _next_line(self, seconds: float) -> bytes | None:
        """Return the next complete line, or None after `seconds`."""
        assert self._process is not None
        assert self._process.stdout is not None
        end = time.monotonic() + seconds
        output = self._process.stdout.fileno()
        while not self._lines:
            left = end - time.monotonic()
            if left < 0 or not select.select([output], [], [], left)[0]:
                return None
            read = os.read(output, PIPE_READ_BYTES)
            if not read:
                raise self._died()
            head, *others = read.split(b"\n")
            self._unread += head
            for line in others:
                self._lines.append(bytes(self._unread))
                self._unread = bytearray(line)
            if len(self._unread) > MAX_ANSWER_BYTES:
                self.close()
                raise ChildDiedError(f"answered with more than {MAX_ANSWER_BYTES >> 20} MB and was ended")
        return self._lines.pop(0)

    def _died(self) -> ChildDiedError:
        """Return why the child ended. It has closed its pipe, so its exit is near."""
        assert self._process is not None
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._forget()
        return ChildDiedError(describe_exit(code, self.limits))

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        if self._line is not None:
            self._line.close()
        self._process = self._line = None
        self._unread, self._lines = bytearray(), []


def describe_exit(code: int, limits: ResourceLimits) -> str:
    """Describe an exit code, completing the sentence "its reader …"."""
    if code == -signal.SIGXCPU:
        return f"used more than {limits.cpu_seconds} s of processor time and was ended"
    if code == -signal.SIGKILL:
        return "was killed, as the system does where memory runs out"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"crashed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def close_files(files: Iterable[int]) -> None:
    """Close open files."""
    for descriptor in files:
        os.close(descriptor)
