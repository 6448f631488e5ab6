"""A comment of the owner, for the authorization matrix."""

from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.catalog.segment import Segment, SegmentType
from models.core.base import new_id


def make_segments(session: Session, asset: UUID, owner: UUID, reader: UUID | None) -> dict[str, object]:
    """What the owner said of the asset."""
    said = Segment(id=new_id(), asset_id=asset, version_id=asset, made_on=asset, user_id=owner)
    said.segment_type, said.segment_text = SegmentType.COMMENT, f"too dark {uuid4().hex}"
    said.time_start_milliseconds, said.time_end_milliseconds = 1_000, 2_000
    session.add(said)
    session.flush()
    return {"segment_id": said.id, "segment_text": said.segment_text}
