"""Spans by OpenTelemetry's library, exported as OTLP over HTTP by a background thread.

Imported only if TAPELESS_TRACES_URL is set: the import takes a third of a second, and the library is an extra of the
package. Its own OTEL_ variables (samplers, headers, limits) work as documented there.
"""

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from models.core.tracing import MAX_TRACES, OpenSpan

SPAN_EXPORT_SECONDS = 1.0
SPAN_EXPORT_TIMEOUT_SECONDS = 5.0
TRACEPARENT_HEADER = "traceparent"
TRACE_PROPAGATOR = TraceContextTextMapPropagator()


class SpanFactory:
    """Creates the spans of one process. A collector that is down costs a line in the log, and after a while spans."""

    def __init__(self, endpoint: str, process: str) -> None:
        about = {"service.name": "tapeless", "service.instance.id": f"{process}@{socket.gethostname()}:{os.getpid()}"}
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=True)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SPAN_EXPORT_TIMEOUT_SECONDS)
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=SPAN_EXPORT_SECONDS * 1000)
        )
        self._tracer = self._provider.get_tracer("tapeless")

    def close(self) -> None:
        """Export the remaining spans."""
        self._provider.shutdown()

    @contextmanager
    def begin(
        self, name: str, traces: Iterable[str], about: Mapping[str, object], began_ns: int | None = None
    ) -> Iterator[OpenSpan]:
        """Open one span in each of the traces; later work continues the first, and the others link to it.

        Without traces, it begins a new one.
        """
        attributes = _span_attributes(about)
        parents: list[Context | None] = [
            TRACE_PROPAGATOR.extract({TRACEPARENT_HEADER: trace}) for trace in islice(traces, MAX_TRACES)
        ]
        parents = parents or [None]
        kind = SpanKind.SERVER if name == "http" else SpanKind.INTERNAL
        start = partial(self._tracer.start_span, name, kind=kind, attributes=attributes, start_time=began_ns)
        first = start(parents[0])
        link = Link(first.get_span_context())
        spans = [first, *(start(parent, links=[link]) for parent in parents[1:])]
        try:
            yield OpenSpan(_traceparent(first), lambda name, about: _annotate(spans, name, about))
        except BaseException as error:
            for span in spans:
                span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"[:500]))
            raise
        finally:
            for span in spans:
                span.end()


def _annotate(spans: Iterable[Span], name: str | None, about: Mapping[str, object]) -> None:
    for span in spans:
        if name is not None:
            span.update_name(name)
        span.set_attributes(_span_attributes(about))


def _span_attributes(about: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    """Return values in types that the protocol supports; ids become text."""
    return {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in about.items()
        if value is not None
    }


def _traceparent(span: Span) -> str:
    carrier: dict[str, str] = {}
    TRACE_PROPAGATOR.inject(carrier, set_span_in_context(span))
    # Empty if the library is disabled (OTEL_SDK_DISABLED).
    return carrier.get(TRACEPARENT_HEADER, "")
