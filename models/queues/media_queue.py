"""Statements of the media queue: bulk claims, fenced by owner, attempt and revision.

1. A trigger queues a file set. A claim takes a lease, in id order, and counts the attempt.
2. Completed work leaves the queue, unless its file set changed meanwhile: then it is pending again.
3. Work with an attempt that did not end orderly is claimed alone, after all other work.
4. Work that repeatedly fails alone is dead-lettered with its reason. A change of the file set requeues it, and so does
   an operator who restarts its job.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.media_work import MediaKind
from models.core.statements import AnyRow, execute_dml

MAX_ISOLATED_FAILURES = 2
"""Isolated readings that failed before an operator has to look: a crash is deterministic, a slow disk may not be."""
MEDIA_RETRY_SECONDS = 10.0

IS_MEDIA_CLAIMABLE = """
    parked_at IS NULL AND not_before <= now() AND (lease_until IS NULL OR lease_until <= now())
"""

# FOR UPDATE SKIP LOCKED lets concurrent claims pass each other without waiting.
CLAIM_MEDIA_TEMPLATE = """
    UPDATE media_work AS work SET lease_owner = :owner, lease_until = now() + make_interval(secs => :lease),
        attempt = attempt + 1
    FROM (SELECT file_set_id FROM media_work WHERE kind = :kind AND {which}
        ORDER BY file_set_id LIMIT :most FOR UPDATE SKIP LOCKED) AS free
    WHERE work.kind = :kind AND work.file_set_id = free.file_set_id
    RETURNING work.file_set_id, work.revision, work.attempt, work.error IS NOT NULL AS is_blamed
"""
CLAIM_NEW_MEDIA = text(CLAIM_MEDIA_TEMPLATE.format(which=f"{IS_MEDIA_CLAIMABLE} AND attempt = 0"))
CLAIM_ISOLATED_MEDIA = text(CLAIM_MEDIA_TEMPLATE.format(which=f"{IS_MEDIA_CLAIMABLE} AND attempt > 0"))
CLAIM_MEDIA_BY_ID = text(
    CLAIM_MEDIA_TEMPLATE.format(
        which="file_set_id = ANY(:sets) AND parked_at IS NULL AND (lease_until IS NULL OR lease_until <= now())"
    )
)

# Locked in id order, so that two completions cannot deadlock. Owner and attempt are the fencing token: work whose lease
# expired and was claimed again is not returned.
LOCK_FENCED_MEDIA = text("""
    SELECT work.file_set_id, work.revision = mine.revision AS is_current FROM media_work AS work
    JOIN unnest(CAST(:sets AS uuid[]), CAST(:revisions AS bigint[]), CAST(:attempts AS int[]))
        AS mine (id, revision, attempt) ON mine.id = work.file_set_id
    WHERE work.kind = :kind AND work.lease_owner = :owner AND work.attempt = mine.attempt
    ORDER BY work.file_set_id FOR UPDATE OF work
""")

RENEW_MEDIA_LEASES = text("""
    UPDATE media_work SET lease_until = now() + make_interval(secs => :lease)
    WHERE kind = :kind AND lease_owner = :owner AND file_set_id = ANY(:sets)
""")

COMPLETE_MEDIA = text("DELETE FROM media_work WHERE kind = :kind AND file_set_id = ANY(:sets)")

RELEASE_MEDIA = text("""
    UPDATE media_work SET lease_owner = NULL, lease_until = NULL, attempt = 0,
        not_before = now() + make_interval(secs => :seconds)
    WHERE kind = :kind AND file_set_id = ANY(:sets)
""")

# A file that differs from its row may differ for a second, or for as long as a mount is missing: the delay grows with
# the time that the work has been pending, up to five minutes.
DEFER_MEDIA = text("""
    UPDATE media_work SET lease_owner = NULL, lease_until = NULL, attempt = 0,
        not_before = now()
            + greatest(make_interval(secs => :seconds), least(interval '5 min', (now() - waits_since) / 2))
    WHERE kind = :kind AND file_set_id = ANY(:sets)
""")

RETRY_MEDIA_ISOLATED = text("""
    UPDATE media_work AS work SET lease_owner = NULL, lease_until = NULL, error = mine.error,
        failures = failures + CASE WHEN :alone THEN 1 ELSE 0 END,
        not_before = now() + make_interval(secs => CASE WHEN :alone THEN :retry ELSE 0 END),
        parked_at = CASE WHEN :alone AND failures + 1 >= :most THEN now() END
    FROM unnest(CAST(:sets AS uuid[]), CAST(:errors AS text[])) AS mine (id, error)
    WHERE work.kind = :kind AND work.file_set_id = mine.id
    RETURNING work.file_set_id, work.error, work.parked_at IS NOT NULL AS is_parked
""")

DEAD_LETTER_MEDIA = text("""
    UPDATE media_work AS work SET lease_owner = NULL, lease_until = NULL, error = mine.error, parked_at = now()
    FROM unnest(CAST(:sets AS uuid[]), CAST(:errors AS text[])) AS mine (id, error)
    WHERE work.kind = :kind AND work.file_set_id = mine.id
""")

QUEUE_MEDIA_WORK = text("SELECT queue_media_work(CAST(:sets AS uuid[]), :kind, 0)")
QUEUE_SIDECARS = text("SELECT queue_sidecar_work(CAST(:sets AS uuid[]))")
REQUEUE_DEAD_LETTERED_MEDIA = text("""
    UPDATE media_work SET parked_at = NULL, error = NULL, failures = 0, attempt = 0, not_before = now()
    WHERE parked_at IS NOT NULL
