"""A field, a view of it, a category and a value on the asset and on a segment, for the authorization matrix."""

from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from models.catalog.metadata import (
    FieldType,
    MetadataCategory,
    MetadataField,
    MetadataValue,
    MetadataView,
    MetadataViewField,
)
from models.catalog.segment import Segment, SegmentType
from models.core.base import new_id


def make_metadata(session: Session, asset: UUID, owner: UUID, reader: UUID | None) -> dict[str, object]:
    """What administrators made, and what was said of the owner's objects."""
    used, spare = (_field(f"f{uuid4().hex}") for _ in range(2))
    view, segment = MetadataView(id=new_id(), name="view"), _segment(asset, owner)
    session.add_all([used, spare, view, segment])
    session.flush()
    session.add(MetadataViewField(view_id=view.id, field_id=used.id, position=0))
    category = MetadataCategory(object_type="assets", name=f"c{uuid4().hex}", label="c", view_ids=[view.id])
    said = f"said {uuid4().hex}"
    values = [
        MetadataValue(object_id=key, field_id=used.id, object_type=kind, values=[said])
        for kind, key in (("assets", asset), ("segments", segment.id))
    ]
    session.add_all([category, *values])
    return {
        "object_id": asset,
        "version_id": asset,
        "view_id": view.id,
        "field_name": used.name,
        "spare_field": spare.name,
        "name": category.name,
        "described_segment_id": segment.id,
        "described_text": segment.segment_text,
        "value": said,
    }


def _field(name: str) -> MetadataField:
    return MetadataField(id=new_id(), name=name, label=name, field_type=FieldType.STRING)


def _segment(asset: UUID, owner: UUID) -> Segment:
    said = Segment(id=new_id(), asset_id=asset, version_id=asset, made_on=asset, user_id=owner)
    said.segment_type, said.segment_text = SegmentType.COMMENT, f"described {uuid4().hex}"
    said.time_start_milliseconds, said.time_end_milliseconds = 0, 1
    return said
