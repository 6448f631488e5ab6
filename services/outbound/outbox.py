"""Lease, acknowledge and dead-letter rows of a transactional outbox: the same statements for mails and webhook
deliveries.

Delivery is at least once: a worker that dies between the receiver's answer and our commit sends again, so each message
carries an id that stays the same.
"""

import os
import socket
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.core.statements import execute_dml
from models.core.timing import Timing
from models.queues.outbox import IS_OUTBOX_DUE

MESSAGE_IS_FREE = f"{IS_OUTBOX_DUE} AND not_before <= now() AND (lease_until IS NULL OR lease_until <= now())"
FIRST_RETRY_SECONDS, RETRY_BACKOFF_FACTOR, MAX_RETRY_DELAY_SECONDS = 10, 3, 3600
"""Exponential backoff: 10 s after the first failure, then three times longer each, at most an hour; about 28 tries a
day."""


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A leased row; `owner` and `attempt` are its fencing token."""

    id: uuid.UUID
    owner: str
    attempt: int


SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
"""How candidates are locked for a claim; a mere existence check removes it."""


class Outbox:
    """The statements for one table that has the columns of `models.queues.outbox`."""

    def __init__(self, table: str, candidates: str | None = None) -> None:
        """`candidates` is SQL that selects ids of up to `:most` claimable rows, fairly, locked by `SKIP_LOCKED`."""
        oldest = f"SELECT id FROM {table} WHERE {MESSAGE_IS_FREE} ORDER BY not_before, id LIMIT :most {SKIP_LOCKED}"
        chosen = candidates or oldest
        held = f"UPDATE {table} SET {{}} WHERE id = :id AND lease_owner = :owner AND attempt = :attempt"
        let_go = "lease_owner = NULL, lease_until = NULL"
        backoff = f"{FIRST_RETRY_SECONDS} * power({RETRY_BACKOFF_FACTOR}, least(attempt - 1, 9))"
        wait = f"least({MAX_RETRY_DELAY_SECONDS}, {backoff})"
        later = f"now() + make_interval(secs => {wait})"
        self._waits = text(f"SELECT EXISTS ({chosen.replace(SKIP_LOCKED, '')})")
        self._claim = text(f"""
            UPDATE {table} SET lease_owner = :owner, lease_until = now() + make_interval(secs => :lease),
                attempt = attempt + 1
            WHERE id IN ({chosen})
            RETURNING id, attempt
        """)
        self._renew = text(f"""
            UPDATE {table} SET lease_until = now() + make_interval(secs => :lease)
            WHERE id = ANY(:ids) AND lease_owner = :owner
        """)
        self._done = text(held.format(f"done_at = now(), error = :error, {let_go}"))
        self._park = text(held.format(f"parked_at = now(), error = :error, {let_go}"))
        self._fail = text(
            held.format(
                f"error = :error, not_before = {later}, parked_at = CASE WHEN {later} > give_up_at THEN now() END, "
                + let_go
            )
        )
        self._park_dead = text(f"""
            UPDATE {table} SET parked_at = now(), lease_owner = NULL, lease_until = NULL,
                error = coalesce(error, 'its worker died ' || attempt || ' times while it was sent')
            WHERE {MESSAGE_IS_FREE} AND attempt > 0 AND give_up_at < now()
        """)
        self._release = text(held.format(f"attempt = attempt - 1, {let_go}"))
        self._retry = text(f"""
            UPDATE {table} SET parked_at = NULL, error = NULL, attempt = 0, not_before = now(),
                give_up_at = now() + interval '1 day'
            WHERE parked_at IS NOT NULL AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY(:ids))
        """)

    def is_waiting(self, session: Session) -> bool:
        """Return whether a claim would find a row now."""
        return bool(session.scalar(self._waits, {"most": 1}))

    def claim(self, session: Session, most: int, timing: Timing) -> list[LeasedMessage]:
        """Lease up to `most` due rows, oldest first.

        Expired rows that were left behind by a dead worker are dead-lettered first.
        """
        session.execute(self._park_dead)
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        rows = session.execute(self._claim, {"owner": owner, "lease": timing.lease_seconds, "most": most})
        return [LeasedMessage(row.id, owner, row.attempt) for row in sorted(rows, key=lambda row: row.id)]

    def renew(self, session: Session, held: Sequence[LeasedMessage], timing: Timing) -> None:
        """Extend the leases of one claim."""
        if held:
            ids = [each.id for each in held]
            session.execute(self._renew, {"ids": ids, "owner": held[0].owner, "lease": timing.lease_seconds})

    def done(self, session: Session, held: LeasedMessage, skip_reason: str | None = None) -> bool:
        """Acknowledge a row: it was delivered, or is obsolete (`skip_reason` says why).

        Returns:
            False if the lease was lost.
        """
        return self._finish(session, self._done, held, error=skip_reason)

    def fail(self, session: Session, held: LeasedMessage, error: str) -> bool:
        """Record a failed attempt: retried with backoff, dead-lettered after its expiry."""
        return self._finish(session, self._fail, held, error=error[:2_000])

    def dead_letter(self, session: Session, held: LeasedMessage, error: str) -> bool:
        """Dead-letter a row that no retry can deliver; a person has to look at it."""
        return self._finish(session, self._park, held, error=error[:2_000])

    def release(self, session: Session, held: LeasedMessage) -> bool:
        """Return a row that was not attempted; the attempt is not counted."""
        return self._finish(session, self._release, held)

    def retry(self, session: Session, ids: Sequence[uuid.UUID] | None = None) -> int:
        """Requeue dead letters, all without `ids`, with a new expiry of one day; returns how many."""
        return execute_dml(session, self._retry, {"ids": None if ids is None else list(ids)})

    def _finish(self, session: Session, statement: TextClause, held: LeasedMessage, **more: object) -> bool:
        fence = {"id": held.id, "owner": held.owner, "attempt": held.attempt}
        return bool(execute_dml(session, statement, fence | more))
