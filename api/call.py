"""Request context that endpoints receive: caller, transaction and pending notifications."""

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
    """Response body with its status, for endpoints with more than one success status."""

    status: int
    body: Any = None


@dataclass(slots=True)
class Call:
    """One request inside its transaction: the caller, the session, and the tasks to notify after the commit."""

    context: Context
    request: Request
    session: Session
    signed_in: SignedIn | None
    actor: Actor
    rings: list[tuple[str, list[str]]] = field(default_factory=list)

    def ring(self, task: str, ids: Iterable[UUID]) -> None:
        """Queue wake-up messages for rows of this transaction; they are sent after the commit."""
        self.rings.append((task, [str(key) for key in ids]))

    @property
    def token(self) -> SignedIn:
        """Return the token that authenticated the caller. Public routes have none and must not call this."""
        assert self.signed_in is not None
        return self.signed_in


@dataclass(frozen=True, slots=True)
class OpenCall:
    """One request whose endpoint runs its own short transactions, because slow steps lie between them."""

    context: Context
    request: Request
    actor: Actor

    def transact(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in one transaction and commit."""
        return transact(self.context.sessions, work)

    @property
    def address(self) -> str:
        """Return the IP address of the caller."""
        return self.request.client.host if self.request.client else "unknown"
