"""Renditions are of the asset that their source is of: they follow it when assets merge, and when they part."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.holding import Held, Holding, Pairs, Parting

STRAYED = """
    SELECT format.id, source.asset_id, source.version_id FROM format
    JOIN format AS source ON source.id = CAST(format.media #>> '{transcode,format}' AS uuid)
    WHERE format.rule = 'transcode' AND source.asset_id <> format.asset_id
"""
LOST = text(f"{STRAYED} AND format.asset_id = ANY(CAST(:assets AS uuid[])) ORDER BY format.id FOR UPDATE OF format")
FOLLOW_SETS = text(f"""
    UPDATE file_set SET asset_id = strayed.asset_id, version_id = strayed.version_id FROM ({STRAYED}) AS strayed
    WHERE file_set.format_id = strayed.id AND file_set.format_id = ANY(CAST(:formats AS uuid[]))
""")
FOLLOW = text(f"""
    UPDATE format SET asset_id = strayed.asset_id, version_id = strayed.version_id FROM ({STRAYED}) AS strayed
    WHERE format.id = strayed.id AND format.id = ANY(CAST(:formats AS uuid[]))
""")


def follow_sources(session: Session, assets: Collection[uuid.UUID]) -> int:
    """Bring the renditions that these assets have to where their sources are now; gives how many."""
    lost = session.scalars(LOST, {"assets": list(assets)}).all()
    if lost:
        session.execute(FOLLOW_SETS, {"formats": lost})
        session.execute(FOLLOW, {"formats": lost})
    return len(lost)


def _move(session: Session, pairs: Pairs) -> Held:
    follow_sources(session, {asset_id for pair in pairs for asset_id in pair})
    return {}


def _give_back(session: Session, partings: Sequence[Parting]) -> None:
    follow_sources(session, {one for parting in partings for one in (parting.asset_id, parting.holder_id)})


def _remove(_session: Session, _ids: Collection[uuid.UUID]) -> None:
    """They hang on their asset by foreign keys; their files are removed later."""


RENDITIONS = Holding("renditions", _move, _give_back, _remove)
