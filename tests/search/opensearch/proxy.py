"""A proxy before a real OpenSearch, at which a test makes the network and the cluster misbehave."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import plain_http

Answer = tuple[int, dict[str, Any]]
BUSY: Answer = (429, {"error": {"type": "rejected_execution_exception", "reason": "queue is full"}, "status": 429})


@dataclass
class Proxy:
    """Passes everything on. `before` may answer itself, or wait; `after` may change an answer. Both get the path."""

    node: str
    before: Callable[[str], Answer | None] = lambda _path: None
    after: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _path, body: body
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen; after a `close` on the same port."""
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), make_handler(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections from now on."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    def count(self, path: str) -> int:
        return sum(each.startswith(path) for each in self.asked)


def make_handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.asked.append(self.path)
            own = proxy.before(self.path)
            if own is None:
                kind = {"Content-Type": self.headers.get("Content-Type", "application/json")}
                real = plain_http.request(
                    self.command, f"{proxy.node}{self.path}", content=body, headers=kind, timeout=60
                )
                own = real.status_code, proxy.after(self.path, real.json() if real.content else {})
            told = json.dumps(own[1]).encode()
            self.send_response(own[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = pass_on

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def open_proxy(node: str) -> Iterator[Proxy]:
    proxy = Proxy(node)
    proxy.open()
    try:
        yield proxy
    finally:
        proxy.close()
