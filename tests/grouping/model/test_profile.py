"""A profile is validated completely, and its errors are reported by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from grouping import Profile, ProfileError


def test_json_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(
        '{"min_frames": 3, "extensions": {"video": [".FOO"]}, "eye_tokens": [["li", "re"]]}'
    )
    (tmp_path / "p.toml").write_text('min_frames = 3\neye_tokens = [["li", "re"]]\n[extensions]\nvideo = ["foo"]\n')
    one, other = Profile.load(tmp_path / "p.json"), Profile.load(tmp_path / "p.toml")
    assert one == other
    assert one.class_of[b"foo"] == "video"
    assert one.min_frames == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"min_frame": 3}', "unknown key 'min_frame'"),
        ('{"photos": "maybe"}', "key 'photos'"),
        ('{"min_frames": 0}', "key 'min_frames'"),
        ('{"track_tokens": {"smell": ["s"]}}', "unknown key 'track_tokens.smell'"),
        ('{"extensions": {"smell": ["s"]}}', "extensions.smell"),
        ("[1]", "Profile"),
        ("{", "neither JSON nor TOML"),
    ],
)
def test_a_fault_is_told_with_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        Profile.load(path)
    assert told in str(caught.value)
    assert "p.json" in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        Profile.load(tmp_path / "none.json")


def test_every_key_of_the_rules_is_there() -> None:
    keys = """
        extensions case_sensitive min_frames photos hidden subframes eye_tokens camera_tokens track_tokens
        rendition_tokens rendition_dirs caption_dirs original_rank cards packages versions parts
        settle_seconds orphan_after_seconds
    """
    assert set(Profile.model_fields) == set(keys.split())
