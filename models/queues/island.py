"""Islands: the smallest folder trees that can be grouped on their own, and the queue of those that changed.

Why there is a queue in PostgreSQL beside Celery's:

1. A message may be lost, duplicated or late. The row says what is left to do, so none of these matters.
2. A hundred thousand changes of one folder are one row, not a hundred thousand messages.
3. SQL shows what is pending, since when and why, also after a restart.

A short transaction claims, the work runs without one, a fenced transaction finishes. Beside owner and attempt the fence
compares the epoch, which changes when folders are moved between islands. Dispatch, fair across storages, is in
`models.queues.island_dispatch`."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.core.base import Base, BigInt, Serial
from models.core.tracing import keep_trace_sql
from models.queues.leased_queue import IS_UNLEASED, SKIP_LOCKED, Lease, LeasedQueue, LeaseMixin, QueuePolicy


class Island(LeaseMixin, Base):
    """One island, identified by its root folder. `seen` is the version of its content, `done` the processed version,
    `epoch` the fencing token.

    1. A change raises `seen` and sets `dirty_since`.
    2. After the debounce time the island is dispatched (`dispatched_until`).
    3. A task takes a lease and counts an attempt.
    4. Completion, fenced by lease, attempt and epoch, sets `done` to the `seen` that the task read, and clears
       `dirty_since` unless more changes arrived.
    """

    __tablename__ = "island"
    __table_args__ = (
        Index("ix_island_dirty", "storage_id", "dirty_since", postgresql_where=text("dirty_since IS NOT NULL")),
        Index("ix_island_waiting", "wait_until", postgresql_where=text("wait_until IS NOT NULL")),
    )

    id: Mapped[Serial]
    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"))
    folder_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("folder.id", ondelete="CASCADE"), unique=True)
    seen: Mapped[BigInt] = mapped_column(server_default="0")
    done: Mapped[BigInt] = mapped_column(server_default="0")
    epoch: Mapped[BigInt] = mapped_column(server_default="0")
    arrived: Mapped[BigInt] = mapped_column(server_default="0")
    """Changes since the last completion: the weight by which islands are packed into batches."""
    stale_summaries: Mapped[bool] = mapped_column(server_default=text("false"))
    """Frames moved out of its buckets by renames: rebuild the buckets from the files."""
    dirty_since: Mapped[datetime | None]
    touched_at: Mapped[datetime | None]
    wait_until: Mapped[datetime | None]
    """When the next orphan of this island stops waiting for its host."""
    dispatched_until: Mapped[datetime | None] = mapped_column("handed_until")
    crashes: Mapped[int] = mapped_column(server_default="0")
    """Isolated attempts that did not end; only these count towards dead-lettering."""
    error: Mapped[str | None]
    rules_version: Mapped[int | None]
    profile_revision: Mapped[int | None]
    trace: Mapped[str | None]
    """W3C traceparent of the oldest pending change; null unless tracing is on."""


MAX_ISLAND_CRASHES = 3
"""Worker crashes after which an island is dead-lettered."""
MAX_ISLAND_ERRORS = 8
"""Failed attempts after which an island is dead-lettered."""
IS_DIRTY = "dirty_since IS NOT NULL AND parked_at IS NULL"
ISLAND_POLICY = QueuePolicy(max_tries=MAX_ISLAND_ERRORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class IslandClaim(Lease):
    """Island as it was when the lease was taken."""

    storage_id: uuid.UUID
    folder_id: int
    seen: int
    done: int
    epoch: int
    reads_all_files: bool = False
    """Whether the stored frame ranges are stale, so that all files are read to rebuild them."""
    trace: str | None = None
    """Trace context of the change that made it dirty, if traced."""
    rules_version: int | None = None
    """Rules that grouped it, None if it has to be grouped as a whole."""


@dataclass(frozen=True, slots=True)
class IslandOutcome:
    """Result of grouping one island.

    `wait_seconds` is the delay until it must be grouped again; None means only when something changes.
    """

    claim: IslandClaim
    profile_revision: int
    wait_seconds: float | None
    rules_version: int


ISLAND_QUEUE = LeasedQueue(
    table="island",
    noun="folder",
    plural="folders",
    task="ingest.island",
    celery_queue="ingest",
    key_type="bigint",
    tries="crashes",
    title="storage.name || ', island ' || work.id",
    joins="JOIN storage ON storage.id = work.storage_id",
    is_pending=IS_DIRTY,
    pending_since="dirty_since",
    # Its files stay as they are until one of them changes.
    discarded="attempt = 0, crashes = 0, handed_until = NULL, dirty_since = NULL, wait_until = NULL",
    requeued="attempt = 0, crashes = 0, handed_until = NULL, dirty_since = coalesce(dirty_since, now())",
    is_dispatched=True,
    waits=f"""EXISTS (
        SELECT FROM island WHERE dirty_since <= now() - make_interval(secs => :debounce) AND parked_at IS NULL
            AND (handed_until IS NULL OR handed_until <= now()) AND {IS_UNLEASED}
    ) OR EXISTS (SELECT FROM island WHERE wait_until <= now() AND parked_at IS NULL)""",
    is_overdue="dirty_since IS NULL",
    policy=ISLAND_POLICY,
    lease=IslandClaim,
    # An attempt that did not end counts as a crash; such an island is claimed only alone, so that it harms no other.
    candidates=f"""
        SELECT id FROM island
        WHERE id = ANY(CAST(:ids AS bigint[])) AND {IS_DIRTY} AND {IS_UNLEASED}
            AND (attempt = 0 OR cardinality(CAST(:ids AS bigint[])) = 1)
        ORDER BY id {SKIP_LOCKED}
    """,
    claimed=", crashes = crashes + CASE WHEN attempt > 0 THEN 1 ELSE 0 END",
    returning=", storage_id, folder_id, seen, done, epoch, stale_summaries AS reads_all_files, trace, rules_version",
    version="work.epoch",
    due="handed_until",
    released="attempt = 0, crashes = 0",
    isolated_at=ISLAND_POLICY.retry_at,
    failed=", crashes = 0",
    is_crashed=f"crashes >= {MAX_ISLAND_CRASHES} AND lease_until <= now()",
    crash_reason="'its worker died ' || crashes || ' times while it was grouped'",
)

# An island that became dirty again (`seen` moved on) keeps its dirty_since, so that its latency is measured truthfully.
FINISH_ISLANDS = text("""
    UPDATE island SET done = mine.seen, lease_owner = NULL, lease_until = NULL, handed_until = NULL, attempt = 0,
        crashes = 0, error = NULL, rules_version = mine.rules_version, profile_revision = mine.profile_revision,
        wait_until = now() + make_interval(secs => mine.wait_seconds),
        stale_summaries = island.stale_summaries AND island.seen <> mine.seen,
        arrived = CASE WHEN island.seen = mine.seen THEN 0 ELSE island.arrived END,
        dirty_since = CASE WHEN island.seen = mine.seen THEN NULL ELSE island.dirty_since END,
        trace = CASE WHEN island.seen <> mine.seen THEN island.trace END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:seen AS bigint[]), CAST(:profiles AS int[]), CAST(:waits AS float[]),
        CAST(:rules AS int[])) AS mine (id, seen, profile_revision, wait_seconds, rules_version)
    WHERE island.id = mine.id
