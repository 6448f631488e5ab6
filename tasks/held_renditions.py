"""Renditions on merge and unmerge: they follow the formats that they were transcoded from.

The triggers mark_format_update and mark_file_set_update mark the documents.
"""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.holding import BACK, PAIRS, Held, Holding, Pairs, Parting, ids_by_asset, unnest_pairs, unnest_partings

# For manual merges, which move files but leave renditions behind; in merges by rule their formats have moved already.
MOVE = text(f"""
    WITH held AS (
        SELECT format.id, dead, survivor FROM format JOIN {PAIRS} ON asset_id = dead
        WHERE format.rule = 'transcode' ORDER BY format.id FOR UPDATE OF format
    )
    UPDATE format SET asset_id = survivor, version_id = survivor FROM held WHERE format.id = held.id
    RETURNING dead, format.id
""")

GIVE = text(f"""
    UPDATE format SET asset_id = owner, version_id = owner FROM {BACK}
    WHERE format.id = back.id AND asset_id = holder RETURNING format.id
""")

FOLLOW = text("""
    UPDATE format SET asset_id = source.asset_id, version_id = source.version_id
    FROM format AS source JOIN asset ON asset.id = source.asset_id AND asset.merged_into IS NULL
    WHERE format.rule = 'transcode' AND source.id = CAST(format.media #>> '{transcode,format}' AS uuid)
        AND source.asset_id <> format.asset_id
    RETURNING format.id
""")
"""Grouping moves only formats of scanned files back; renditions have to follow them."""

SETS_TOO = text("""
    UPDATE file_set SET asset_id = format.asset_id, version_id = format.version_id FROM format
    WHERE format.id = file_set.format_id AND format.id = ANY(CAST(:formats AS uuid[]))
""")


def _move(session: Session, pairs: Pairs) -> Held:
    moved = session.execute(MOVE, unnest_pairs(pairs)).all()
    if moved:
        session.execute(SETS_TOO, {"formats": [row.id for row in moved]})
    return ids_by_asset(moved)


def _give_back(session: Session, partings: Sequence[Parting]) -> None:
    back = session.scalars(GIVE, unnest_partings(partings)).all()
    if back:
        session.execute(SETS_TOO, {"formats": back})


def follow_sources(session: Session) -> int:
    """Move renditions to the assets of their sources after a split; return the number of formats moved."""
    lost = session.scalars(FOLLOW).all()
    if lost:
        session.execute(SETS_TOO, {"formats": lost})
    return len(lost)


def _remove(_session: Session, _ids: Collection[uuid.UUID]) -> None:
    """Delete nothing: foreign keys delete the rows with the asset, and the rendition cleanup the files later."""


RENDITIONS = Holding("renditions", _move, _give_back, _remove)
