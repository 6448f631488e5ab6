"""Command server: runs commands that only read in a process that has loaded what they need.

Started by the fork server as `workers.processes.command_server SOCKET_FOLDER MODULE...`; the first of the modules has
the command line as its function `main`. It has one thread and no connection to a server, so that its forks share
nothing by mistake. Each command is a fork with the descriptors, environment and folder of the asking process, and ends
with it. Only the owner of the data folder, and root, can reach its socket.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, cast

from workers.processes.command_client import (
    COMMAND_ANSWER,
    CONNECT_SECONDS,
    bound_socket_path,
    read_program_version,
)
from workers.processes.pdeathsig import end_with_parent

MAX_COMMAND_BYTES = 4 << 20
"""Arguments and environment; the kernel passes at most 2 MB of both to a program."""
MAX_COMMANDS = 64
DESCRIPTORS = 3
"""Standard input, output and error."""
PEER_CREDENTIALS = struct.Struct("iII")


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command line to run."""

    arguments: list[str]
    env: dict[str, str]
    folder: str
    version: int


@dataclass(slots=True)
class CommandServer:
    """The listening socket and the commands that run."""

    listener: socket.socket
    version: int
    running: dict[int, socket.socket]

    def serve(self) -> tuple[CommandRequest, list[int]]:
        """Fork a process for each command; return only in these, with the descriptors of the asking process."""
        wake_reader, wake_writer = os.pipe()
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            full = len(self.running) >= MAX_COMMANDS
            sources: list[socket.socket | int] = [wake_reader, *self.running.values()]
            sources += [] if full else [self.listener]
            readable, _, _ = select.select(sources, [], [])
            if wake_reader in readable:
                os.read(wake_reader, 512)
                self._report_exits()
            for pid, connection in list(self.running.items()):
                if connection in readable:  # nothing is sent but the end: the asking process is gone
                    os.kill(pid, signal.SIGTERM)
                    self.running.pop(pid).close()
            if self.listener in readable and (taken := self._take()) is not None:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(wake_reader)
                os.close(wake_writer)
                return taken

    def _take(self) -> tuple[CommandRequest, list[int]] | None:
        """Accept a request and fork; return it in the new process, and None in the server."""
        connection, _ = self.listener.accept()
        descriptors: list[int] = []
        pid = -1
        try:
            connection.settimeout(CONNECT_SECONDS)
            request = _receive_command(connection, descriptors)
            if self._is_welcome(connection, request) and len(descriptors) == DESCRIPTORS:
                pid = os.fork()
        except (OSError, ValueError, TypeError):
            pid = -1  # the asking process runs its command itself
        if pid == 0:
            for each in (connection, self.listener, *self.running.values()):
                each.close()
            return request, descriptors
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            self.running[pid] = connection
            _answer_command(connection, pid)
        else:
            connection.close()
        return None

    def _is_welcome(self, connection: socket.socket, request: CommandRequest) -> bool:
        """Return whether a request comes from the owner or root, and from the version that is loaded here."""
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
        _, uid, _ = PEER_CREDENTIALS.unpack(credentials)
        return request.version == self.version and uid in (0, os.geteuid())

    def _report_exits(self) -> None:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                connection = self.running.pop(ended[0], None)
                if connection is not None:
                    _answer_command(connection, os.waitstatus_to_exitcode(ended[1]))
                    connection.close()


def _receive_command(connection: socket.socket, descriptors: list[int]) -> CommandRequest:
    """Read one request; its descriptors are added to the list as soon as they are here."""
    line, received, _, _ = socket.recv_fds(connection, MAX_COMMAND_BYTES, DESCRIPTORS)
    descriptors += received
    while line and not line.endswith(b"\n") and len(line) < MAX_COMMAND_BYTES:
        more = connection.recv(MAX_COMMAND_BYTES)
        if not more:
            break
        line += more
    return CommandRequest(**json.loads(line))


def _answer_command(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # the asking process is gone
        connection.sendall(COMMAND_ANSWER.pack(number))


def listen_for_commands(data: Path) -> socket.socket:
    """Bind the socket of a data folder; one of an earlier run is replaced."""
    folder, path = bound_socket_path(data)
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(MAX_COMMANDS)
    finally:
        os.close(folder)
    return listener


def become_command(request: CommandRequest, descriptors: list[int], server_pid: int) -> None:
    """Take over descriptors, folder, environment and arguments of the asking process."""
    end_with_parent(signal.SIGTERM, server_pid)
    for place, descriptor in enumerate(descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    # Not reconfigured: the streams of the server remember whether its own files can be sought.
    sys.stdin, sys.stdout, sys.stderr = (_open_stream(place, mode) for place, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(request.env)
    os.chdir(request.folder)
    sys.argv = ["tapeless", *request.arguments]
    gc.enable()


def _open_stream(descriptor: int, mode: str) -> TextIO:
    buffering = 1 if os.isatty(descriptor) or descriptor == 2 else -1
    opened = os.fdopen(descriptor, mode, buffering, encoding="utf-8", errors="surrogateescape", closefd=False)
    return cast(TextIO, opened)


def main(arguments: list[str]) -> None:
    """Load the modules, then fork a process for each command."""
    data, program, *modules = arguments
    version = read_program_version()
    gc.disable()
    entry = importlib.import_module(program)
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    server_pid = os.getpid()
    request, descriptors = CommandServer(listen_for_commands(Path(data)), version, {}).serve()
    become_command(request, descriptors, server_pid)
    entry.main(args=request.arguments, prog_name="tapeless")


if __name__ == "__main__":
    main(sys.argv[1:])
