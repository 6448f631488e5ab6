"""Statements of the media queue: bulk claims, fenced by owner, attempt and revision.

1. A trigger queues a file set. A claim takes a lease, in id order, and counts the attempt.
2. Completed work leaves the queue, unless its file set changed meanwhile: then it is pending again.
3. Work with an attempt that did not end orderly is claimed alone, after all other work.
4. Work that repeatedly fails alone is dead-lettered with its reason. A change of the file set requeues it, and so does
   an operator who restarts its job.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.media import MediaKind

MOST_FAILURES = 2
"""Isolated readings that failed before an operator has to look: a crash is deterministic, a slow disk may not be."""
RETRY_SECONDS = 10.0

FREE = """
    parked_at IS NULL AND not_before <= now() AND (lease_until IS NULL OR lease_until <= now())
"""

# FOR UPDATE SKIP LOCKED lets concurrent claims pass each other without waiting.
TAKE = """
    UPDATE media_work AS work SET lease_owner = :owner, lease_until = now() + make_interval(secs => :lease),
        attempt = attempt + 1
    FROM (SELECT file_set_id FROM media_work WHERE kind = :kind AND {which}
        ORDER BY file_set_id LIMIT :most FOR UPDATE SKIP LOCKED) AS free
    WHERE work.kind = :kind AND work.file_set_id = free.file_set_id
    RETURNING work.file_set_id, work.revision, work.attempt, work.error IS NOT NULL AS is_blamed
"""
TAKE_NEW = text(TAKE.format(which=f"{FREE} AND attempt = 0"))
TAKE_SUSPECT = text(TAKE.format(which=f"{FREE} AND attempt > 0"))
TAKE_NAMED = text(
    TAKE.format(
        which="file_set_id = ANY(:sets) AND parked_at IS NULL AND (lease_until IS NULL OR lease_until <= now())"
    )
)

# Locked in id order, so that two completions cannot deadlock. Owner and attempt are the fencing token: work whose lease
# expired and was claimed again is not returned.
FENCED = text("""
    SELECT work.file_set_id, work.revision = mine.revision AS is_current FROM media_work AS work
    JOIN unnest(CAST(:sets AS uuid[]), CAST(:revisions AS bigint[]), CAST(:attempts AS int[]))
        AS mine (id, revision, attempt) ON mine.id = work.file_set_id
    WHERE work.kind = :kind AND work.lease_owner = :owner AND work.attempt = mine.attempt
    ORDER BY work.file_set_id FOR UPDATE OF work
""")

RENEW = text("""
    UPDATE media_work SET lease_until = now() + make_interval(secs => :lease)
    WHERE kind = :kind AND lease_owner = :owner AND file_set_id = ANY(:sets)
""")

END = text("DELETE FROM media_work WHERE kind = :kind AND file_set_id = ANY(:sets)")

RETURN = text("""
    UPDATE media_work SET lease_owner = NULL, lease_until = NULL, attempt = 0,
        not_before = now() + make_interval(secs => :seconds)
    WHERE kind = :kind AND file_set_id = ANY(:sets)
""")

# A file that differs from its row may differ for a second, or for as long as a mount is missing: the delay grows with
# the time that the work has been pending, up to five minutes.
PUT_OFF = text("""
    UPDATE media_work SET lease_owner = NULL, lease_until = NULL, attempt = 0,
        not_before = now()
            + greatest(make_interval(secs => :seconds), least(interval '5 min', (now() - waits_since) / 2))
    WHERE kind = :kind AND file_set_id = ANY(:sets)
""")

SUSPECT = text("""
    UPDATE media_work AS work SET lease_owner = NULL, lease_until = NULL, error = mine.error,
        failures = failures + CASE WHEN :alone THEN 1 ELSE 0 END,
        not_before = now() + make_interval(secs => CASE WHEN :alone THEN :retry ELSE 0 END),
        parked_at = CASE WHEN :alone AND failures + 1 >= :most THEN now() END
    FROM unnest(CAST(:sets AS uuid[]), CAST(:errors AS text[])) AS mine (id, error)
    WHERE work.kind = :kind AND work.file_set_id = mine.id
    RETURNING work.file_set_id, work.error, work.parked_at IS NOT NULL AS is_parked
""")

PARK = text("""
    UPDATE media_work AS work SET lease_owner = NULL, lease_until = NULL, error = mine.error, parked_at = now()
    FROM unnest(CAST(:sets AS uuid[]), CAST(:errors AS text[])) AS mine (id, error)
    WHERE work.kind = :kind AND work.file_set_id = mine.id
""")

QUEUE = text("SELECT queue_media_work(CAST(:sets AS uuid[]), :kind, 0)")
QUEUE_SIDECARS = text("SELECT queue_sidecar_work(CAST(:sets AS uuid[]))")
UNPARK = text("""
    UPDATE media_work SET parked_at = NULL, error = NULL, failures = 0, attempt = 0, not_before = now()
    WHERE parked_at IS NOT NULL
