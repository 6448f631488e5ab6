"""Values when assets merge, part and end: the survivor's stay as they are, and the other's stay under the other's id,
out of sight, where its history tells of them and its return finds them. What a purge removes, it removes of the asset's
segments too."""

import uuid
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from tasks.holding import Holding

REMOVE = text("""
    DELETE FROM metadata_value WHERE object_id = ANY(CAST(:ids AS uuid[]))
        OR object_id IN (SELECT id FROM segment WHERE asset_id = ANY(CAST(:ids AS uuid[])))
""")


def _remove(session: Session, ids: Collection[uuid.UUID]) -> None:
    session.execute(REMOVE, {"ids": sorted(ids)})


VALUES = Holding("values", lambda _session, _pairs: {}, lambda _session, _partings: None, _remove)
