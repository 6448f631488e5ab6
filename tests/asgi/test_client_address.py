"""Limits count clients: by their address, or by what a trusted proxy says of it, and by nothing that a client says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from threading import Thread

import httpx
import pytest
from fastapi import Request
from starlette.types import Receive, Scope, Send

from asgi.limits.connections import ConnectionLimits
from asgi.limits.server import make_server
from asgi.request_context import client_address
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix", "unknown"),
        ("for=192.0.2.7", "unknown"),
        ("x" * 5_000, "unknown"),
    ],
)
def test_an_address_is_counted_as_that_of_one_customer(host: str, counted: str) -> None:
    assert client_address(Request({"type": "http", "client": (host, 1), "headers": []})) == counted


def test_a_request_without_an_address_is_counted_too() -> None:
    assert client_address(Request({"type": "http", "client": None, "headers": []})) == "unknown"


async def echo_client(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with address and scheme of the request."""
    if scope["type"] != "http":
        return
    body = json.dumps([client_address(Request(scope)), scope["scheme"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def served(*trusted: str) -> Iterator[str]:
    limits = ConnectionLimits(connections=20, head_seconds=5, body_seconds=5)
    networks = [ip_network(each) for each in trusted]
    server = make_server(echo_client, limits, networks, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server started")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)


FORWARDED = {"X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.7", "X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    ("trusted", "seen"),
    [
        ([], ["127.0.0.1", "http"]),
        (["10.0.0.0/8"], ["127.0.0.1", "http"]),
        (["127.0.0.1/32"], ["10.0.0.7", "https"]),
        (["127.0.0.0/8", "10.0.0.0/8"], ["203.0.113.9", "https"]),
    ],
)
def test_headers_of_trusted_proxies_alone_name_the_client(trusted: list[str], seen: list[str]) -> None:
    with served(*trusted) as url:
        assert httpx.get(url, headers=FORWARDED).json() == seen
        assert httpx.get(url).json() == ["127.0.0.1", "http"]


def test_what_a_proxy_passes_on_makes_no_client_several() -> None:
    odd = {
        "192.0.2.7:5": "192.0.2.7",
        "[2001:db8::1]:99": "2001:db8::/64",
        "[2001:db8::1": "unknown",
        "for=192.0.2.7": "unknown",
        "x" * 5_000: "unknown",
        "192.0.2.7,": "127.0.0.1",
        ",": "127.0.0.1",
    }
    with served("127.0.0.1/32") as url, httpx.Client() as client:
        seen = {text: client.get(url, headers={"X-Forwarded-For": text}).json()[0] for text in odd}
    assert seen == odd
