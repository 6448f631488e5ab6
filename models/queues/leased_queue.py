"""The leased queue: one set of statements for the tables whose rows workers claim, renew and complete.

Life of a row:

1. It is written in the transaction of the change that asks for it, and is due once `not_before` has passed.
2. A claim takes a lease by the clock of the database and counts the attempt, in a short transaction.
3. The work runs with no transaction open; a heartbeat renews the lease.
4. The work completes it, or releases it without a failure.
5. A failure makes it wait with backoff, or claims it alone next time; after the last try it is a dead letter.
6. An operator requeues a dead letter.

Owner and attempt are the fencing token: no statement changes a row whose lease was lost.
"""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import DefaultNow
from models.core.paths import storable_text
from models.core.statements import execute_dml
from models.core.timing import Timing

IS_UNLEASED = "(lease_until IS NULL OR lease_until <= now())"
IS_DUE = f"parked_at IS NULL AND not_before <= now() AND {IS_UNLEASED}"
SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
"""Lets concurrent claims pass each other without waiting."""
LEASE_END = "now() + make_interval(secs => :lease)"
DROP_LEASE = "lease_owner = NULL, lease_until = NULL"


class LeaseMixin:
    """Columns of every queue whose rows workers lease."""

    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default="0")
    """Claims since the last orderly end, counted by the claim, so that the crash of a worker counts too."""
    dead_lettered_at: Mapped[datetime | None] = mapped_column("parked_at")


class LeasedQueueMixin(LeaseMixin):
    """Columns of a table that `LeasedQueue` has the statements for."""

    not_before: Mapped[DefaultNow]
    """The row is due from then on."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """How much one claim takes, and how often and how soon failed work is tried again."""

    batch: int = 1
    max_tries: int | None = None
    """Failures until a dead letter; None: it is one if the next try would be after `give_up_at`."""
    first_retry_seconds: float = 2
    backoff_factor: float = 2
    max_retry_seconds: float = 300
    tries: str = "attempt"
    """SQL of the number of failures, this one included."""

    @property
    def retry_at(self) -> str:
        """SQL of the time of the next try: exponential backoff."""
        delay = f"{self.first_retry_seconds} * power({self.backoff_factor}, least(attempt - 1, 9))"
        return f"now() + make_interval(secs => least({self.max_retry_seconds}, {delay}))"

    @property
    def is_exhausted(self) -> str:
        """SQL condition: this failure is the last."""
        return f"{self.retry_at} > give_up_at" if self.max_tries is None else f"{self.tries} >= {self.max_tries}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claimed row; `owner` and `attempt` are the fencing token of every later write."""

    id: Any
    owner: str = ""
    attempt: int = 0


LeaseT = TypeVar("LeaseT", bound=Lease)


