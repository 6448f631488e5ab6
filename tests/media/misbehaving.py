"""A program for a confined child that does what a malicious file could make a parser do."""

import ctypes
import os
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any

from media.child import answering_items, serve


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


def write() -> None:
    os.write(1, b"")
    with open("/tmp/escaped", "w") as file:
        file.write("out")


def connect() -> None:
    socket.create_connection(("127.0.0.1", 1))


def start() -> None:
    os.execv("/bin/true", ["true"])


def remove() -> None:
    os.unlink("/tmp/whatever")


DEEDS: Mapping[str, Callable[[], Any]] = {
    deed.__name__: deed for deed in (hang, crash, burn, eat, talk, write, connect, start, remove)
}


def do(asked: Mapping[str, Any], files: list[int]) -> Mapping[str, Any]:
    if "deed" in asked:
        return {"came": DEEDS[asked["deed"]]()}
    return {"read": os.pread(files[0], 100, 0).decode("utf-8", "replace"), "environment": sorted(os.environ)}


if __name__ == "__main__":
    serve(answering_items(do))
