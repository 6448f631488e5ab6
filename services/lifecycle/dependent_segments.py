"""Segments on merge and purge: all of them move to the survivor, together with their metadata values."""

import dataclasses
import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from models.catalog.segment import Segment
from models.core.bulk import in_array
from services.catalog.segments.segments import hard_delete_segments
from services.lifecycle.dependents import define_moved_rows


def _delete_segments(session: Session, ids: Collection[uuid.UUID]) -> None:
    hard_delete_segments(session, in_array(Segment.asset_id, ids))


DEPENDENT_SEGMENTS = dataclasses.replace(
    define_moved_rows("segments", Segment.asset_id, Segment.version_id), remove=_delete_segments
)
