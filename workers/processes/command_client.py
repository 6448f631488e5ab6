"""Run a command in the system's command server: the side of the command line.

Loading what a command needs takes more than a second of CPU, and its work a few hundredths. So commands that only read
are run by a process of the running system that has loaded all of it (`workers.processes.command_server`), with the
descriptors, environment and working directory of this one. Without such a process they are run here.

The system of a data folder has its socket there. Where the environment names the servers, the first of API, watcher and
workers on this machine (in this container) that was started for the same database by the same user offers one.
"""

import hashlib
import json
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMAND_SOCKET = Path("run", "commands.socket")
COMMAND_ANSWER = struct.Struct("q")
"""What the server writes: the pid of the command, later its exit code, negative for a signal."""
CONNECT_SECONDS = 2.0
PEER_CREDENTIALS = struct.Struct("iII")
PROGRAM = Path(__file__).parents[1] / "main.py"


def read_program_version() -> int:
    """Return what changes when another version is installed over this one: then a command is run here."""
    return PROGRAM.stat().st_mtime_ns


def bound_socket_path(data: Path) -> tuple[int, str]:
    """Return an open folder, and the path of the socket by it: the path itself may be too long for a socket."""
    folder = os.open(data / COMMAND_SOCKET.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return folder, f"/proc/self/fd/{folder}/{COMMAND_SOCKET.name}"


def connect_to_system(data: Path) -> socket.socket | None:
    """Connect to the command server of a data folder; return None if there is none."""
    try:
        folder, path = bound_socket_path(data)
    except OSError:
        return None
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(path)
        except OSError:
            connection.close()
            return None
    finally:
        os.close(folder)
    return connection


def machine_address(database_url: str) -> str:
    """Return the address of this user's command server on this machine for a database. It is no file, for one file
    system may be that of several containers, and every user can see it, so that nothing of a password is in it."""
    place = os.fsencode(database_url.rpartition("@")[2])
    return f"\0tapeless-{os.geteuid()}-{hashlib.sha256(place).hexdigest()[:32]}"


def connect_to_machine(database_url: str) -> socket.socket | None:
    """Connect to this user's command server on this machine for a database; return None if there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(CONNECT_SECONDS)
        connection.connect(machine_address(database_url))
        # Every user can take a free address, and would be sent the environment of this one.
        if read_peer_user(connection) == os.geteuid():
            return connection
    except OSError:  # nothing is there; other systems than Linux have no such addresses
        pass
    connection.close()
    return None


def read_peer_user(connection: socket.socket) -> int:
    """Return the user of the process on the other side."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, PEER_CREDENTIALS.size)
    user: int = PEER_CREDENTIALS.unpack(credentials)[1]
    return user


def identify_folder(folder: str) -> list[int]:
    """Return what distinguishes a folder from one of the same path in another mount namespace."""
    found = os.stat(folder)
    return [found.st_dev, found.st_ino]


def run_in_server(connection: socket.socket, arguments: Sequence[str], env: Mapping[str, str]) -> int | None:
    """Run a command in the server, with standard input and outputs of this process; return its exit code, or None if
    it was not begun."""
    with connection:
        try:
            folder = os.getcwd()
            request = {
                "arguments": list(arguments),
                "env": dict(env),
                "folder": folder,
                "folder_identity": identify_folder(folder),
                "version": read_program_version(),
            }
            message = json.dumps(request).encode() + b"\n"
            sent = socket.send_fds(connection, [message], [0, 1, 2])
            connection.sendall(message[sent:])
            begun = connection.recv(COMMAND_ANSWER.size)
        except OSError:
            return None
        if not begun:
            return None
        connection.settimeout(None)
        try:
            ended = connection.recv(COMMAND_ANSWER.size)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT  # the server ends the command when this connection closes
    if len(ended) < COMMAND_ANSWER.size:
        return 1
    code: int = COMMAND_ANSWER.unpack(ended)[0]
    return 128 - code if code < 0 else code
