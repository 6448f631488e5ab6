"""Delete tombstones: a purged object keeps its mark and tombstone only as long as a late write could arrive.

A write is in flight for minutes at most; a day is safe even after a crash of its process.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.statements import execute_dml
from models.queues.index_build import read_index_targets
from models.queues.index_queue import DocumentKey
from search.engine import SearchEngine
from services.indexing.audit import TABLE_OF_OBJECT_TYPE

TOMBSTONE_RETENTION_SECONDS = 86_400.0
MAX_TOMBSTONE_BATCH = 1_000

# The first run records since when an object is gone, because a clean mark has no other timestamp.
RECORD_GONE_SINCE = {
    kind: text(f"""
        UPDATE index_mark AS mark SET gone_since = now()
        WHERE object_type = '{kind}' AND dirty_since IS NULL AND gone_since IS NULL
            AND NOT EXISTS (SELECT FROM {table} WHERE {table}.id = mark.object_id)
    """)
    for kind, table in TABLE_OF_OBJECT_TYPE.items()
}
SELECT_EXPIRED_TOMBSTONES = text("""
    SELECT object_type, object_id FROM index_mark
    WHERE gone_since < now() - make_interval(secs => :seconds) AND dirty_since IS NULL LIMIT :limit
""")
DELETE_TOMBSTONE_MARKS = text("""
    DELETE FROM index_mark USING unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS old (kind, id)
    WHERE object_type = old.kind AND object_id = old.id AND dirty_since IS NULL AND gone_since IS NOT NULL
""")


def purge_tombstones(
    sessions: Sessions, engine: SearchEngine, retention_seconds: float = TOMBSTONE_RETENTION_SECONDS
) -> int:
    """Delete expired tombstones and their marks; return how many. Does nothing while an index is being rebuilt."""
    with sessions() as session:
        if len(read_index_targets(session)) > 1:
            return 0
    for note in RECORD_GONE_SINCE.values():
        transact(sessions, execute_dml, note)
    forgotten = 0
    while keys := transact(sessions, lambda session: _expired_keys(session, retention_seconds)):
        # The engine first: a mark that is left after a crash leads to the next attempt, a tombstone without one does
        # not.
        engine.purge(keys)
        forgotten += transact(sessions, _delete_tombstone_marks, keys)
    return forgotten


def _expired_keys(session: Session, seconds: float) -> list[DocumentKey]:
    return [
        DocumentKey(*row)
        for row in session.execute(SELECT_EXPIRED_TOMBSTONES, {"seconds": seconds, "limit": MAX_TOMBSTONE_BATCH})
    ]


def _delete_tombstone_marks(session: Session, keys: list[DocumentKey]) -> int:
    asked: dict[str, Any] = {"kinds": [key.object_type for key in keys], "ids": [key.object_id for key in keys]}
    return execute_dml(session, DELETE_TOMBSTONE_MARKS, asked)
