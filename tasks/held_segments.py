"""Segments on merge and purge: all of them move to the survivor, together with their metadata values."""

import dataclasses
import uuid
from collections.abc import Collection

from sqlalchemy.orm import Session

from models.bulk import among
from models.segment import Segment
from tasks.holding import moving
from tasks.segments_writing import remove_segments


def _remove(session: Session, ids: Collection[uuid.UUID]) -> None:
    remove_segments(session, among(Segment.asset_id, ids))


SEGMENTS = dataclasses.replace(moving("segments", Segment.asset_id, Segment.version_id), remove=_remove)
