"""Island leases: a short transaction claims, the work runs without a transaction, a fenced transaction finishes.

Leases use the database's clock. Attempts are committed before the work, so that a crash of the worker is counted.
"""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions
from models.core.timing import Timing
from services.core.lease_heartbeat import lease_heartbeat

MAX_ISLAND_CRASHES = 3
"""Worker crashes after which an island is dead-lettered."""
MAX_ISLAND_ERRORS = 8
"""Failed attempts after which an island is dead-lettered."""

# SKIP LOCKED: workers with overlapping messages divide the islands instead of waiting for each other.
# An attempt that did not end counts as a crash; such an island is claimed only alone, so that it harms no other.
CLAIM_ISLANDS = text("""
    UPDATE island SET lease_owner = :owner, lease_until = now() + make_interval(secs => :lease), attempt = attempt + 1,
        crashes = crashes + CASE WHEN attempt > 0 THEN 1 ELSE 0 END
    WHERE id IN (
        SELECT id FROM island
        WHERE id = ANY(:ids) AND dirty_since IS NOT NULL AND parked_at IS NULL
            AND (lease_until IS NULL OR lease_until <= now())
            AND (attempt = 0 OR :alone)
        ORDER BY id FOR UPDATE SKIP LOCKED)
    RETURNING id, storage_id, folder_id, seen, done, epoch, attempt, stale_summaries, trace
""")

# The fence: a claim is valid only while owner, attempt and epoch are unchanged. Locked in id order against deadlocks.
LOCK_CLAIMED_ISLANDS = text("""
    SELECT id FROM island
    JOIN unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[]), CAST(:epochs AS bigint[]))
        AS mine (id, attempt, epoch) USING (id)
    WHERE island.lease_owner = :owner AND island.attempt = mine.attempt AND island.epoch = mine.epoch
    ORDER BY id FOR UPDATE OF island
""")

RENEW_ISLAND_LEASES = text("""
    UPDATE island SET lease_until = now() + make_interval(secs => :lease) WHERE id = ANY(:ids) AND lease_owner = :owner
""")

# An island that became dirty again (`seen` moved on) keeps its dirty_since, so that its latency is measured truthfully.
FINISH_ISLANDS = text("""
    UPDATE island SET done = mine.seen, lease_owner = NULL, lease_until = NULL, handed_until = NULL, attempt = 0,
        crashes = 0, error = NULL, rules_version = :rules, profile_revision = mine.profile_revision,
        wait_until = now() + make_interval(secs => mine.wait_seconds),
        stale_summaries = island.stale_summaries AND island.seen <> mine.seen,
        arrived = CASE WHEN island.seen = mine.seen THEN 0 ELSE island.arrived END,
        dirty_since = CASE WHEN island.seen = mine.seen THEN NULL ELSE island.dirty_since END,
        trace = CASE WHEN island.seen <> mine.seen THEN island.trace END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:seen AS bigint[]), CAST(:profiles AS int[]), CAST(:waits AS float[]))
        AS mine (id, seen, profile_revision, wait_seconds)
    WHERE island.id = mine.id
""")

# Exponential backoff, at most five minutes.
FAIL_ISLANDS = text("""
    UPDATE island SET lease_owner = NULL, lease_until = NULL, error = :error, handed_until = now() + make_interval(
            secs => least(300, power(2, attempt))),
        crashes = 0, parked_at = CASE WHEN attempt >= :most AND :counts THEN now() END
    WHERE id = ANY(:ids) AND lease_owner = :owner
""")

REQUEUE_ISLANDS = text("""
    UPDATE island SET lease_owner = NULL, lease_until = NULL, handed_until = NULL, attempt = 0, crashes = 0
    WHERE id = ANY(:ids) AND lease_owner = :owner
""")

DEAD_LETTER_CRASHED_ISLANDS = text("""
    UPDATE island SET parked_at = now(), lease_owner = NULL, lease_until = NULL,
        error = coalesce(error, 'its worker died ' || crashes || ' times while it was grouped')
    WHERE crashes >= :most AND parked_at IS NULL AND lease_until <= now()
    RETURNING id
""")