@dataclass(frozen=True, eq=False, kw_only=True)
class WorkQueue:
    """A table of pending work, and what status, metrics, backlog, verify, sweep and retention need to know about it."""

    table: str
    noun: str
    """What operators call one row …"""
    plural: str
    """… and many."""
    task: str
    """The task that works on it; empty if that depends on the row."""
    celery_queue: str
    key: str = "id"
    key_type: str = "uuid"
    error: str = "error"
    """Column of the reason why it failed …"""
    tries: str = "attempt"
    """… and how often."""
    title: str
    """SQL of a row's name for people; columns of the table are named as `work.`, because it may join others."""
    joins: str = ""
    subject: str = "NULL AS object_type, NULL AS object_id"
    """SQL of the object that it is about."""
    is_pending: str
    """SQL condition: it is neither done nor dead-lettered."""
    pending_since: str
    requeued: str
    """SQL assignments, beside the common ones, that make a dead letter pending."""
    discarded: str = ""
    """SQL assignments that end a dead letter as done; empty if its row is deleted."""
    is_dispatched: bool = False
    """Whether messages name rows; otherwise one message without ids has the task claim any of them."""
    waits: str = ""
    """SQL condition: the sweep would find work for it. Empty if beat asks for it."""
    is_overdue: str = ""
    """SQL condition, beside a lease that ended long ago: the sweep should have taken it up."""
    is_expired: str = ""
    """SQL condition: it ended more than `:days` ago. Empty if rows stay, or leave when they are done."""

    def requeue(self, session: Session, keys: Sequence[Any] | None = None) -> int:
        """Requeue dead letters on request of an operator, all without `keys`; returns their number."""
        return execute_dml(session, _requeue_statement(self), {"keys": None if keys is None else list(keys)})

    def discard(self, session: Session, key: Any, reason: str) -> int:
        """End a dead letter for good on request of an operator, with the reason; returns 1, or 0 if it is none."""
        return execute_dml(session, _discard_statement(self), {"key": key, "reason": reason})

    @property
    def view(self) -> str:
        """SQL of a subselect by which statements of other packages read the table. The planner merges it into them."""
        return f"(SELECT * FROM {self.table})"

    @property
    def pending_count(self) -> str:
        """SQL of the number of pending rows."""
        return f"(SELECT count(*) FROM {self.table} WHERE {self.is_pending})"

    @property
    def dead_count(self) -> str:
        """SQL of the number of dead letters."""
        return f"(SELECT count(*) FROM {self.table} WHERE parked_at IS NOT NULL)"

    @property
    def lag(self) -> str:
        """SQL of the age of the oldest pending row, in seconds."""
        oldest = f"SELECT min({self.pending_since}) FROM {self.table} WHERE {self.is_pending}"
        return f"coalesce(extract(epoch FROM now() - ({oldest})), 0)"

    @property
    def oldest(self) -> str:
        """SQL of the time of the oldest pending row, in seconds since 1970; null if nothing is pending."""
        return f"(SELECT extract(epoch FROM min({self.pending_since})) FROM {self.table} WHERE {self.is_pending})"

    @property
    def dead_letters(self) -> str:
        """SQL of the dead letters as rows of the backlog, oldest first, at most `:most`."""
        return f"""
            SELECT '{self.noun}' AS kind, CAST(work.{self.key} AS text) AS key, {self.title} AS what,
                'PARKED' AS state, work.parked_at AS since, work.{self.tries} AS tries, work.{self.error} AS why,
                nullif('{self.task}', '') AS task, '{self.celery_queue}' AS queue, {self.subject},
                NULL::bigint AS progress
            FROM {self.table} AS work {self.joins}
            WHERE work.parked_at IS NOT NULL ORDER BY work.parked_at LIMIT :most
        """

    @property
    def faults(self) -> str:
        """SQL of sentences on rows that the sweep missed twice after a lease of `:sweep` seconds, or that have no
        reason."""
        is_lost = f"lease_until < now() - make_interval(secs => 2 * :sweep) AND {self.is_overdue or 'false'}"
        return f"""
            SELECT '{self.noun} ' || {self.key} || CASE WHEN parked_at IS NULL
                THEN ': its lease ended and it was not taken up' ELSE ': a dead letter without a reason' END
            FROM {self.table} WHERE parked_at IS NULL AND {is_lost} OR parked_at IS NOT NULL AND {self.error} IS NULL
        """

    def delete_expired(self, session: Session, days: int, most: int) -> int:
        """Delete up to `most` rows that ended more than `days` ago, in the order of their keys."""
        old = f"SELECT {self.key} FROM {self.table} WHERE {self.is_expired} ORDER BY {self.key} LIMIT :most"
        statement = text(f"DELETE FROM {self.table} WHERE {self.key} IN ({old})")
        return execute_dml(session, statement, {"days": days, "most": most})

    def count_pending(self, session: Session) -> int:
        """Count the rows that are neither done nor dead-lettered."""
        return int(session.execute(text(f"SELECT {self.pending_count}")).scalar_one())

    def count_dead_letters(self, session: Session) -> int:
        """Count the rows that wait for an operator, or for a change."""
        return int(session.execute(text(f"SELECT {self.dead_count}")).scalar_one())

    def is_waiting(self, session: Session, **asked: object) -> bool:
        """Return whether there is work to claim or to dispatch now. Locks nothing."""
        return bool(session.scalar(_waits_statement(self), asked))


