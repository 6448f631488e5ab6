"""Formats that go over to another keep their file sets."""

from pathlib import Path

from sqlalchemy import text

from tests.files import write
from tests.pipeline import Pipeline


def test_a_rendition_with_a_caption_that_gets_its_original_keeps_one_set_for_each_file(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "d_h264.mp4", "d.de.srt")
    pipeline.settle()
    write(root, "d.mov")
    pipeline.settle()
    (asset,) = pipeline.assets()
    assert [(part["kind"], part["files"]) for part in asset["formats"]] == [
        ("captioned_video", ["d.de.srt", "d.mov"]),
        ("transcode", ["d_h264.mp4"]),
    ]
    with pipeline.sessions() as session:
        assert session.scalar(text("SELECT sum(file_count) FROM file_set")) == 3
        assert session.scalar(text("SELECT count(*) FROM file_set")) == 3
    assert pipeline.broken() == []


def test_a_control_character_in_a_name_is_shown_and_never_sent(pipeline: Pipeline, root: Path) -> None:
    write(root, "a\x1b[31mred.mov", "two\nlines.mov")
    pipeline.settle()
    assert set(pipeline.ids()) == {r"a\x1b[31mred", r"two\x0alines"}
