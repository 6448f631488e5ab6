"""Log context: ids that are added to every log line while the work on them goes on.

An operator who has one id (of a request, a job, an asset) finds all of its lines in the logs of every process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_LOG_FIELDS: ContextVar[Mapping[str, str]] = ContextVar("about")


def log_fields() -> Mapping[str, str]:
    """Return the current ids by name: `request_id`, `task`, `task_id`, `job_id`, `job`, `asset_id`."""
    return _LOG_FIELDS.get({})


@contextmanager
def bind_log_fields(**ids: object) -> Iterator[None]:
    """Add ids to every line logged inside the block, beside those already set."""
    token = _LOG_FIELDS.set({**log_fields(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _LOG_FIELDS.reset(token)
