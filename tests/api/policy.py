"""Who may do what over HTTP: one row a route, in a table for each service. A route without a row fails a test.

The four codes are what an administrator, the owner of the object, somebody who may read it, and a stranger hear.
Nobody (no token) hears 401 everywhere but where `nobody` says otherwise. On an object of somebody else, owner and
reader are strangers. Somebody outside, whom a share allows everything that shares can allow, hears 403 or 404 but where
`guest` says what he hears of the shared object.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Policy:
    """One row: what each caller hears, with a body and an address that would succeed for the first of them."""

    codes: str
    body: Any = None
    params: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Other ids for names in the address."""
    nobody: int = 401
    guest: int | None = None

    @property
    def is_of_object(self) -> bool:
        """Whether it matters whose object is asked for."""
        return len(set(self.codes.split())) > 1


ALL_MAY, READ, WRITE = "{0} {0} {0} {0}", "{0} {0} {0} 404", "{0} {0} 403 404"


def all_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Everybody who is signed in."""
    return Policy(ALL_MAY.format(code), body, **more)


def readers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Whoever reads the object."""
    return Policy(READ.format(code), body, **more)


def writers_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Whoever writes (or deletes, or gives rights on) the object."""
    return Policy(WRITE.format(code), body, **more)


def administrators_may(code: int, body: Any = None, **more: Any) -> Policy:
    """Administrators, and nobody else."""
    return Policy(f"{code} 403 403 403", body, **more)
