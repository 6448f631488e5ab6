"""Command server: runs commands that only read in a process that has loaded what they need.

Started by the fork server of `tapeless up` as `workers.processes.command_server DATA_FOLDER MODULE...`, or forked by
another process of ours at its start (`host_commands`), which shares what both have loaded. The first of the modules has
the command line as its function `main`. It has one thread and no connection to a server, so that its forks share
nothing by mistake. Each command is a fork with the descriptors, environment and folder of the asking process, and ends
with it. It runs nothing for others than its own user and root.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import NoReturn, TextIO, cast

from setproctitle import setproctitle

from workers.processes.command_client import (
    COMMAND_ANSWER,
    CONNECT_SECONDS,
    bound_socket_path,
    identify_folder,
    machine_address,
    read_peer_user,
    read_program_version,
)
from workers.processes.pdeathsig import end_with_parent

MAX_COMMAND_BYTES = 4 << 20
"""Arguments and environment; the kernel passes at most 2 MB of both to a program."""
MAX_COMMANDS = 64
DESCRIPTORS = 3
"""Standard input, output and error."""
COMMAND_MODULES = (
    *("workers.main", "workers.commands.server.status", "workers.commands.catalog.show", "workers.commands.admin.jobs"),
    *("workers.commands.admin.storage", "workers.commands.admin.audit", "workers.commands.admin.accounts"),
    *("workers.commands.admin.webhook", "workers.commands.catalog.share"),
)
"""The command line, and the commands that are run without loading anything."""


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command line to run."""

    arguments: list[str]
    env: dict[str, str]
    folder: str
    folder_identity: list[int]
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
        """Return whether a request comes from the owner or root, from the version that is loaded here, and from a
        folder that is the same one here."""
        is_known = request.version == self.version and read_peer_user(connection) in (0, os.geteuid())
        return is_known and identify_folder(request.folder) == request.folder_identity

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


def host_commands(database_url: str, modules: Sequence[str] = COMMAND_MODULES) -> None:
    """Fork a command server for this user of this machine and a database, which ends with this process; there is one at
    most.

    Call it before this process has a thread or a connection: the fork would have a copy of them. The fork costs 32 MB.
    """
    listener = _listen_on_machine(database_url)
    if listener is None:
        return
    version = read_program_version()
    program = _load_commands(modules)
    parent = os.getpid()
    if os.fork():
        listener.close()
        gc.enable()
        return
    try:
        end_with_parent(signal.SIGTERM, parent)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()  # Ctrl-C is for the process that started it
        setproctitle("tapeless: command server")
        _serve_commands(listener, version, program)
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(1)


def _listen_on_machine(database_url: str) -> socket.socket | None:
    """Bind the address; return None where another process has it, and on systems other than Linux."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.bind(machine_address(database_url))
        listener.listen(MAX_COMMANDS)
    except OSError:
        listener.close()
        return None
    return listener


def _load_commands(modules: Sequence[str]) -> ModuleType:
    """Load the modules into pages that all forks share; return the first, which has the command line."""
    gc.disable()
    program, *_ = [importlib.import_module(module) for module in modules]
    gc.collect()
    gc.freeze()
    return program


def _serve_commands(listener: socket.socket, version: int, program: ModuleType) -> NoReturn:
    """Fork a process for each command, and run the command there."""
    server_pid = os.getpid()
    request, descriptors = CommandServer(listener, version, {}).serve()
    become_command(request, descriptors, server_pid)
    code: object = 0
    try:
        program.main(args=request.arguments, prog_name="tapeless")
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    with suppress(OSError):  # the reader of a pipe is gone
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else 0)


def main(arguments: list[str]) -> None:
    """Load the modules, then fork a process for each command of a data folder."""
    data, *modules = arguments
    version = read_program_version()
    program = _load_commands(modules)
    _serve_commands(listen_for_commands(Path(data)), version, program)


if __name__ == "__main__":
    main(sys.argv[1:])
