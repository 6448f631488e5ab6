"""The sandbox protocol, child's side: requests with open files come in, answers go out as JSON lines.

A sandboxed program is a function from a request to answers; `serve_requests` runs its whole life:

1. Standard input is a socket. Its first packet contains the limits; the program drops its rights and reports that it is
   ready.
2. Each further packet is one request as JSON with its open files attached: the program cannot open files itself. A
   request may cover many files, and a process answers many requests.
3. Answers are JSON, one per line, each with the number of its request. There may be any number of them; the last has
   `done`. An error is an answer too, and the next request is read.
"""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from media.sandbox.seccomp import ResourceLimits, confine_process, grant_cpu_time

PACKET_BYTES = 256 << 10
MAX_PACKET_FILES = 250
"""The kernel passes up to 253 open files in a packet."""


DEVICE_ERRNOS = frozenset(
    {errno.EIO, errno.ESTALE, errno.EBADF, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EINTR, errno.ENOMEM}
)
"""Errors of a disk or a network, after which the same file may be read well."""


class UnreadableError(Exception):
    """The file is invalid; the message says how, for users, without the file's name."""


class NoDecoderError(UnreadableError):
    """The file is whole as far as it can be read, and nothing here decodes what is in it."""


@dataclass(slots=True)
class SandboxRequest:
    """One request with its open files, which are closed when it is answered."""

    values: Mapping[str, Any]
    files: list[int]
    limits: ResourceLimits
    _line: socket.socket = field(repr=False)

    def renew_cpu_time(self) -> None:
        """Grant fresh processor time for the next file."""
        grant_cpu_time(self.limits)

    def more(self) -> tuple[Mapping[str, Any], list[int]]:
        """Wait for another packet of this request, after an answer that asked for it."""
        packet = _receive(self._line)
        if packet is None:
            raise SystemExit(0)
        self.files.extend(packet[1])
        return packet

    def close_files(self) -> None:
        """Close all files received so far."""
        for descriptor in self.files:
            os.close(descriptor)
        self.files.clear()


RequestHandler = Callable[[SandboxRequest], Iterator[Mapping[str, Any]]]


def serve_requests(answer: RequestHandler) -> None:
    """Answer requests until the parent closes the socket."""
    with socket.socket(fileno=os.dup(0)) as line, _take_output() as output:
        hello = _receive(line)
        if hello is None:
            return
        limits = ResourceLimits(**hello[0]["limits"])
        _send_answer(output, {"ready": True, "missing": confine_process(limits, hello[0]["parent"])})
        while (packet := _receive(line)) is not None:
            request = SandboxRequest(packet[0], packet[1], limits, line)
            number = packet[0]["number"]
            request.renew_cpu_time()
            try:
                for said in answer(request):
                    _send_answer(output, {"number": number, **said})
                _send_answer(output, {"number": number, "done": True})
            except Exception as error:
                _send_answer(output, {"number": number, "done": True, **describe_error(error)})
            finally:
                request.close_files()


def describe_error(error: Exception) -> dict[str, Any]:
    """Describe an error for the parent: whether the file is at fault, and a sentence."""
    if isinstance(error, UnreadableError):
        has_decoder = not isinstance(error, NoDecoderError)
        return {"error": str(error), "kind": "unreadable", "has_decoder": has_decoder}
    if isinstance(error, MemoryError):
        return {"error": "needs more memory than a file may take", "kind": "limit"}
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return {"error": f"{type(error).__name__}: {text}"[:500], "kind": "error"}


def _receive(line: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Receive the next packet with its files; None once the parent has closed the socket."""
    packet, files, _, _ = socket.recv_fds(line, PACKET_BYTES, MAX_PACKET_FILES)
    return (json.loads(packet), list(files)) if packet else None


def _take_output() -> TextIO:
    """Return standard output as the channel of answers; what libraries print goes to standard error from now on."""
    output = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    return output


def _send_answer(output: TextIO, answer: Mapping[str, Any]) -> None:
    output.write(json.dumps(answer, ensure_ascii=True, separators=(",", ":")) + "\n")
    output.flush()


def handle_items(read: Callable[[Mapping[str, Any], list[int]], Mapping[str, Any]]) -> RequestHandler:
    """Return a handler for requests of many items with their own files, answered one by one in order.

    An error of one item does not affect the next. If the process dies, the first item without an answer is the cause.
    """

    def answer(request: SandboxRequest) -> Iterator[Mapping[str, Any]]:
        place = 0
        for item in request.values["items"]:
            files = request.files[place : place + item["files"]]
            place += item["files"]
            request.renew_cpu_time()
            try:
                yield {"key": item["key"], "result": read(item["asked"], files)}
            except Exception as error:
                yield {"key": item["key"], **describe_error(error)}

    return answer
