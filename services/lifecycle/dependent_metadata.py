"""Metadata values on merge: the survivor keeps its values; those of the merged asset stay under its own id, hidden,
until it is unmerged. A purge removes the values of the asset and of its segments."""

import uuid
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.lifecycle.dependents import DependentKind

# The trigger mark_metadata_value_delete marks the documents.
DELETE_ASSET_VALUES = text("""
    DELETE FROM metadata_value WHERE object_id = ANY(CAST(:ids AS uuid[]))
        OR object_id IN (SELECT id FROM segment WHERE asset_id = ANY(CAST(:ids AS uuid[])))
""")


def _delete_values(session: Session, ids: Collection[uuid.UUID]) -> None:
    session.execute(DELETE_ASSET_VALUES, {"ids": sorted(ids)})


DEPENDENT_METADATA_VALUES = DependentKind(
    "values", lambda _session, _pairs: {}, lambda _session, _partings: None, _delete_values
)
