"""Dispatch of dirty islands to the queue, fair across storages; used by the watcher and by the periodic sweep.

A dispatched island counts as outstanding until `dispatched_until` on the database's clock, so a lost message expires
by itself. The number of outstanding files is bounded per storage: the backlog of a large storage waits in PostgreSQL,
and the queue stays short for the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.timing import Timing
from models.queues.island import IS_DIRTY

MAX_DISPATCHED_FILES = 24_000
MAX_DISPATCHED_ISLANDS = 600
MAX_MESSAGE_FILES, MAX_MESSAGE_ISLANDS = 4_000, 100

# `touched_at` in the past makes the island due at once, without the debounce time. SKIP LOCKED: an island that an
# ingest worker holds is checked again at the next dispatch. `wait_until` stays set until the grouping computes another,
# because it shows the grouping that files wait.
MARK_OVERDUE_ORPHANS = text("""
    UPDATE island SET seen = seen + 1, dirty_since = now(), touched_at = now() - interval '1 hour',
        wait_until = now() + interval '1 hour'
    WHERE id IN (
        SELECT id FROM island WHERE wait_until <= now() AND parked_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED)
""")

# The bounds are applied per storage by the lateral join: at most MAX_DISPATCHED_ISLANDS, then a running sum cuts the
# list at MAX_DISPATCHED_FILES. An island is due when it was quiet for the debounce time or dirty for the maximum time.
# FOR UPDATE SKIP LOCKED lets watcher and sweep run at once without dispatching an island twice.
DISPATCH_ISLANDS = text("""
    WITH outstanding AS (
        SELECT storage_id, count(*) AS islands, sum(arrived) AS files FROM island
        WHERE dirty_since IS NOT NULL AND handed_until > now() GROUP BY storage_id
    ), due AS MATERIALIZED (
        SELECT island.* FROM storage
        LEFT JOIN outstanding ON outstanding.storage_id = storage.id
        CROSS JOIN LATERAL (
            SELECT id, storage_id, arrived, attempt, dirty_since, coalesce(outstanding.files, 0) AS files
            FROM island
            WHERE storage_id = storage.id AND dirty_since IS NOT NULL AND parked_at IS NULL
                AND (handed_until IS NULL OR handed_until <= now())
                AND (lease_until IS NULL OR lease_until <= now())
                AND (touched_at <= clock_timestamp() - make_interval(
                        secs => coalesce(CAST(storage.profile ->> 'settle_seconds' AS float), :debounce))
                    OR dirty_since <= clock_timestamp() - make_interval(secs => :max_debounce))
            ORDER BY dirty_since
            LIMIT greatest(0, :islands - coalesce(outstanding.islands, 0))
            FOR UPDATE SKIP LOCKED
        ) AS island
    ), chosen AS (
        SELECT id FROM (
            SELECT id, files + sum(arrived) OVER earlier - arrived AS before
            FROM due WINDOW earlier AS (PARTITION BY storage_id ORDER BY dirty_since, id)
        ) AS weighed
        WHERE before < :files
    )
    UPDATE island SET handed_until = now() + make_interval(secs => :dispatch_timeout)
    FROM chosen WHERE island.id = chosen.id
    RETURNING island.id, island.storage_id, island.arrived, island.attempt, island.dirty_since
""")


HAS_UNDISPATCHED_ISLANDS = text(f"""
    SELECT EXISTS (SELECT FROM island WHERE {IS_DIRTY})
        OR EXISTS (SELECT FROM island WHERE wait_until <= now() AND parked_at IS NULL)
""")


@dataclass(frozen=True, slots=True)
class DispatchedIsland:
    """One island that a message is sent for."""

    id: int
    storage_id: object
    files: int
    attempt: int


def has_islands_to_dispatch(session: Session) -> bool:
    """Return whether an island is dirty or has overdue orphans: the dispatch has to be tried until none is."""
    return bool(session.scalar(HAS_UNDISPATCHED_ISLANDS))


def dispatch_islands(session: Session, timing: Timing) -> list[list[int]]:
    """Mark due islands as dispatched and return batches of their ids, one message each, round-robin by storage."""
    session.execute(MARK_OVERDUE_ORPHANS)
    rows = session.execute(
        DISPATCH_ISLANDS,
        {
            "debounce": timing.debounce_seconds,
            "max_debounce": timing.max_debounce_seconds,
            "dispatch_timeout": timing.dispatch_timeout_seconds,
            "islands": MAX_DISPATCHED_ISLANDS,
            "files": MAX_DISPATCHED_FILES,
        },
    )
    ordered = sorted(rows, key=lambda row: (row.dirty_since, row.id))
    return pack_messages([DispatchedIsland(row.id, row.storage_id, row.arrived, row.attempt) for row in ordered])


def pack_messages(islands: Sequence[DispatchedIsland]) -> list[list[int]]:
    """Build batches of island ids, each of one storage, in round-robin order of the storages.

    An island whose last attempt did not finish gets a message of its own, so that an island that kills workers does not
    fail others with it.
    """
    by_storage: dict[object, list[list[int]]] = {}
    room: dict[object, int] = {}
    for island in islands:
        batches = by_storage.setdefault(island.storage_id, [])
        left = room.get(island.storage_id, 0)
        if island.attempt:
            batches.append([island.id])
            room[island.storage_id] = 0
        elif left > 0 and len(batches[-1]) < MAX_MESSAGE_ISLANDS:
            batches[-1].append(island.id)
            room[island.storage_id] = left - island.files
        else:
            # A message may exceed the file limit by its last island, so that an island of any size is dispatched.
            batches.append([island.id])
            room[island.storage_id] = MAX_MESSAGE_FILES - island.files
    return [batch for turn in _round_robin(list(by_storage.values())) for batch in turn]


def _round_robin(queues: Sequence[Sequence[list[int]]]) -> Iterable[list[list[int]]]:
    longest = max(map(len, queues), default=0)
    return ([queue[turn] for queue in queues if turn < len(queue)] for turn in range(longest))
