"""One trace leads from a file that is dropped to its document, through every process; a real receiver tells."""

import gzip
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import text

from tests.e2e.system import System, free_port, open_system
from tests.files import write
from tests.waiting import wait_until

WAY = ("watch.publish", "ingest.island", "index.drain")


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the spans."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Receiver)
        self.spans: list[Span] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def named(self, name: str, **attributes: str) -> list[Span]:
        """The spans of a name that have these attributes."""
        return [span for span in list(self.spans) if span.name == name and attributes.items() <= told(span).items()]


class Receiver(BaseHTTPRequestHandler):
    """One request of the protocol."""

    server: Collector

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            sent = gzip.decompress(sent)
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(sent).resource_spans:
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(ExportTraceServiceResponse().SerializeToString())

    def log_message(self, *_: Any) -> None:
        """Nothing: the test tells."""


def told(span: Span) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def spans() -> Iterator[Collector]:
    with collector() as server:
        yield server


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, spans: Collector) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("traces")
    (folder / "card").mkdir()
    with open_system(folder, TAPELESS_TRACES_URL=spans.url) as system:
        system.start(folder / "card", "--flower-port", "0")
        yield system


def way_of(spans: Collector, file: str) -> dict[str, Span]:
    """The spans of the trace that began with this file, once its document is in."""

    def whole() -> dict[str, Span] | None:
        for first in spans.named("watch.publish", first=file):
            trace = {span.name: span for span in list(spans.spans) if span.trace_id == first.trace_id}
            if trace.keys() >= set(WAY):
                return trace
        return None

    return wait_until(whole, what=f"the trace of {file} reaches the index", seconds=40)


def test_a_dropped_file_has_one_trace_from_its_look_to_its_document(system: System, spans: Collector) -> None:
    write(system.data.parent / "card", "reel/a.mov")
    publish, ingest, drain = (way_of(spans, "reel/a.mov")[name] for name in WAY)
    assert (publish.parent_span_id, ingest.parent_span_id, drain.parent_span_id) == (
        b"",
        publish.span_id,
        ingest.span_id,
    )
    assert publish.start_time_unix_nano < ingest.start_time_unix_nano < drain.end_time_unix_nano
    system.wait_until_idle(files=1)
    with system.session() as session:
        left = "SELECT count(*) FROM island WHERE trace IS NOT NULL AND dirty_since IS NULL"
        assert session.scalar(text(left)) == 0


def test_a_request_is_a_span_of_its_callers_trace_by_route_and_its_change_goes_on_with_it(
    system: System, spans: Collector
) -> None:
    trace = uuid.uuid4().hex
    made = system.ask("token", "create", "admin@localhost")
    headers = {"App-ID": made["app_id"], "Auth-Token": made["token"]}
    headers["traceparent"] = f"00-{trace}-00f067aa0ba902b7-01"
    with httpx.Client(base_url=api_of(system), headers=headers) as client:
        (asset,) = client.get("/API/assets/v1/assets/").raise_for_status().json()["objects"]
        client.patch(f"/API/assets/v1/assets/{asset['id']}/", json={"title": "renamed"}).raise_for_status()

    def is_indexed() -> bool:
        return any(span.trace_id.hex() == trace for span in spans.named("index.drain"))

    wait_until(is_indexed, what="the request's trace reaches the index", seconds=40)
    (request,) = spans.named("PATCH /API/assets/v1/assets/{asset_id}/")
    assert (request.trace_id.hex(), request.kind) == (trace, Span.SPAN_KIND_SERVER)
    assert told(request)["http.response.status_code"] == "200"
    (drain,) = (span for span in spans.named("index.drain") if span.trace_id.hex() == trace)
    assert drain.parent_span_id == request.span_id


def api_of(system: System) -> str:
    printed = re.search(r"(http://127\.0\.0\.1:\d+)/API", system.printed())
    assert printed is not None
    return printed[1]
