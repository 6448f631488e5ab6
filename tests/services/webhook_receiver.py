"""A webhook receiver for tests: a real HTTP server that records requests and returns a configurable status."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass(slots=True)
class Target:
    """What came in, and the status that is answered."""

    status: int = 204
    location: str | None = None
    heard: list[Heard] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    hang: threading.Event | None = None
    """Answers wait for this."""

    def url(self, host: str = "127.0.0.1", path: str = "/hook?x=1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def operations(self) -> list[tuple[str, str, str]]:
        return [(each.told["event_type"], each.told["realm"], each.told["operation"]) for each in self.heard]


@contextmanager
def webhook_target(certificate: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Target]:
    """Run one on a free port of the loopback."""
    target = Target(scheme="https" if certificate else "http")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            target.heard.append(Heard(self.path, headers, body))
            if target.hang is not None:
                target.hang.wait(30)
            self.send_response(target.status)
            if target.location is not None:
                self.send_header("Location", target.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Suppress the request log."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        daemon_threads = True

    server = Server((host, 0), Handler)
    if certificate is not None:
        server.socket = certificate.wrap_socket(server.socket, server_side=True)
    target.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
