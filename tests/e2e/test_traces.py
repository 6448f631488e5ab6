"""One trace covers a dropped file up to its document, through every process, as recorded by a real collector."""

import gzip
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from celery import Celery
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import text

from models.core.timing import Timing
from tests.e2e.system import System, free_port, open_system
from tests.files import write
from tests.waiting import wait_until

WAY = ("watch.notice", "watch.publish", "ingest.island", "index.drain")


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
        """Suppress the request log."""


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
    with open_system(folder, TAPELESS_TRACES_URL=spans.url, TAPELESS_TRIGGER_USER="admin@localhost") as system:
        system.start(folder / "card", "--flower-port", "0", "--broker-port", str(free_port()))
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


def test_a_dropped_file_has_one_trace_from_when_it_was_noticed_to_its_document(
    system: System, spans: Collector
) -> None:
    dropped = time.time_ns()
    write(system.data.parent / "card", "reel/a.mov")
    trace = way_of(spans, "reel/a.mov")
    notice, publish, ingest, drain = (trace[name] for name in WAY)
    assert [trace[name].parent_span_id for name in WAY] == [b"", notice.span_id, publish.span_id, ingest.span_id]
    assert dropped < notice.start_time_unix_nano < publish.start_time_unix_nano < ingest.start_time_unix_nano
    assert ingest.start_time_unix_nano < drain.end_time_unix_nano
    assert publish.start_time_unix_nano - dropped > 0.9e9 * Timing().close_seconds
    waited = next(each.value.double_value for each in notice.attributes if each.key == "waited_seconds")
    assert waited > 0
    assert abs(publish.start_time_unix_nano - notice.start_time_unix_nano - waited * 1e9) < 0.1e9
    assert told(notice)["by"] in ("event", "listing")
    system.wait_until_idle(files=1)
    with system.session() as session:
        left = "SELECT count(*) FROM island WHERE trace IS NOT NULL AND dirty_since IS NULL"
        assert session.scalar(text(left)) == 0


def test_a_request_is_a_span_of_its_callers_trace_by_route_and_its_change_goes_on_with_it(
    system: System, spans: Collector
) -> None:
    trace = uuid.uuid4().hex
    with client_of(system, trace) as client:
        (asset,) = client.get("/API/assets/v1/assets/").raise_for_status().json()["objects"]
        client.patch(f"/API/assets/v1/assets/{asset['id']}/", json={"title": "renamed"}).raise_for_status()

    def is_indexed() -> bool:
        return any(span.trace_id.hex() == trace for span in spans.named("index.drain"))

    wait_until(is_indexed, what="the request's trace reaches the index", seconds=40)
    (request,) = wait_until(
        lambda: spans.named("PATCH /API/assets/v1/assets/{asset_id}/"), what="the API sent its spans", seconds=20
    )
    assert (request.trace_id.hex(), request.kind) == (trace, Span.SPAN_KIND_SERVER)
    assert told(request)["http.response.status_code"] == "200"
    (drain,) = (span for span in spans.named("index.drain") if span.trace_id.hex() == trace)
    assert drain.parent_span_id == request.span_id


def client_of(system: System, trace: str) -> httpx.Client:
    """The administrator at the API, who follows what comes of it."""
    printed = re.search(r"(http://127\.0\.0\.1:\d+)/API", system.printed())
    assert printed is not None
    made = system.ask("token", "create", "admin@localhost")
    headers = {"App-ID": made["app_id"], "Auth-Token": made["token"], "traceparent": traceparent(trace)}
    return httpx.Client(base_url=printed[1], headers=headers)


def traceparent(trace: str) -> str:
    return f"00-{trace}-00f067aa0ba902b7-01"


def job_of(spans: Collector, trace: str) -> Span:
    """The first turn of the job of a trace."""

    def found() -> Span | None:
        turns = [span for span in spans.named("job") if span.trace_id.hex() == trace]
        return min(turns, key=lambda span: span.start_time_unix_nano, default=None)

    return wait_until(found, what="the job is in the trace of what made it", seconds=40)


def span_of(spans: Collector, name: str, trace: str) -> Span:
    """The one span of this name in a trace, once it was sent; children are sent before their parents."""
    return wait_until(
        lambda: next((span for span in spans.named(name) if span.trace_id.hex() == trace), None),
        what=f"the span {name}",
        seconds=20,
    )


def test_a_job_goes_on_in_the_trace_of_the_request_that_made_it(system: System, spans: Collector) -> None:
    trace = uuid.uuid4().hex
    with client_of(system, trace) as client:
        made = client.post("/API/trigger/v1/scan/", json={"storage": "card"}).raise_for_status().json()
    job = job_of(spans, trace)
    request = span_of(spans, "POST /API/trigger/v1/{name}/", trace)
    assert (told(job)["job_id"], job.parent_span_id) == (made["id"], request.span_id)


def test_a_job_goes_on_in_the_trace_of_the_message_that_asked_for_it(system: System, spans: Collector) -> None:
    trace = uuid.uuid4().hex
    with closing(Celery(broker=system.run("trigger", "credentials").strip(), set_as_current=False)) as app:
        sent = {"kwargs": {"storage": "card"}, "queue": "trigger", "headers": {"traceparent": traceparent(trace)}}
        task_id = app.send_task("trigger.scan", ignore_result=True, **sent).id
    job = job_of(spans, trace)
    trigger = span_of(spans, "trigger", trace)
    assert (told(job)["job_id"], told(trigger)["trigger"]) == (task_id, "scan")
    assert job.parent_span_id == trigger.span_id