""")


def finish_islands(session: Session, ends: Sequence[IslandOutcome]) -> None:
    """Set `done` to the `seen` that was read; islands changed meanwhile stay dirty.

    The caller has fenced the claims in the same transaction.
    """
    if ends:
        session.execute(
            FINISH_ISLANDS,
            {
                "ids": [end.claim.id for end in ends],
                "seen": [end.claim.seen for end in ends],
                "profiles": [end.profile_revision for end in ends],
                "waits": [end.wait_seconds for end in ends],
                "rules": [end.rules_version for end in ends],
            },
        )


RELEASE_WAITING_ISLANDS = text(
    "UPDATE island SET wait_until = now() WHERE storage_id = :storage AND wait_until IS NOT NULL"
)


def release_waiting_islands(session: Session, storage_id: uuid.UUID) -> None:
    """Make the islands of a storage due that wait for something, such as a sidecar that is no longer required."""
    session.execute(RELEASE_WAITING_ISLANDS, {"storage": storage_id})


# Every writer locks islands in the order of their ids, so that watchers, workers and users who change several at once
# wait for each other instead of deadlocking.
LOCK_ISLANDS = text("SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

INSERT_ISLANDS = text("""
    INSERT INTO island (storage_id, folder_id)
    SELECT :storage_id, id FROM unnest(CAST(:folders AS bigint[])) AS id ORDER BY id
    ON CONFLICT (folder_id) DO UPDATE SET storage_id = excluded.storage_id
    RETURNING id, folder_id
