"""Processes that a fork server starts: the side of the supervisor."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from workers.processes.file_rights import FileRights
from workers.processes.pdeathsig import end_with_parent_prefix

FORK_SERVER_MODULE = "workers.processes.fork_server"
LOADED_SECONDS = 60.0
"""How long the first process waits for all modules to be loaded."""
ANSWER = struct.Struct("q")
"""What the fork server writes of a process: its pid, later its exit code."""


class ForkServerError(Exception):
    """The fork server did not fork; the message says why and names its log."""


class ForkedProcess:
    """A process that the fork server forked: what `subprocess.Popen` offers of one that is a child of our child."""

    def __init__(self, pid: int, answers: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answers = answers

    @classmethod
    def from_answers(cls, answers: int, seconds: float) -> Self | None:
        """Wait for the pid of a new process; return None if nothing was forked.

        No more than the pid is read: the exit code of a process that has ended already is behind it.
        """
        pid = os.read(answers, ANSWER.size) if select.select([answers], [], [], seconds)[0] else b""
        return cls(ANSWER.unpack(pid)[0], answers) if pid else None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, or None while the process runs."""
        if self.returncode is None and select.select([self._answers], [], [], 0)[0]:
            # End of file: the fork server is dead, and the kernel ends its children.
            code = os.read(self._answers, ANSWER.size)
            self.returncode = ANSWER.unpack(code)[0] if code else -signal.SIGKILL
            os.close(self._answers)
        return self.returncode

    def wait(self) -> int:
        """Wait for the end of the process and return its exit code."""
        if self.returncode is None:
            select.select([self._answers], [], [])
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class ForkServer:
    """Starts processes from modules that are loaded once; itself started, and started again, where it is needed."""

    def __init__(self, module: str, env: Mapping[str, str], log: Path) -> None:
        """`module` imports what the processes need, in the environment `env`."""
        self._module = module
        self.env = env
        self._log = log
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Begin to load the modules, unless it runs."""
        if self._server is not None and self._server.poll() is None:
            return
        self.close()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._control, other = socket.socketpair()
        with other, open(self._log, "ab") as log:
            command = [sys.executable, "-P", "-m", FORK_SERVER_MODULE, str(other.fileno()), self._module]
            self._server = subprocess.Popen(
                [*end_with_parent_prefix(signal.SIGTERM, FileRights.WATCH.mask), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.env),
                pass_fds=[other.fileno()],
                start_new_session=True,
            )

    def fork(
        self,
        argv: Sequence[str],
        log: IO[bytes],
        env: Mapping[str, str],
        death_signal: int,
        is_background: bool,
        rights: FileRights = FileRights.NONE,
    ) -> ForkedProcess:
        """Run a module (`argv[0]`) with its arguments in a process of its own.

        Raises:
            ForkServerError: The modules cannot be loaded.
        """
        self.start()
        assert self._control is not None
        request = {
            "module": argv[0],
            "arguments": list(argv[1:]),
            "env": dict(env),
            "death_signal": death_signal,
            "is_background": is_background,
            "rights": rights,
        }
        answers, answer = os.pipe()
        try:
            with suppress(BrokenPipeError, ConnectionResetError):
                message = json.dumps(request).encode() + b"\n"
                sent = socket.send_fds(self._control, [message], [log.fileno(), answer])
                self._control.sendall(message[sent:])
        finally:
            os.close(answer)
        process = ForkedProcess.from_answers(answers, LOADED_SECONDS)
        if process is None:
            os.close(answers)
            raise ForkServerError(f"{' '.join(argv)}: the fork server does not answer; see {self._log}")
        return process

    def close(self) -> None:
        """End the server; processes that still run end with it."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            self._server.wait()
        self._server = self._control = None
