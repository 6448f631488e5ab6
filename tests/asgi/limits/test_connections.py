"""Connections have deadlines and a maximum number, and a client that waits for nothing is served meanwhile."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest
from starlette.types import Receive, Scope, Send

from asgi.limits.connections import ConnectionLimits
from asgi.limits.server import make_server, raise_file_limit
from tests.api.conftest import Api
from tests.waiting import wait_until

LIMITS = ConnectionLimits(connections=20, head_seconds=0.3, body_seconds=0.3, unread_seconds=0.3)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_GET = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
BIG = 20 * 1024 * 1024
"""More than the buffers of a connection hold."""


async def echo_size(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the size of the body; below /big with many bytes; below /early before the body was read."""
    if scope["type"] != "http":
        return
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = b"x" * BIG if scope["path"] == "/big" else str(size).encode()
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(limits: ConnectionLimits = LIMITS) -> Iterator[int]:
    """Serve the application in a thread; yields the port."""
    server = make_server(echo_size, limits, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server started")
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as port:
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def send(port: int, *parts: bytes) -> bytes:
    """Send parts over a connection of their own; return what comes until the server closes."""
    with closing(connect(port)) as connection:
        for part in parts:
            connection.sendall(part)
        return read_all(connection)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 408),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", 408),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1000, 411),
        (GET + b"POST / HTTP/1.1\r\nTRANSFER-encoding : chunked\r\nHost: x\r\n\r\n", 200),
    ],
)
def test_a_request_that_is_not_complete_in_time_or_too_large_is_refused(port: int, sent: bytes, status: int) -> None:
    answer = send(port, sent)
    assert status_of(answer) == status
    if status != 200:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"]


def test_a_second_request_on_a_connection_keeps_the_same_limits(port: int) -> None:
    too_large = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 20_000 + b"\r\n\r\n"
    with closing(connect(port)) as connection:
        connection.sendall(GET)
        assert status_of(connection.recv(1000)) == 200
        connection.sendall(too_large)
        assert status_of(read_all(connection)) == 431
    assert send(port, GET + too_large).count(b"HTTP/1.1 200") == 1


def test_a_connection_without_a_byte_is_closed_without_an_answer(port: int) -> None:
    assert send(port) == b""


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nHost: x\r\nA: ", b"POST / HTTP/1.1\r\nContent-Length: 99\r\n"])
def test_a_client_that_sends_byte_by_byte_gains_no_time(port: int, head: bytes) -> None:
    start = time.monotonic()
    with closing(connect(port)) as connection:
        connection.sendall(head)

        def is_closed() -> bool:
            try:
                connection.sendall(b"a")
            except OSError:
                return True
            return False

        wait_until(is_closed, what="the server closed", seconds=5)
    assert time.monotonic() - start < 2


def test_a_request_in_parts_and_a_kept_connection_are_served(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    with closing(connect(port)) as connection:
        for part in (GET[:5], GET[5:], head, b"x" * 60_000, b"x" * 40_000):
            connection.sendall(part)
        found = b""
        while not found.endswith(b"100000"):
            part = connection.recv(65536)
            assert part
            found += part


def test_an_answer_before_the_body_is_read_reaches_a_client_that_still_sends(port: int) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n"
    assert status_of(send(port, head, b"x" * 3_000_000)) == 200


def test_a_client_that_sends_on_after_its_response_is_cut_off(port: int) -> None:
    head = b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n"
    with closing(connect(port)) as connection:
        connection.sendall(head)
        assert status_of(read_all(connection)) == 200

        def is_closed() -> bool:
            try:
                connection.sendall(b"x" * 1_000)
            except OSError:
                return True
            return False

        wait_until(is_closed, what="the server closed", seconds=5)


def test_a_client_that_does_not_read_its_response_is_cut_off(port: int) -> None:
    with closing(connect(port)) as connection:
        connection.sendall(GET.replace(b"/ ", b"/big "))
        assert connection.recv(1)
        until = time.monotonic() + 1.5
        wait_until(lambda: time.monotonic() > until, what="time passed")
        assert len(read_all(connection)) < BIG


def test_at_the_maximum_the_longest_waiting_connection_makes_room(port: int) -> None:
    with serving(replace(LIMITS, head_seconds=10.0)) as patient, ExitStack() as stack:
        held = [stack.enter_context(closing(connect(patient))) for _ in range(60)]
        for connection in held:
            connection.sendall(GET[:10])
        assert status_of(send(patient, LAST_GET)) == 200
        assert read_all(held[0]) == b""
        held[-1].sendall(GET[10:])
        assert status_of(held[-1].recv(100)) == 200


def test_at_the_maximum_an_address_with_few_connections_keeps_them() -> None:
    """A kept connection of a health check, older than those of an address that floods, stays and is served."""
    with serving(replace(LIMITS, head_seconds=10.0)) as patient, ExitStack() as stack:
        honest = stack.enter_context(closing(connect(patient)))
        ask(honest)
        for _ in range(60):
            flood = socket.create_connection(("127.0.0.1", patient), timeout=5, source_address=("127.0.0.2", 0))
            stack.enter_context(closing(flood)).sendall(GET[:10])
        assert status_of(send(patient, LAST_GET)) == 200
        ask(honest)


def ask(connection: socket.socket) -> None:
    """Send a request over a connection that is kept, and read its whole answer."""
    connection.sendall(GET)
    found = b""
    while not found.endswith(b"\r\n\r\n0"):
        part = connection.recv(1000)
        assert part, "it was closed"
        found += part


def test_half_sent_requests_do_not_stop_the_api(api: Api) -> None:
    """1,500 of them are more than the limit of 1,000 connections and more than the usual 1,024 files of a process."""
    assert raise_file_limit(3_000) == 3_000
    port = int(api.root.rpartition(":")[2])
    with ExitStack() as stack:
        held = [stack.enter_context(closing(connect(port))) for _ in range(1_500)]
        for connection in held[-900:]:
            connection.sendall(b"POST /API/users/v1/users/ HTTP/1.1\r\nHost: x\r\n")
        for _ in range(20):
            start = time.monotonic()
            assert api.http.get(f"{api.root}/health").status_code == 200
            assert time.monotonic() - start < 1
        assert all(read_all(connection) == b"" for connection in held[:500])