""")

MARK_CHANGED_ISLANDS = text(f"""
    UPDATE island SET seen = seen + 1, arrived = arrived + t.changes, dirty_since = coalesce(dirty_since, now()),
        stale_summaries = stale_summaries OR t.id = ANY(CAST(:stale AS bigint[])), touched_at = clock_timestamp(),
        {keep_trace_sql("island")}
    FROM unnest(CAST(:ids AS bigint[]), CAST(:changes AS bigint[])) AS t (id, changes)
    WHERE island.id = t.id
    RETURNING island.id, island.seen
""")

# Incrementing `epoch` fences workers that still hold a lease: what they read is outdated.
MARK_ISLANDS_FOR_FULL_REGROUP = text(f"""
    UPDATE island SET seen = seen + 1, epoch = epoch + 1, stale_summaries = true, touched_at = clock_timestamp(),
        dirty_since = coalesce(dirty_since, now()), {keep_trace_sql("island")}
    WHERE id = ANY(:ids)
""")

# Dirty from the start: if this worker dies, its lease expires and any worker groups the rows as they are then.
# Rules and profile are cleared: a finish just before does not count as grouped by them, and groups of older rules end.
HOLD_REGROUP_ISLANDS = text("""
    UPDATE island SET seen = seen + 1, epoch = epoch + 1, stale_summaries = true, arrived = greatest(arrived, files),
        dirty_since = coalesce(dirty_since, now()), touched_at = clock_timestamp(), profile_revision = NULL,
        rules_version = NULL, handed_until = NULL, attempt = 0, crashes = 0, parked_at = NULL, error = NULL,
        lease_owner = :owner,
        lease_until = CASE WHEN CAST(:owner AS text) IS NOT NULL THEN now() + make_interval(secs => :lease) END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:files AS bigint[])) AS batch (island_id, files)
    WHERE island.id = batch.island_id
""")


def insert_islands(session: Session, storage_id: uuid.UUID, folder_ids: Iterable[int]) -> dict[int, int]:
    """Return the island rooted at each folder, inserted where it does not exist."""
    rows = session.execute(INSERT_ISLANDS, {"storage_id": storage_id, "folders": sorted(folder_ids)})
    return {row.folder_id: row.id for row in rows}


def lock_islands(session: Session, ids: Iterable[int]) -> list[int]:
    """Lock islands until the transaction ends; return their ids in order."""
    return list(session.scalars(LOCK_ISLANDS, {"ids": list(ids)}))


def mark_dirty(session: Session, changes: Mapping[int, int], stale: Iterable[int] = ()) -> dict[int, int]:
    """Increment the version of islands, before rows that carry it are written; return it by island id.

    The next grouping reads `stale` ones whole: their summaries are outdated.
    """
    ids = lock_islands(session, changes)
    counts = [changes[island] for island in ids]
    rows = session.execute(MARK_CHANGED_ISLANDS, {"ids": ids, "changes": counts, "stale": list(stale)})
    return {row.id: row.seen for row in rows}


def mark_for_full_regroup(session: Session, ids: Iterable[int]) -> None:
    """Mark islands dirty, to be read whole and grouped again, and fence a grouping that is in progress."""
    session.execute(MARK_ISLANDS_FOR_FULL_REGROUP, {"ids": lock_islands(session, ids)})


def hold_for_regroup(session: Session, files: Mapping[int, int], owner: str | None, lease_seconds: float) -> None:
    """Lease islands to the job, or leave them dirty without an owner; `files` is the number of files by island id."""
    ids = lock_islands(session, files)
    counts = [files[island] for island in ids]
    session.execute(HOLD_REGROUP_ISLANDS, {"ids": ids, "files": counts, "owner": owner, "lease": lease_seconds})
