"""Trace context of a change on its way through the processes, from detection of the file to its search document. Off by
default.

1. Work is stored in rows and messages are only wake-ups, so the trace is stored in rows too: as a W3C traceparent on
   islands, index marks and jobs, passed to the statements that write them by a setting of the transaction.
2. A row that several changes made dirty keeps the trace of the oldest pending one, as it keeps its time.
3. If tracing is off, nothing is read or written: no additional statement, and null in these columns.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

MAX_TRACES = 20
"""Limit of traces that a batch continues; the others end before it."""
CURRENT_TRACE_SQL = "nullif(current_setting('tapeless.trace', true), '')"
"""SQL of the trace of the current transaction; null if tracing is off."""

_SET_TRACE = text("SELECT set_config('tapeless.trace', :trace, true)")
_CURRENT_TRACE: ContextVar[str | None] = ContextVar("trace", default=None)


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """An open span: its traceparent, and a callback to rename it or to add attributes later."""

    trace: str
    tell: Callable[[str | None, Mapping[str, object]], None]


BeginSpan = Callable[[str, Iterable[str], Mapping[str, object], int | None], AbstractContextManager[OpenSpan]]
"""Opens a span: its name, the traces that it continues, its attributes, and its start in ns if it began earlier."""
_begin: BeginSpan | None = None


def configure_tracing(begin: BeginSpan | None) -> None:
    """Configure how this process opens spans; called once at startup."""
    global _begin  # noqa: PLW0603
    _begin = begin


def is_tracing() -> bool:
    """Whether tracing is on."""
    return _begin is not None


def keep_trace_sql(row: str) -> str:
    """Return SQL that sets the column `trace` of `row` (a table alias) when it becomes dirty, or keeps it if it is
    already."""
    current = CURRENT_TRACE_SQL
    return f"trace = CASE WHEN {row}.dirty_since IS NULL THEN {current} ELSE coalesce({row}.trace, {current}) END"


@contextmanager
def span(
    name: str, traces: Iterable[str | None] = (), *, began_ns: int | None = None, **about: object
) -> Iterator[OpenSpan | None]:
    """Open a span; rows written inside continue it. Without `traces` it is a child of the enclosing span.

    It starts now, or at the wall clock time `began_ns`. Yields None if tracing is off.
    """
    if _begin is None:
        yield None
        return
    around = _CURRENT_TRACE.get()
    given = dict.fromkeys(trace for trace in traces if trace) or ([around] if around else ())
    with _begin(name, given, about, began_ns) as own:
        token = _CURRENT_TRACE.set(own.trace)
        try:
            yield own
        finally:
            _CURRENT_TRACE.reset(token)


def propagate_trace(session: Session) -> None:
    """Make the rows that this transaction writes continue the enclosing span."""
    trace = _CURRENT_TRACE.get()
    if trace:
        session.execute(_SET_TRACE, {"trace": trace})
