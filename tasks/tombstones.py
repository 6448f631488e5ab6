"""Delete tombstones: a purged object keeps its mark and tombstone only as long as a late write could arrive.

A write is in flight for minutes at most; a day is safe even after a crash of its process.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.index_build import read_targets
from models.index_queue import DocumentKey
from models.sessions import Sessions, transact
from search.engine import SearchEngine
from tasks.index_audit import TABLES

KEPT_SECONDS = 86_400.0
AT_ONCE = 1_000

# The first run records since when an object is gone, because a clean mark has no other timestamp.
NOTE = {
    kind: text(f"""
        UPDATE index_mark AS mark SET gone_since = now()
        WHERE object_type = '{kind}' AND dirty_since IS NULL AND gone_since IS NULL
            AND NOT EXISTS (SELECT FROM {table} WHERE {table}.id = mark.object_id)
    """)
    for kind, table in TABLES.items()
}
OLD = text("""
    SELECT object_type, object_id FROM index_mark
    WHERE gone_since < now() - make_interval(secs => :seconds) AND dirty_since IS NULL LIMIT :limit
""")
FORGET = text("""
    DELETE FROM index_mark USING unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS old (kind, id)
    WHERE object_type = old.kind AND object_id = old.id AND dirty_since IS NULL AND gone_since IS NOT NULL
""")


def purge_tombstones(sessions: Sessions, engine: SearchEngine, kept_seconds: float = KEPT_SECONDS) -> int:
    """Delete expired tombstones and their marks; return how many. Does nothing while an index is being rebuilt."""
    with sessions() as session:
        if len(read_targets(session)) > 1:
            return 0
    for note in NOTE.values():
        transact(sessions, lambda session, note=note: session.execute(note))
    forgotten = 0
    while keys := transact(sessions, lambda session: _old(session, kept_seconds)):
        # The engine first: a mark that is left after a crash leads to the next attempt, a tombstone without one does
        # not.
        engine.purge(keys)
        forgotten += transact(sessions, lambda session, keys=keys: _forget(session, keys))
    return forgotten


def _old(session: Session, seconds: float) -> list[DocumentKey]:
    return [DocumentKey(*row) for row in session.execute(OLD, {"seconds": seconds, "limit": AT_ONCE})]


def _forget(session: Session, keys: list[DocumentKey]) -> int:
    asked: dict[str, Any] = {"kinds": [key.object_type for key in keys], "ids": [key.object_id for key in keys]}
    return session.execute(FORGET, asked).rowcount
