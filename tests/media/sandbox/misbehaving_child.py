"""A program for a confined child that does what a malicious file could make a parser do."""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from media.sandbox.protocol import SandboxRequest, handle_items, serve_requests
from media.sandbox.seccomp import X32_BIT
from media.sandbox.syscalls import (
    ALLOWED_SYSCALLS,
    AT_EMPTY_PATH,
    CLONE,
    FCNTL,
    IOCTL,
    MMAP,
    MPROTECT,
    NEWFSTATAT,
    PRLIMIT,
    TGKILL,
)

LAST_SYSCALL = 600
"""Beyond the newest of the kernel's table, which ends near 470."""
TRAPS = (335, 336)
"""uretprobe and uprobe of x86-64: the kernel serves them before any filter, and ends with SIGILL who calls them without
a probe."""


def hang() -> None:
    signal.pause()


def crash() -> None:
    ctypes.string_at(0)


def burn() -> None:
    while True:
        pass


def eat() -> int:
    return len([bytearray(64 << 20) for _ in range(100)])


def talk() -> str:
    return "x" * (40 << 20)


def mutter() -> str:
    os.write(1, b"error: no such layer\n")
    return "fine"


def write() -> None:
    os.write(1, b"")
    with open("/tmp/escaped", "w") as file:
        file.write("out")


def connect() -> None:
    socket.socket(socket.AF_INET)


def start() -> None:
    os.execv("/bin/true", ["true"])


def remove() -> None:
    os.unlink("/tmp/whatever")


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def chmod(file: int) -> None:
    os.fchmod(file, 0o777)


def strike() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.tgkill(os.getppid(), os.getppid(), 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def starve() -> None:
    resource.prlimit(os.getppid(), resource.RLIMIT_CPU)


def point() -> None:
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())


def point_otherwise() -> None:
    fcntl.ioctl(0, 0x8901, os.getppid().to_bytes(4, "little"))


def abort() -> None:
    os.abort()


def execute() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)


def look() -> None:
    os.stat("/etc/passwd")


def look_by_descriptor() -> None:
    """Ask for a path by the call that asks for the size of an open file."""
    libc, found = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(512)
    number = NEWFSTATAT[["x86_64", "aarch64"].index(platform.machine())]
    path, here = ctypes.c_char_p(b"/etc/passwd"), ctypes.c_long(-100)
    if libc.syscall(ctypes.c_long(number), here, path, found, ctypes.c_long(AT_EMPTY_PATH)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def look_by_other_table() -> None:
    """Make a call by the second table that x86-64 has."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(X32_BIT | 39)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def try_all() -> dict[str, list[int]]:
    """Make every system call that is not allowed, with arguments that none accepts; return the numbers by error."""
    column = ["x86_64", "aarch64"].index(platform.machine())
    allowed = {row[column] for row in ALLOWED_SYSCALLS.values()}
    allowed |= set(TRAPS) if column == 0 else set()
    allowed |= {row[column] for row in (CLONE, TGKILL, PRLIMIT, MMAP, MPROTECT, FCNTL, IOCTL, NEWFSTATAT)}
    libc = ctypes.CDLL(None, use_errno=True)
    found: dict[str, list[int]] = {}
    for number in range(LAST_SYSCALL):
        if number not in allowed:
            ctypes.set_errno(0)
            came = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
            name = errno.errorcode.get(ctypes.get_errno(), "none") if came == -1 else "none"
            found.setdefault(name, []).append(number)
    return found


def share() -> str:
    found: list[str] = []
    threads = [threading.Thread(target=found.append, args=("here",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return " ".join(found)


DEEDS: Mapping[str, Callable[[], Any]] = {
    deed.__name__: deed
    for deed in (
        hang,
        crash,
        burn,
        eat,
        talk,
        mutter,
        write,
        connect,
        start,
        remove,
        fork,
        abort,
        share,
        execute,
        look,
        look_by_descriptor,
        look_by_other_table,
        try_all,
    )
}

ABOUT_OTHERS = {deed.__name__: deed for deed in (strike, starve, point, point_otherwise)}


def do(asked: Mapping[str, Any], files: list[int]) -> Mapping[str, Any]:
    if asked.get("deed") == "chmod":
        chmod(files[0])
    elif "deed" in asked:
        return {"came": (DEEDS | ABOUT_OTHERS)[asked["deed"]]()}
    return {"read": os.pread(files[0], 100, 0).decode("utf-8", "replace"), "environment": sorted(os.environ)}


def answer(request: SandboxRequest) -> Iterator[Mapping[str, Any]]:
    """As every program; and where an item asks for it, gone when all are answered and before that is said."""
    yield from handle_items(do)(request)
    if any(item["asked"].get("leaves") for item in request.values["items"]):
        os._exit(3)


if __name__ == "__main__":
    serve_requests(answer)
