"""Headers fill existing metadata fields, and never replace manual values."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.catalog.metadata import FieldType, MetadataField
from services.media.probe_metadata import flatten_header, is_unedited
from services.media.probe_summary import ProbeSummary
from services.metadata.types import parse_value
from services.metadata.values import list_object_values, write_object_values
from services.objects.objects import get_object_for_update
from tests.media.stills.test_tags import XMP, exif, picture
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


def test_tags_inside_a_photograph_fill_fields_too(pipeline: Pipeline, root: Path) -> None:
    make_fields(pipeline, model="string", latitude="float", captured_at="datetime", tags="tag_cloud", copyright="text")
    (root / "bus.jpg").write_bytes(picture("JPEG", exif=exif(), xmp=XMP))
    pipeline.settle()
    read(pipeline)
    assert values_of(pipeline, pipeline.ids()["bus"]) == {
        "model": ["NIKON Z 6"],
        "latitude": [48.1373889],
        "captured_at": ["2026-01-02T01:04:05.000000+00:00"],
        "tags": ["street", "rain"],
        "copyright": ["(c) Ada"],
    }


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("string", "h264"),
        ("string", 25.0),
        ("string", " with blanks "),
        ("drop_down", " h264 "),
        ("tag_cloud", " h264 "),
        ("tag_cloud", ["rain", "street", "rain"]),
        ("integer", 25.0),
        ("integer", "25"),
        ("float", 25),
        ("float", 23.976),
        ("boolean", "True"),
        ("boolean", True),
        ("date", "2024-01-31T00:00:00.000000Z"),
        ("datetime", "2024-01-31T18:30:00.000000Z"),
        ("datetime", "2024-01-31T18:30:00+02:00"),
    ],
)
def test_a_value_of_an_earlier_probe_is_known_in_its_stored_form(kind: str, header: Any) -> None:
    """The component keeps the value of the header, and the field that of its type."""
    of_field = FieldType(kind)
    values = header if isinstance(header, list) else [header]
    now = json.loads(json.dumps(list(dict.fromkeys(parse_value(of_field, value) for value in values))))
    assert is_unedited(of_field, now, json.loads(json.dumps(header)))
    assert is_unedited(of_field, [], header), "an empty field is free"
    assert not is_unedited(of_field, [*now, *now], header), "a user added a value"


@pytest.mark.parametrize(
    ("kind", "now", "before"),
    [
        ("string", ["Kodak"], "h264"),
        ("string", ["Kodak"], None),
        ("string", ["None"], None),
        ("integer", [24], 25),
        ("integer", [24], "h264"),
        ("datetime", ["2024-01-31T18:30:00.000000+00:00"], "2024-01-31T18:30:01Z"),
    ],
    ids=["another", "never written", "the word None", "another number", "the type was changed", "another second"],
)
def test_a_value_of_a_user_stays(kind: str, now: list[Any], before: Any) -> None:
    assert not is_unedited(FieldType(kind), now, before)


VIDEO = {"type": "VIDEO", "codec": "h264", "width": 480, "frame_rate": "30000/1001", "color": {"primaries": "bt709"}}
AUDIO = {"type": "AUDIO", "codec": "aac", "channels": 2}


@pytest.mark.parametrize(
    ("general", "streams", "expected"),
    [
        ({"container": "mp4", "tags": {"title": "T"}, "list": [1]}, [], {"container": "mp4", "tags.title": "T"}),
        (
            {},
            [AUDIO, VIDEO, {"type": "VIDEO", "codec": "mjpeg"}],
            {
                "type": "VIDEO",
                "codec": "h264",
                "width": 480,
                "frame_rate": "30000/1001",
                "frames_per_second": 29.97,
                "color_primaries": "bt709",
                "audio_type": "AUDIO",
                "audio_codec": "aac",
                "audio_channels": 2,
            },
        ),
        (
            {"duration_milliseconds": 9},
            [{"type": "IMAGE", "duration_milliseconds": 1}],
            {"duration_milliseconds": 9, "type": "IMAGE"},
        ),
        ({}, [{"type": "TEXT", "codec": "srt"}], {}),
        ({"duration_milliseconds": None}, [], {}),
    ],
    ids=["tags", "the first picture and the first sound", "the file comes first", "captions", "unknown"],
)
def test_a_header_is_one_value_for_each_key(
    general: dict[str, Any], streams: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    assert flatten_header(ProbeSummary(general, streams)) == expected
