"""What the lines of a log are about: ids that stand in every line while the work on them goes on.

An operator who has one id (of a request from an error, of a job from a list, of an asset) finds all lines of it, in
whichever process they were written.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about")


def log_fields() -> Mapping[str, str]:
    """The ids by their names: `request_id`, `task`, `task_id`, `job_id`, `asset_id`."""
    return _ABOUT.get({})


@contextmanager
def log_about(**ids: object) -> Iterator[None]:
    """Put ids into every line that is logged inside, beside those that are there already."""
    token = _ABOUT.set({**log_fields(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _ABOUT.reset(token)
