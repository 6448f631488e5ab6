"""Headers fill existing metadata fields, and never replace manual values."""

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.catalog.metadata import FieldType, MetadataField
from services.metadata.values import list_object_values, write_object_values
from services.objects.objects import get_object_for_update
from tests.pipeline import Pipeline
from tests.services.media_clips import put
from tests.services.media_steps import ADMIN, end_waits, read, warnings


def make_fields(pipeline: Pipeline, **kinds: str) -> None:
    with pipeline.sessions.begin() as session:
        session.add_all(
            MetadataField(name=name, label=name, field_type=FieldType(kind)) for name, kind in kinds.items()
        )


def values_of(pipeline: Pipeline, asset_id: uuid.UUID) -> dict[str, list[Any]]:
    with pipeline.sessions() as session:
        return {one.name: list(one.values) for one in list_object_values(session, asset_id)}


def test_headers_fill_the_fields_that_somebody_made_and_leave_what_people_said(pipeline: Pipeline, root: Path) -> None:
    make_fields(pipeline, codec="string", width="integer", stock="string", scan="date")
    pipeline.change_settings(header_fields={"audio_codec": "stock"})
    put(root, "clip.mp4")
    pipeline.settle()
    read(pipeline)
    asset_id = pipeline.ids()["clip"]
    assert values_of(pipeline, asset_id) == {"codec": ["h264"], "width": [480], "stock": ["aac"]}
    assert 'the metadata field "scan" does not take it' in warnings(pipeline)[0]
    with pipeline.sessions.begin() as session:
        found = get_object_for_update(session, ADMIN, "assets", asset_id)
        write_object_values(session, found, {"stock": "Kodak"}, replace(ADMIN, user_id=None))
    put(root, "new.wav")
    (root / "new.wav").rename(root / "clip.mp4")
    pipeline.settle()
    end_waits(pipeline)
    read(pipeline)
    assert values_of(pipeline, asset_id) == {"codec": ["h264"], "width": [480], "stock": ["Kodak"]}
    assert any(entry.startswith("METADATA") for entry in pipeline.history(asset_id))
