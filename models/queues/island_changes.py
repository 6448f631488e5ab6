"""Changes that make islands dirty, and the rows of new islands.

Every writer locks islands in the order of their ids, so that watchers, workers and users who change several at once
wait for each other instead of deadlocking.
"""

import uuid
from collections.abc import Iterable, Mapping

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.core.statements import in_array
from models.core.tracing import keep_trace_sql
from models.queues.island import Island

INSERT_ISLANDS = text("""
    INSERT INTO island (storage_id, folder_id)
    SELECT :storage_id, id FROM unnest(CAST(:folders AS bigint[])) AS id ORDER BY id
    ON CONFLICT (folder_id) DO UPDATE SET storage_id = excluded.storage_id
    RETURNING id, folder_id
""")

LOCK_ISLANDS = text("SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

MARK_CHANGED_ISLANDS = text(f"""
    UPDATE island SET seen = seen + 1, arrived = arrived + t.changes, dirty_since = coalesce(dirty_since, now()),
        touched_at = clock_timestamp(), {keep_trace_sql("island")}
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


def insert_islands(session: Session, storage_id: uuid.UUID, folder_ids: Iterable[int]) -> dict[int, int]:
    """Return the island rooted at each folder, inserted where it does not exist."""
    rows = session.execute(INSERT_ISLANDS, {"storage_id": storage_id, "folders": sorted(folder_ids)})
    return {row.folder_id: row.id for row in rows}


def lock_islands(session: Session, ids: Iterable[int]) -> list[int]:
    """Lock islands until the transaction ends; return their ids in order."""
    return list(session.scalars(LOCK_ISLANDS, {"ids": list(ids)}))


def mark_dirty(session: Session, changes: Mapping[int, int]) -> dict[int, int]:
    """Increment the version of islands, before rows that carry it are written; return it by island id."""
    ids = lock_islands(session, changes)
    rows = session.execute(MARK_CHANGED_ISLANDS, {"ids": ids, "changes": [changes[island] for island in ids]})
    return {row.id: row.seen for row in rows}


def mark_for_full_regroup(session: Session, ids: Iterable[int]) -> None:
    """Mark islands dirty, to be read whole and grouped again, and fence a grouping that is in progress."""
    session.execute(MARK_ISLANDS_FOR_FULL_REGROUP, {"ids": lock_islands(session, ids)})


def invalidate_summaries(session: Session, ids: Iterable[int]) -> None:
    """Have the summaries of dirty islands rebuilt from their files by the next grouping."""
    session.execute(update(Island).where(in_array(Island.id, sorted(ids))).values(stale_summaries=True))
