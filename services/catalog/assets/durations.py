"""Durations of assets."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

SELECT_DURATIONS = text("""
    SELECT format.asset_id, max(CAST(component.media ->> 'duration_milliseconds' AS bigint)) AS milliseconds
    FROM format JOIN component ON component.format_id = format.id AND component.type = 'GENERAL'
    WHERE format.asset_id = ANY(CAST(:assets AS uuid[])) AND format.role = 'original'
        AND component.from_header AND component.media ? 'duration_milliseconds'
    GROUP BY format.asset_id
""")


def load_asset_durations(session: Session, assets: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the duration of assets in milliseconds: that of the longest component of their originals."""
    return {row.asset_id: row.milliseconds for row in session.execute(SELECT_DURATIONS, {"assets": list(assets)})}
