"""The way of one change through the processes, from a file's look to its search document; followed only where asked.

1. Rows carry the work and messages are doorbells, so the trace travels in rows too: as a W3C traceparent on islands,
   index marks and jobs, told to the statements that write them by a setting of the transaction.
2. A row that several changes made dirty keeps the trace of the one that waits longest, as it keeps its time.
3. Off, which is the default, nothing is told, read or written: no statement more, and a null in these columns.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

MOST_TRACES = 20
"""A batch goes on with at most so many; the others end before it."""
TRACE_NOW = "nullif(current_setting('tapeless.trace', true), '')"
"""SQL: the trace of this transaction; null where nothing is followed."""

_SET = text("SELECT set_config('tapeless.trace', :trace, true)")
_CURRENT: ContextVar[str | None] = ContextVar("trace", default=None)


@dataclass(frozen=True, slots=True)
class OpenSpan:
    """A span under way: its traceparent, and how it is told another name or what is known of it only later."""

    trace: str
    tell: Callable[[str | None, Mapping[str, object]], None]


BeginSpan = Callable[[str, Iterable[str], Mapping[str, object], int | None], AbstractContextManager[OpenSpan]]
"""Opens a span: its name, the traces it goes on with, what it is about, when it began if that was before."""
_begin: BeginSpan | None = None


def use_traces(begin: BeginSpan | None) -> None:
    """Say how this process opens spans; a fact of the process, said once when it starts."""
    global _begin  # noqa: PLW0603
    _begin = begin


def is_tracing() -> bool:
    """Whether anybody follows."""
    return _begin is not None


def keeping_trace(row: str) -> str:
    """SQL that sets the column `trace` of a `row` (alias of the table) that becomes dirty now, or is already."""
    return f"trace = CASE WHEN {row}.dirty_since IS NULL THEN {TRACE_NOW} ELSE coalesce({row}.trace, {TRACE_NOW}) END"


@contextmanager
def span(
    name: str, traces: Iterable[str | None] = (), *, began_ns: int | None = None, **about: object
) -> Iterator[OpenSpan | None]:
    """A part of the way: what is written inside goes on with it. Without `traces` it belongs to the span around it.

    It began now, or by the wall clock at `began_ns`. None where nobody follows.
    """
    if _begin is None:
        yield None
        return
    around = _CURRENT.get()
    given = dict.fromkeys(trace for trace in traces if trace) or ([around] if around else ())
    with _begin(name, given, about, began_ns) as own:
        token = _CURRENT.set(own.trace)
        try:
            yield own
        finally:
            _CURRENT.reset(token)


def tell_trace(session: Session) -> None:
    """Have the rows that this transaction writes go on with the span around it."""
    trace = _CURRENT.get()
    if trace:
        session.execute(_SET, {"trace": trace})