@dataclass(frozen=True, eq=False, kw_only=True)
class LeasedQueue(WorkQueue, Generic[LeaseT]):
    """A queue with the columns of `LeasedQueueMixin`. Its assignments go beside the common ones of each statement."""

    policy: QueuePolicy
    lease: type[LeaseT]
    candidates: str
    """SQL that selects the keys of claimable rows, at most `:most`, locked by SKIP_LOCKED."""
    scope: str = "true"
    """SQL condition within which the key is unique."""
    returning: str = ""
    """Columns that a lease has beside the common ones."""
    version: str = "work.attempt"
    """SQL of the version of the content that is worked on."""
    is_stopped: str = "false"
    """SQL condition: a user asked the worker to stop."""
    claimed: str = ""
    renewed: str = ""
    completed: str = ""
    """Empty if completed rows are deleted."""
    due: str = "not_before"
    """Column of the time from which a row is due."""
    released: str = "attempt = 0"
    delay: str = "make_interval(secs => :seconds)"
    """SQL of the interval for which a row is released."""
    isolated_at: str = "now()"
    """SQL of the time from which an isolated row is due."""
    failed: str = ""
    is_crashed: str = "false"
    """SQL condition: its workers died too often."""
    crash_reason: str = "''"

    def claim(
        self,
        session: Session,
        /,
        timing: Timing,
        most: int | None = None,
        candidates: str | None = None,
        **asked: object,
    ) -> list[LeaseT]:
        """Lease up to `most` due rows, returned in the order of their keys."""
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        limits = {"owner": owner, "lease": timing.lease_seconds, "most": most or self.policy.batch}
        rows = session.execute(_claim_statement(self, candidates or self.candidates), limits | asked)
        return sorted((self.lease(owner=owner, **row) for row in rows.mappings()), key=lambda lease: lease.id)

    def fence(self, session: Session, leases: Sequence[Lease]) -> dict[Any, int]:
        """Lock the rows that are still leased; returns the version of each."""
        return {row.id: row.version for row in session.execute(_fence_statement(self), _fence(leases))}

    def heartbeat(
        self, session: Session, /, leases: Sequence[Lease], timing: Timing, **values: object
    ) -> dict[Any, bool]:
        """Renew leases; returns those that are still held, with whether a user asked the worker to stop."""
        renewal = _change_statement(
            self, f"lease_until = {LEASE_END}{self.renewed}", f"{self.is_stopped} AS is_stopped"
        )
        rows = session.execute(renewal, _fence(leases) | {"lease": timing.lease_seconds} | values)
        return {row.id: row.is_stopped for row in rows}

    def complete(
        self, session: Session, /, leases: Sequence[Lease], reason: str | None = None, **values: object
    ) -> int:
        """Complete what is done; a `reason` says why it was not. Returns how many rows were still leased."""
        changes = self.completed and f"{self.completed}, {DROP_LEASE}"
        return self._change(session, leases, changes, [reason] * len(leases), **values)

    def release(self, session: Session, /, leases: Sequence[Lease], seconds: float = 0, **values: object) -> int:
        """Make rows pending again without a failure, due in `seconds`."""
        due = f"CASE WHEN :seconds > 0 THEN now() + {self.delay} ELSE least({self.due}, now()) END"
        changes = f"{self.released}, {self.due} = {due}, {DROP_LEASE}"
        return self._change(session, leases, changes, seconds=seconds, **values)

    def retry(self, session: Session, leases: Sequence[Lease], errors: Sequence[str]) -> set[Any]:
        """Record failures, to be tried again with backoff; returns those that are dead-lettered instead."""
        last = f"parked_at = CASE WHEN {self.policy.is_exhausted} THEN now() END"
        changes = f"{self.error} = reason, {self.due} = {self.policy.retry_at}, {last}{self.failed}, {DROP_LEASE}"
        failure = _change_statement(self, changes, "work.parked_at IS NOT NULL AS is_dead")
        return {row.id for row in session.execute(failure, _fence(leases, errors)) if row.is_dead}

    def isolate(self, session: Session, leases: Sequence[Lease], errors: Sequence[str]) -> int:
        """Record failures that another row of the batch may have caused: each is claimed alone next."""
        changes = f"{self.error} = reason, {self.due} = {self.isolated_at}, {DROP_LEASE}"
        return self._change(session, leases, changes, errors)

    def dead_letter(self, session: Session, leases: Sequence[Lease], errors: Sequence[str]) -> int:
        """Dead-letter what no further try would change."""
        return self._change(session, leases, f"{self.error} = reason, parked_at = now(), {DROP_LEASE}", errors)

    def dead_letter_crashed(self, session: Session) -> int:
        """Dead-letter rows whose workers died too often to do it themselves; returns their number."""
        return execute_dml(session, _crash_statement(self))

    def _change(
        self,
        session: Session,
        leases: Sequence[Lease],
        changes: str,
        reasons: Sequence[str | None] = (),
        /,
        **values: object,
    ) -> int:
        """Change the rows that are still leased."""
        return execute_dml(session, _change_statement(self, changes), _fence(leases, reasons) | values) if leases else 0


