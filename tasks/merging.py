"""Ending assets in others: the dead id answers with the living one in one hop, and what hangs on the dead moves over.

Rights never move, so a merge opens nothing; history stays under the id that it was written for. A relation that the
survivor has already, or that would lead to itself, stays with the dead asset, where an undo finds it.
"""

import uuid
from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

END = text("""
    UPDATE asset SET merged_into = :survivor, status = 'DELETED', is_online = false, date_modified = now(),
        date_deleted = coalesce(date_deleted, now())
    WHERE id = :dead OR merged_into = :dead
""")

MOVE_SOURCES = text("""
    UPDATE relation SET asset_id = :survivor, date_modified = now()
    WHERE asset_id = :dead AND related_to_asset_id <> :survivor AND NOT EXISTS (
        SELECT FROM relation AS same WHERE same.asset_id = :survivor AND same.relation_type = relation.relation_type
            AND same.related_to_asset_id = relation.related_to_asset_id)
""")

MOVE_TARGETS = text("""
    UPDATE relation SET related_to_asset_id = :survivor, date_modified = now()
    WHERE related_to_asset_id = :dead AND asset_id <> :survivor AND NOT EXISTS (
        SELECT FROM relation AS same WHERE same.asset_id = relation.asset_id
            AND same.relation_type = relation.relation_type AND same.related_to_asset_id = :survivor)
""")

MOVE_DECLARED = text("UPDATE declared_file SET asset_id = :survivor WHERE asset_id = :dead")


def end_in(session: Session, pairs: Iterable[tuple[uuid.UUID, uuid.UUID]]) -> None:
    """End each first asset in its second; the files, formats and sets have moved already."""
    for dead, survivor in pairs:
        for statement in (END, MOVE_SOURCES, MOVE_TARGETS, MOVE_DECLARED):
            session.execute(statement, {"dead": dead, "survivor": survivor})
