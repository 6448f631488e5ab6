"""What is missing of a file set, from its row and the media folder."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from services.media.missing_media import MediaPart, MediaSet

WHOLE: dict[str, Any] = {
    "is_read": True,
    "is_explained": False,
    "has_media": True,
    "wants_previews": True,
    "wants_renditions": False,
    "previews": {"00/a.jpg": 3},
    "is_queued": False,
}
HEADER, PREVIEW = MediaPart.HEADER, MediaPart.PREVIEW


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({}, None),
        ({"is_read": False, "previews": {}}, HEADER),
        ({"is_read": False, "is_queued": True}, None),
        ({"previews": {"00/a.jpg": 3, "00/b.jpg": 3}}, PREVIEW),
        ({"previews": {"00/a.jpg": 4}}, PREVIEW),
        ({"previews": {"00/b.jpg": 3}, "is_queued": True}, None),
        ({"previews": {"00/b.jpg": 3}, "wants_previews": False}, PREVIEW),
        ({"previews": {}}, PREVIEW),
        ({"previews": {}, "is_explained": True}, None),
        ({"previews": {}, "has_media": False}, None),
        ({"previews": {}, "wants_previews": False}, None),
    ],
)
def test_what_should_be_there_and_is_not_is_missing(
    tmp_path: Path, changed: dict[str, Any], missing: MediaPart | None
) -> None:
    (tmp_path / "00").mkdir()
    (tmp_path / "00/a.jpg").write_bytes(b"abc")
    row = MediaSet(id=uuid.uuid4(), asset_id=uuid.uuid4(), title="clip", name="clip.mov", **WHOLE | changed)
    found = row.find_missing(tmp_path)
    assert (found.part if found else None) == missing
    assert found is None or found.sentence().startswith('"clip": clip.mov: ')
