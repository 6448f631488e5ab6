"""A cluster behind TLS that asks for user and password: a door in front of the real node, as a cluster has it built in.

The jars of the tests hold no security plugin, so the door ends TLS and looks at who knocks; what it lets in is answered
by the node.
"""

import base64
import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from models.core.sessions import Sessions
from search.engine import SearchUnavailableError
from search.opensearch.client import ClusterConfig
from search.opensearch.engine import OpenSearchEngine
from services.indexing.drain import DrainResult, drain_index_queue
from tests.search.opensearch.asking import CALM, add, titles

USER, PASSWORD = "tapeless", "p@ss word/:1"
QUOTED = "p%40ss%20word%2F%3A1"
ALLOWED = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Door(BaseHTTPRequestHandler):
    """Hands on to the node what came with the right password."""

    protocol_version = "HTTP/1.1"
    node = ""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != ALLOWED:
            self._answer(401, b'{"error": "unauthorized"}')
            return
        there = http.client.HTTPConnection(self.node, timeout=60)
        kept = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "accept")}
        there.request(self.command, self.path, body, kept)
        answer = there.getresponse()
        self._answer(answer.status, answer.read())
        there.close()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _hand_on

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate disconnects during the handshake."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def door(opensearch_url: str, authority: trustme.CA) -> Iterator[str]:
    """Host and port of the door."""
    handler = type("DoorOfNode", (Door,), {"node": urlsplit(opensearch_url).netloc})
    server = QuietServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


def test_documents_go_through_tls_with_a_password_of_any_signs(
    sessions: Sessions, door: str, ca_file: Path, alias: str
) -> None:
    engine = OpenSearchEngine(ClusterConfig(f"https://{USER}:{QUOTED}@{door}", alias, ca_file))
    add(sessions, "a", "b")
    assert drain_index_queue(sessions, engine, CALM) == DrainResult(written=2)
    assert titles(engine) == ["a", "b"]
    for name in engine.indexes.names():
        engine.indexes.drop(name)
    engine.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(sessions: Sessions, door: str, alias: str) -> None:
    engine = OpenSearchEngine(ClusterConfig(f"https://{USER}:{QUOTED}@{door}", alias))
    with pytest.raises(SearchUnavailableError, match="certificate") as refused:
        engine.check(look=True)
    assert QUOTED not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    engine.close()


def test_a_wrong_password_is_told_and_not_shown(door: str, ca_file: Path, alias: str) -> None:
    engine = OpenSearchEngine(ClusterConfig(f"https://{USER}:wrong-one@{door}", alias, ca_file))
    with pytest.raises(SearchUnavailableError, match="refuses the user or the password") as refused:
        engine.check(look=True)
    assert "wrong-one" not in str(refused.value)
    engine.close()
