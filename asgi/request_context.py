"""What endpoints receive: the call with its caller and transaction."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from asgi.answers import JobIdAnswer
from asgi.context import ApiContext
from asgi.limits.addresses import UNKNOWN_CUSTOMER, customer_address
from models.access.acl import Actor
from models.core.sessions import transact
from models.queues.job import Job
from services.access.tokens import AuthenticatedToken

TransactionResult = TypeVar("TransactionResult")


@dataclass(slots=True)
class Call:
    """One request inside its transaction: the caller, the session, and the tasks to notify after the commit."""

    context: ApiContext
    request: Request
    session: Session
    signed_in: AuthenticatedToken | None
    actor: Actor
    wake_ups: list[tuple[str, list[str]]] = field(default_factory=list)

    def notify(self, task: str, ids: Iterable[UUID]) -> None:
        """Queue wake-up messages for rows of this transaction; they are sent after the commit."""
        self.wake_ups.append((task, [str(key) for key in ids]))

    def start_job(self, job: Job) -> JobIdAnswer:
        """Queue the wake-up message of a new job, and return its id as clients read it."""
        self.notify(job.task or "", [job.id])
        return {"job_id": str(job.id)}

    @property
    def token(self) -> AuthenticatedToken:
        """Return the token that authenticated the caller. Public routes have none and must not call this."""
        assert self.signed_in is not None
        return self.signed_in


@dataclass(frozen=True, slots=True)
class SelfCommittingCall:
    """One request whose endpoint runs its own short transactions, because slow steps lie between them."""

    context: ApiContext
    request: Request
    actor: Actor

    def transact(self, work: Callable[[Session], TransactionResult]) -> TransactionResult:
        """Run `work` in one transaction and commit."""
        return transact(self.context.sessions, work)

    @property
    def address(self) -> str:
        """Return the IP address of the caller."""
        return client_address(self.request)


def client_address(request: Request) -> str:
    """Return the IP address that a request came from, as limits count it."""
    return customer_address(request.client.host) if request.client else UNKNOWN_CUSTOMER


def public_base_url(call: Call | SelfCommittingCall) -> str:
    """Return the base URL of every link, without a trailing slash: the configured one, else that of this request, which
    its Host header says."""
    return (call.context.outside.public_url or str(call.request.base_url)).rstrip("/")
