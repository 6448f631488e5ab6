"""Handing dirty islands to the queue, fairly by storage: one statement, run by the watcher and by beat's sweep alike.

An island that was handed out counts as outstanding until `handed_until`, by the database's clock, so that a lost
message frees its place by itself. Each storage has its own bounded number of outstanding files: a flood of one keeps
only its own islands waiting, in Postgres, and the queue stays short for everybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.timing import Timing

OUTSTANDING_FILES = 24_000
OUTSTANDING_ISLANDS = 600
BATCH_FILES, BATCH_ISLANDS = 4_000, 100

WAKE_ORPHANS = text("""
    UPDATE island SET seen = seen + 1, dirty_since = now(), touched_at = now() - interval '1 hour', wait_until = NULL
    WHERE id IN (
        SELECT id FROM island WHERE wait_until <= now() AND parked_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED)
""")

HAND_OUT = text("""
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
                        secs => coalesce(CAST(storage.profile ->> 'settle_seconds' AS float), :quiet))
                    OR dirty_since <= clock_timestamp() - make_interval(secs => :dirty))
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
    UPDATE island SET handed_until = now() + make_interval(secs => :handed)
    FROM chosen WHERE island.id = chosen.id
    RETURNING island.id, island.storage_id, island.arrived, island.attempt, island.dirty_since
""")


@dataclass(frozen=True, slots=True)
class HandedOut:
    """One island that a message is to ring for."""

    id: int
    storage_id: object
    files: int
    attempt: int


def hand_out(session: Session, timing: Timing) -> list[list[int]]:
    """Mark due islands as handed out and give the batches of ids to ring for, storages in turn."""
    session.execute(WAKE_ORPHANS)
    rows = session.execute(
        HAND_OUT,
        {
            "quiet": timing.quiet_seconds,
            "dirty": timing.dirty_seconds,
            "handed": timing.handed_seconds,
            "islands": OUTSTANDING_ISLANDS,
            "files": OUTSTANDING_FILES,
        },
    )
    ordered = sorted(rows, key=lambda row: (row.dirty_since, row.id))
    return pack([HandedOut(row.id, row.storage_id, row.arrived, row.attempt) for row in ordered])


def pack(islands: Sequence[HandedOut]) -> list[list[int]]:
    """Batches of ids of one storage each, the storages taking turns.

    An island whose last attempt did not end goes alone: if it is what kills a worker, it takes no other with it.
    """
    by_storage: dict[object, list[list[int]]] = {}
    room: dict[object, int] = {}
    for island in islands:
        batches = by_storage.setdefault(island.storage_id, [])
        left = room.get(island.storage_id, 0)
        if island.attempt:
            batches.append([island.id])
            room[island.storage_id] = 0
        elif left > 0 and len(batches[-1]) < BATCH_ISLANDS:
            batches[-1].append(island.id)
            room[island.storage_id] = left - island.files
        else:
            batches.append([island.id])
            room[island.storage_id] = BATCH_FILES - island.files
    return [batch for turn in _in_turns(list(by_storage.values())) for batch in turn]


def _in_turns(queues: Sequence[Sequence[list[int]]]) -> Iterable[list[list[int]]]:
    longest = max(map(len, queues), default=0)
    return ([queue[turn] for queue in queues if turn < len(queue)] for turn in range(longest))
