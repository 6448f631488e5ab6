"""The media queue: pending probing, previews and sidecars.

Reading media happens after the asset is already searchable. Grouping makes it necessary, so database triggers
(`queue_media_work`, `queue_sidecar_work`) enqueue it, beside those of the index.

1. A row is one kind of reading of one file set. Work is claimed in the order of file sets, in batches.
2. Completed work leaves the queue, unless its file set changed meanwhile: then it is pending again.
3. Work with an attempt that did not end orderly is claimed alone, after all other work.
4. Work that repeatedly fails alone is dead-lettered with its reason. A change of the file set requeues it, and so does
   an operator who restarts its job.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, BigInt, DefaultNow, TextEnum, checked_text
from models.core.timing import Timing
from models.queues.island import IS_DIRTY
from models.queues.leased_queue import (
    IS_DUE,
    IS_UNLEASED,
    SKIP_LOCKED,
    Lease,
    LeasedQueue,
    LeasedQueueMixin,
    QueuePolicy,
)


class MediaKind(TextEnum):
    HEADERS = "HEADERS"
    PICTURES = "PICTURES"
    """Poster, thumbnail and strip, or the waveform of a sound."""
    SIDECARS = "SIDECARS"
    """Sidecar files: metadata and checksums."""


class MediaWork(LeasedQueueMixin, Base):
    """Pending reading of one kind for one file set. `revision` increases with every change of the content, so that
    reading older content does not complete the work."""

    __tablename__ = "media_work"
    __table_args__ = (
        Index("ix_media_work_waiting", "kind", "file_set_id", postgresql_where=text("parked_at IS NULL")),
    )

    file_set_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("file_set.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[MediaKind] = mapped_column(checked_text(MediaKind), primary_key=True)
    revision: Mapped[BigInt] = mapped_column(server_default=text("nextval('media_revision')"))
    queued_at: Mapped[DefaultNow] = mapped_column("waits_since")
    failures: Mapped[int] = mapped_column(server_default="0")
    """Isolated readings that crashed the reader or failed in another way."""
    error: Mapped[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaClaim(Lease):
    """A leased file set; results count only while it is leased and `revision` is unchanged."""

    revision: int
    failed_before: bool
    """Whether its last reading crashed the reader or failed in another way."""


MAX_ISOLATED_READINGS = 2
"""Isolated readings that failed before an operator has to look: a crash is deterministic, a slow disk may not be."""
CLAIM_MEDIA = f"""
    SELECT file_set_id FROM media_work WHERE kind = :kind AND {{}} ORDER BY file_set_id LIMIT :most {SKIP_LOCKED}
"""
IS_ISOLATED = f"{IS_DUE} AND attempt > 0"
IS_FRESH = f"{IS_DUE} AND attempt = 0"
IS_SEEN = """
    AND coalesce((SELECT storage_id FROM file_set WHERE file_set.id = media_work.file_set_id)
        <> ALL(CAST(:unseen AS uuid[])), true)
"""
"""SQL condition: its storage is none of `:unseen`. Evaluated row by row in the order of the index: only used if there
are any."""
ISOLATED_MEDIA = CLAIM_MEDIA.format(IS_ISOLATED)
MEDIA_BY_ID = CLAIM_MEDIA.format(f"file_set_id = ANY(:sets) AND parked_at IS NULL AND {IS_UNLEASED} {IS_SEEN}")
MEDIA_QUEUE = LeasedQueue(
    table="media_work",
    noun="reading",
    plural="readings",
    task="",
    celery_queue="media",
    key="file_set_id",
    scope="kind = :kind",
    tries="failures",
    title="lower(work.kind) || ' of ' || file_set.name",
    joins="JOIN file_set ON file_set.id = work.file_set_id",
    subject="'assets' AS object_type, CAST(file_set.asset_id AS text) AS object_id",
    is_pending="parked_at IS NULL",
    pending_since="waits_since",
    policy=QueuePolicy(
        max_tries=MAX_ISOLATED_READINGS,
        tries="failures + 1",
        first_retry_seconds=10,
        backoff_factor=1,
        max_retry_seconds=10,
    ),
    lease=MediaClaim,
    candidates=CLAIM_MEDIA.format(IS_FRESH),
    returning=", work.revision, work.error IS NOT NULL AS failed_before",
    version="work.revision",
    # A file that differs from its row may differ for a second, or for as long as a mount is missing: the delay grows
    # with the time that the work has been pending, up to five minutes.
    delay="greatest(make_interval(secs => :seconds), least(interval '5 min', (now() - waits_since) / 2))",
    failed=", failures = failures + 1",
    requeued="failures = 0, attempt = 0, not_before = now()",
)
"""Owners drain one kind only, so the lease itself tells the kinds of a file set apart."""

QUEUE_MEDIA_WORK = text("SELECT queue_media_work(CAST(:sets AS uuid[]), :kind, 0)")
QUEUE_SIDECARS = text("SELECT queue_sidecar_work(CAST(:sets AS uuid[]))")
HAS_CLAIMABLE_MEDIA = text(f"SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND {IS_DUE})")
HAS_QUEUED_SETS = text("SELECT EXISTS (SELECT FROM media_work WHERE kind = :kind AND file_set_id = ANY(:sets))")
HAS_DIRTY_ISLANDS = text(f"SELECT EXISTS (SELECT FROM island WHERE {IS_DIRTY})")


def queue_media(session: Session, kind: MediaKind, sets: Sequence[uuid.UUID]) -> None:
    """Queue file sets for reading (again), dead letters included; sets without files of this kind on a storage are left
    out."""
    statement = QUEUE_SIDECARS if kind is MediaKind.SIDECARS else QUEUE_MEDIA_WORK
    session.execute(statement, {"kind": kind.value, "sets": list(sets)})


def has_claimable_media(session: Session, kind: MediaKind) -> bool:
    """Whether work of this kind can be claimed now."""
    return bool(session.scalar(HAS_CLAIMABLE_MEDIA, {"kind": kind.value}))


def has_dirty_islands(session: Session) -> bool:
    """Whether files wait for grouping, which takes precedence over work on existing assets."""
    return bool(session.scalar(HAS_DIRTY_ISLANDS))


def claim_media(
    session: Session, kind: MediaKind, timing: Timing, most: int, unseen: Collection[uuid.UUID] = ()
) -> list[MediaClaim]:
    """Lease up to `most` pending file sets; if there are none, one that failed before, alone.

    Those on storages that this machine does not see are left to others.
    """
    seen, asked = (IS_SEEN, {"kind": kind, "unseen": list(unseen)}) if unseen else ("", {"kind": kind})
    return MEDIA_QUEUE.claim(session, timing, most, CLAIM_MEDIA.format(IS_FRESH + seen), **asked) or MEDIA_QUEUE.claim(
        session, timing, 1, CLAIM_MEDIA.format(IS_ISOLATED + seen), **asked
    )