""")
IS_WAITING = text(f"SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND {FREE})")
INGEST_WAITS = text("SELECT EXISTS (SELECT FROM island WHERE dirty_since IS NOT NULL AND parked_at IS NULL)")


@dataclass(frozen=True, slots=True)
class MediaClaim:
    """A leased file set; results count only while owner, attempt and revision are unchanged."""

    file_set_id: uuid.UUID
    revision: int
    attempt: int
    is_blamed: bool = False
    """Whether its last reading crashed the reader or failed in another way."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file set that could not be read, with the reason as a sentence about its file."""

    file_set_id: uuid.UUID
    error: str


def queue_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> None:
    """Queue file sets for reading (again), dead letters included; sets without files of this kind on a storage are left
    out."""
    if kind is MediaKind.SIDECARS:
        session.execute(QUEUE_SIDECARS, {"sets": list(sets)})
    else:
        session.execute(QUEUE, {"kind": kind.value, "sets": list(sets)})


def unpark_media(session: Session) -> int:
    """Requeue all dead letters on request of an operator. Returns their number."""
    return session.execute(UNPARK).rowcount


def is_media_waiting(session: Session, kind: MediaKind) -> bool:
    """Whether work of this kind can be claimed now."""
    return bool(session.scalar(IS_WAITING, {"kind": kind.value}))


def is_ingest_waiting(session: Session) -> bool:
    """Whether files wait for grouping, which takes precedence over work on existing assets."""
    return bool(session.scalar(INGEST_WAITS))


def claim_media(session: Session, kind: MediaKind, owner: str, lease: float, most: int) -> list[MediaClaim]:
    """Lease up to `most` pending file sets in id order; if there are none, one that failed before, alone."""
    asked = {"kind": kind.value, "owner": owner, "lease": lease}
    return _claims(session.execute(TAKE_NEW, asked | {"most": most})) or _claims(
        session.execute(TAKE_SUSPECT, asked | {"most": 1})
    )


def claim_named(
    session: Session, kind: MediaKind, owner: str, lease: float, sets: Sequence[uuid.UUID]
) -> list[MediaClaim]:
    """Lease these file sets, except those that are leased already."""
    asked = {"kind": kind.value, "owner": owner, "lease": lease, "sets": list(sets), "most": len(sets)}
    return _claims(session.execute(TAKE_NAMED, asked))


def _claims(rows: Sequence) -> list[MediaClaim]:
    return sorted((MediaClaim(*row) for row in rows), key=lambda claim: claim.file_set_id)


def fence_media(session: Session, kind: MediaKind, owner: str, claims: Sequence[MediaClaim]) -> dict[uuid.UUID, bool]:
    """Lock the claims that are still ours, in id order. Returns for each whether its content is unchanged."""
    rows = session.execute(
        FENCED,
        {
            "kind": kind.value,
            "owner": owner,
            "sets": [claim.file_set_id for claim in claims],
            "revisions": [claim.revision for claim in claims],
            "attempts": [claim.attempt for claim in claims],
        },
    )
    return {row.file_set_id: row.is_current for row in rows}


def renew_media(session: Session, kind: MediaKind, owner: str, lease: float, claims: Sequence[MediaClaim]) -> None:
    """Renew leases while a batch is read."""
    sets = [claim.file_set_id for claim in claims]
    session.execute(RENEW, {"kind": kind.value, "owner": owner, "lease": lease, "sets": sets})


def end_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> None:
    """Complete: remove from the queue what was read. Call this and the following functions under the fence."""
    session.execute(END, {"kind": kind.value, "sets": list(sets)})


def return_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID], seconds: float = 0) -> None:
    """Release: make file sets pending again without counting a failure."""
    session.execute(RETURN, {"kind": kind.value, "sets": list(sets), "seconds": seconds})


def put_off_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID], seconds: float) -> None:
    """Defer file sets until the watcher has caught up: by at least `seconds`, and longer the longer they have been
    pending."""
    session.execute(PUT_OFF, {"kind": kind.value, "sets": list(sets), "seconds": seconds})


def suspect_media(session: Session, kind: MediaKind, troubles: Sequence[Trouble], alone: bool) -> list[Trouble]:
    """Retry failures in isolation. Returns those that are dead-lettered now, after their last isolated try."""
    rows = session.execute(
        SUSPECT, _named(kind, troubles) | {"alone": alone, "most": MOST_FAILURES, "retry": RETRY_SECONDS}
    )
    return [Trouble(row.file_set_id, row.error) for row in rows if row.is_parked]


def park_media(session: Session, kind: MediaKind, troubles: Sequence[Trouble]) -> None:
    """Dead-letter failures that another try would not change."""
    session.execute(PARK, _named(kind, troubles))


def _named(kind: MediaKind, troubles: Sequence[Trouble]) -> dict[str, object]:
    return {
        "kind": kind.value,
        "sets": [one.file_set_id for one in troubles],
        "errors": [one.error for one in troubles],
    }