def _fence(leases: Sequence[Lease], reasons: Sequence[str | None] = ()) -> dict[str, object]:
    """Return the parameters of a statement about the leases of one claim."""
    return {
        "keys": [lease.id for lease in leases],
        "attempts": [lease.attempt for lease in leases],
        "owner": leases[0].owner if leases else "",
        "reasons": [None if reason is None else storable_text(reason) for reason in reasons],
    }


@cache
def _claim_statement(queue: LeasedQueue[Any], candidates: str) -> TextClause:
    # ARRAY(...) is run once. As a join or with IN, the planner may run it for each row, and lock more rows than LIMIT.
    return text(f"""
        UPDATE {queue.table} AS work
        SET lease_owner = :owner, lease_until = {LEASE_END}, attempt = attempt + 1{queue.claimed}
        WHERE {queue.key} = ANY(ARRAY({candidates})) AND {queue.scope}
        RETURNING work.{queue.key} AS id, work.attempt{queue.returning}
    """)


def _held(queue: WorkQueue) -> str:
    return f"""unnest(CAST(:keys AS {queue.key_type}[]), CAST(:attempts AS int[]), CAST(:reasons AS text[]))
            AS held (held_key, held_attempt, reason)
        WHERE work.{queue.key} = held_key AND work.lease_owner = :owner AND work.attempt = held_attempt"""


@cache
def _fence_statement(queue: LeasedQueue[Any]) -> TextClause:
    # Locked in the order of keys, so that two workers cannot deadlock.
    return text(f"""
        SELECT work.{queue.key} AS id, {queue.version} AS version FROM {queue.table} AS work, {_held(queue)}
        ORDER BY work.{queue.key} FOR UPDATE OF work
    """)


@cache
def _change_statement(queue: LeasedQueue[Any], changes: str, returning: str = "") -> TextClause:
    """Build the change of leased rows; without changes they are deleted."""
    change = (
        f"UPDATE {queue.table} AS work SET {changes} FROM" if changes else f"DELETE FROM {queue.table} AS work USING"
    )
    rows = f"RETURNING work.{queue.key} AS id, {returning}" if returning else ""
    return text(f"{change} {_held(queue)} {rows}")


@cache
def _crash_statement(queue: LeasedQueue[Any]) -> TextClause:
    return text(f"""
        UPDATE {queue.table} SET parked_at = now(), {queue.error} = coalesce({queue.error}, {queue.crash_reason}),
            {DROP_LEASE}
        WHERE parked_at IS NULL AND {queue.is_crashed}
    """)


@cache
def _requeue_statement(queue: WorkQueue) -> TextClause:
    keys = f"CAST(:keys AS {queue.key_type}[])"
    return text(f"""
        UPDATE {queue.table} SET parked_at = NULL, {queue.error} = NULL, {queue.requeued}
        WHERE parked_at IS NOT NULL AND ({keys} IS NULL OR {queue.key} = ANY({keys}))
    """)


@cache
def _discard_statement(queue: WorkQueue) -> TextClause:
    is_it = f"parked_at IS NOT NULL AND {queue.key} = CAST(:key AS {queue.key_type})"
    if not queue.discarded:
        # The reason is a parameter of both forms, and recorded by the caller.
        return text(f"DELETE FROM {queue.table} WHERE {is_it} AND CAST(:reason AS text) IS NOT NULL")
    reason = f"{queue.error} = 'discarded: ' || :reason || coalesce('; before: ' || {queue.error}, '')"
    return text(f"UPDATE {queue.table} SET parked_at = NULL, {queue.discarded}, {reason} WHERE {is_it}")


@cache
def _waits_statement(queue: WorkQueue) -> TextClause:
    return text(f"SELECT {queue.waits}")
