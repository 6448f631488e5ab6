"""One request inside its transaction, as an endpoint sees it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from api.context import Context
from models.acl import Actor
from models.sessions import transact
from tasks.tokens import SignedIn

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """A body with a status that the request decided, where an endpoint has more than one of success."""

    status: int
    body: Any = None


@dataclass(slots=True)
class Call:
    """Who asks, in which transaction, and what to ring for once that is committed."""

    context: Context
    request: Request
    session: Session
    signed_in: SignedIn | None
    actor: Actor
    rings: list[tuple[str, list[str]]] = field(default_factory=list)

    def ring(self, task: str, ids: Iterable[UUID]) -> None:
        """Ring for rows of this transaction, after it was committed."""
        self.rings.append((task, [str(key) for key in ids]))

    @property
    def token(self) -> SignedIn:
        """By which token the caller came; public routes have none and never ask."""
        assert self.signed_in is not None
        return self.signed_in


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A request whose endpoint has its own short transactions, because something slow stands between them."""

    context: Context
    request: Request
    actor: Actor

    def transact(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in one transaction and commit."""
        return transact(self.context.sessions, work)

    @property
    def address(self) -> str:
        """Where the caller sits."""
        return self.request.client.host if self.request.client else "unknown"
