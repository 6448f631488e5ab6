"""The access policy of the HTTP API: one row per route, in a table per service. A route without a row fails a test.

The four status codes are those for an administrator, the owner of the object, a reader of it, and a stranger.
Anonymous callers (no token) get 401 unless `nobody` sets another code. On another user's object, owner and reader are
strangers. A guest of a share that allows everything gets 403 or 404, unless `guest` sets the code for the shared
object.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """One row: the status codes by role, with a body and a URL that succeed for the first role."""

    codes: str
    body: Any = None
    params: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Other ids for names in the address."""
    nobody: int = 401
    guest: int | None = None

    @property
    def is_of_object(self) -> bool:
        """Whether the status depends on the owner of the object."""
        return len(set(self.codes.split())) > 1


ALL_MAY, READ, WRITE = "{0} {0} {0} {0}", "{0} {0} {0} 404", "{0} {0} 403 404"


def all_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Every authenticated user."""
    return Policy(ALL_MAY.format(code), body, **more)


def readers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Readers of the object."""
    return Policy(READ.format(code), body, **more)


def writers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Users who may write the object (or delete it, or change its permissions)."""
    return Policy(WRITE.format(code), body, **more)


def administrators_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Only administrators."""
    return Policy(f"{code} 403 403 403", body, **more)