""")
HAS_CLAIMABLE_MEDIA = text(f"SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND {IS_MEDIA_CLAIMABLE})")
HAS_DIRTY_ISLANDS = text("SELECT EXISTS (SELECT FROM island WHERE dirty_since IS NOT NULL AND parked_at IS NULL)")


@dataclass(frozen=True, slots=True)
class MediaClaim:
    """A leased file set; results count only while owner, attempt and revision are unchanged."""

    file_set_id: uuid.UUID
    revision: int
    attempt: int
    failed_before: bool = False
    """Whether its last reading crashed the reader or failed in another way."""


@dataclass(frozen=True, slots=True)
class MediaFailure:
    """A file set that could not be read, with the reason as a sentence about its file."""

    file_set_id: uuid.UUID
    error: str


def queue_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> None:
    """Queue file sets for reading (again), dead letters included; sets without files of this kind on a storage are left
    out."""
    if kind is MediaKind.SIDECARS:
        session.execute(QUEUE_SIDECARS, {"sets": list(sets)})
    else:
        session.execute(QUEUE_MEDIA_WORK, {"kind": kind.value, "sets": list(sets)})


def requeue_dead_lettered_media(session: Session) -> int:
    """Requeue all dead letters on request of an operator. Returns their number."""
    return execute_dml(session, REQUEUE_DEAD_LETTERED_MEDIA)


def has_claimable_media(session: Session, kind: MediaKind) -> bool:
    """Whether work of this kind can be claimed now."""
    return bool(session.scalar(HAS_CLAIMABLE_MEDIA, {"kind": kind.value}))


def has_dirty_islands(session: Session) -> bool:
    """Whether files wait for grouping, which takes precedence over work on existing assets."""
    return bool(session.scalar(HAS_DIRTY_ISLANDS))


def claim_media(session: Session, kind: MediaKind, owner: str, lease: float, most: int) -> list[MediaClaim]:
    """Lease up to `most` pending file sets in id order; if there are none, one that failed before, alone."""
    asked = {"kind": kind.value, "owner": owner, "lease": lease}
    return _claims(session.execute(CLAIM_NEW_MEDIA, asked | {"most": most})) or _claims(
        session.execute(CLAIM_ISOLATED_MEDIA, asked | {"most": 1})
    )


def claim_media_by_id(
    session: Session, kind: MediaKind, owner: str, lease: float, sets: Sequence[uuid.UUID]
) -> list[MediaClaim]:
    """Lease these file sets, except those that are leased already."""
    asked = {"kind": kind.value, "owner": owner, "lease": lease, "sets": list(sets), "most": len(sets)}
    return _claims(session.execute(CLAIM_MEDIA_BY_ID, asked))


def _claims(rows: Iterable[AnyRow]) -> list[MediaClaim]:
    return sorted((MediaClaim(*row) for row in rows), key=lambda claim: claim.file_set_id)


def fence_media(session: Session, kind: MediaKind, owner: str, claims: Sequence[MediaClaim]) -> dict[uuid.UUID, bool]:
    """Lock the claims that are still ours, in id order. Returns for each whether its content is unchanged."""
    rows = session.execute(
        LOCK_FENCED_MEDIA,
        {
            "kind": kind.value,
            "owner": owner,
            "sets": [claim.file_set_id for claim in claims],
            "revisions": [claim.revision for claim in claims],
            "attempts": [claim.attempt for claim in claims],
        },
    )
    return {row.file_set_id: row.is_current for row in rows}


def renew_media_leases(
    session: Session, kind: MediaKind, owner: str, lease: float, claims: Sequence[MediaClaim]
) -> None:
    """Renew leases while a batch is read."""
    sets = [claim.file_set_id for claim in claims]
    session.execute(RENEW_MEDIA_LEASES, {"kind": kind.value, "owner": owner, "lease": lease, "sets": sets})


def complete_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> None:
    """Complete: remove from the queue what was read. Call this and the following functions under the fence."""
    session.execute(COMPLETE_MEDIA, {"kind": kind.value, "sets": list(sets)})


def release_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID], seconds: float = 0) -> None:
    """Release: make file sets pending again without counting a failure."""
    session.execute(RELEASE_MEDIA, {"kind": kind.value, "sets": list(sets), "seconds": seconds})


def defer_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID], seconds: float) -> None:
    """Defer file sets until the watcher has caught up: by at least `seconds`, and longer the longer they have been
    pending."""
    session.execute(DEFER_MEDIA, {"kind": kind.value, "sets": list(sets), "seconds": seconds})


def retry_media_isolated(
    session: Session, kind: MediaKind, troubles: Sequence[MediaFailure], alone: bool
) -> list[MediaFailure]:
    """Retry failures in isolation. Returns those that are dead-lettered now, after their last isolated try."""
    rows = session.execute(
        RETRY_MEDIA_ISOLATED,
        _failure_parameters(kind, troubles)
        | {"alone": alone, "most": MAX_ISOLATED_FAILURES, "retry": MEDIA_RETRY_SECONDS},
    )
    return [MediaFailure(row.file_set_id, row.error) for row in rows if row.is_parked]


def dead_letter_media(session: Session, kind: MediaKind, troubles: Sequence[MediaFailure]) -> None:
    """Dead-letter failures that another try would not change."""
    session.execute(DEAD_LETTER_MEDIA, _failure_parameters(kind, troubles))


def _failure_parameters(kind: MediaKind, troubles: Sequence[MediaFailure]) -> dict[str, object]:
    return {
        "kind": kind.value,
        "sets": [one.file_set_id for one in troubles],
        "errors": [one.error for one in troubles],
    }