@dataclass(frozen=True, slots=True)
class IslandClaim:
    """Island as it was when the lease was taken; `attempt` and `epoch` are the fencing token of the finish."""

    id: int
    storage_id: uuid.UUID
    folder_id: int
    seen: int
    done: int
    epoch: int
    attempt: int
    reads_all_files: bool = False
    """Whether the stored frame ranges are stale, so that all files are read to rebuild them."""
    trace: str | None = None
    """Trace context of the change that made it dirty, if traced."""


@dataclass(frozen=True, slots=True)
class IslandOutcome:
    """Result of grouping one island.

    `wait_seconds` is the delay until it must be grouped again; None means only when something changes.
    """

    claim: IslandClaim
    profile_revision: int
    wait_seconds: float | None


def claim_islands(session: Session, ids: Sequence[int], owner: str, timing: Timing) -> list[IslandClaim]:
    """Lease those of `ids` that are dirty and free; after a failed attempt an island is leased only alone."""
    rows = session.execute(
        CLAIM_ISLANDS, {"ids": list(ids), "owner": owner, "lease": timing.lease_seconds, "alone": len(ids) == 1}
    )
    return [
        IslandClaim(
            row.id,
            row.storage_id,
            row.folder_id,
            row.seen,
            row.done,
            row.epoch,
            row.attempt,
            row.stale_summaries,
            row.trace,
        )
        for row in sorted(rows, key=lambda row: row.id)
    ]


def lock_island_claims(session: Session, claims: Sequence[IslandClaim], owner: str) -> set[int]:
    """Lock the islands; return the ids with a claim that is still valid."""
    rows = session.execute(
        LOCK_CLAIMED_ISLANDS,
        {
            "ids": [claim.id for claim in claims],
            "attempts": [claim.attempt for claim in claims],
            "epochs": [claim.epoch for claim in claims],
            "owner": owner,
        },
    )
    return {row.id for row in rows}


def renew_island_leases(session: Session, claims: Sequence[IslandClaim], owner: str, timing: Timing) -> None:
    """Extend the leases of running work (heartbeat)."""
    session.execute(
        RENEW_ISLAND_LEASES, {"ids": [claim.id for claim in claims], "owner": owner, "lease": timing.lease_seconds}
    )


def finish_islands(session: Session, ends: Sequence[IslandOutcome], rules_version: int) -> None:
    """Set `done` to the `seen` that was read; islands changed meanwhile stay dirty.

    The caller has locked the islands with `lock_island_claims` in the same transaction.
    """
    if ends:
        session.execute(
            FINISH_ISLANDS,
            {
                "ids": [end.claim.id for end in ends],
                "seen": [end.claim.seen for end in ends],
                "profiles": [end.profile_revision for end in ends],
                "waits": [end.wait_seconds for end in ends],
                "rules": rules_version,
            },
        )


def fail_islands(session: Session, claims: Sequence[IslandClaim], owner: str, error: str, counts: bool = True) -> None:
    """Release leases after an error: islands are retried later and alone, and dead-lettered after `MAX_ISLAND_ERRORS`.

    Args:
        counts: False if the error may be another island's, so that no island is dead-lettered for it.
    """
    session.execute(
        FAIL_ISLANDS,
        {
            "ids": [claim.id for claim in claims],
            "owner": owner,
            "error": error,
            "most": MAX_ISLAND_ERRORS,
            "counts": counts,
        },
    )


def requeue_islands(session: Session, claims: Sequence[IslandClaim], owner: str) -> None:
    """Release leases without an error, because islands were changed meanwhile; they are due again at once."""
    session.execute(REQUEUE_ISLANDS, {"ids": [claim.id for claim in claims], "owner": owner})


def dead_letter_crashed_islands(session: Session) -> list[int]:
    """Dead-letter islands that crashed their worker `MAX_ISLAND_CRASHES` times; return their ids."""
    return [row.id for row in session.execute(DEAD_LETTER_CRASHED_ISLANDS, {"most": MAX_ISLAND_CRASHES})]


@contextmanager
def island_lease_heartbeat(
    sessions: Sessions, claims: Sequence[IslandClaim], owner: str, timing: Timing
) -> Iterator[None]:
    """Renew the leases of islands until the block ends."""

    def renew(session: Session) -> None:
        renew_island_leases(session, claims, owner, timing)

    with lease_heartbeat(sessions, renew, timing):
        yield
