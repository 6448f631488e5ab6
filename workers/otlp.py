"""Spans by OpenTelemetry's own library, sent to a collector as OTLP over HTTP by a thread of their own.

Loaded only where TAPELESS_TRACES_URL is set: it takes a third of a second, and is an extra of the package. The
library's own OTEL_ names (samplers, headers, limits) work as its documentation says.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from models.tracing import MOST_TRACES, OpenSpan

SEND_SECONDS = 1.0
TIMEOUT_SECONDS = 5.0
HEADER = "traceparent"
W3C = TraceContextTextMapPropagator()


class Spans:
    """Opens the spans of one process; a collector that is away costs a line in the log, and spans after a while."""

    def __init__(self, endpoint: str, process: str) -> None:
        about = {"service.name": "tapeless", "service.instance.id": f"{process}@{socket.gethostname()}:{os.getpid()}"}
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=True)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=TIMEOUT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_SECONDS * 1000))
        self._tracer = self._provider.get_tracer("tapeless")

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    @contextmanager
    def begin(
        self, name: str, traces: Iterable[str], about: Mapping[str, object], began_ns: int | None = None
    ) -> Iterator[OpenSpan]:
        """One span in each of the traces, at the same time; what follows goes on with the first, the rest link to it.

        Without any it begins a trace of its own.
        """
        attributes = _plain(about)
        parents = [W3C.extract({HEADER: trace}) for trace in islice(traces, MOST_TRACES)] or [None]
        kind = SpanKind.SERVER if name == "http" else SpanKind.INTERNAL
        start = partial(self._tracer.start_span, name, kind=kind, attributes=attributes, start_time=began_ns)
        first = start(parents[0])
        link = Link(first.get_span_context())
        spans = [first, *(start(parent, links=[link]) for parent in parents[1:])]
        try:
            yield OpenSpan(_traceparent(first), lambda name, about: _tell(spans, name, about))
        except BaseException as error:
            for span in spans:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"[:500]))
            raise
        finally:
            for span in spans:
                span.end()


def _tell(spans: Iterable[Span], name: str | None, about: Mapping[str, object]) -> None:
    for span in spans:
        if name is not None:
            span.update_name(name)
        span.set_attributes(_plain(about))


def _plain(about: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    """Values as the protocol knows them; ids as text."""
    return {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in about.items()
        if value is not None
    }


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    W3C.inject(carrier, set_span_in_context(span))
    # Empty where the library was told to be off (OTEL_SDK_DISABLED).
    return carrier.get(HEADER, "")
