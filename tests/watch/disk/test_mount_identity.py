"""A storage root can vanish, and the thresholds at which a mass deletion is treated as a lost mount."""

from pathlib import Path

import pytest

from watch.disk.mount_identity import identify_root, is_network_file_system, must_freeze_deletions


@pytest.mark.parametrize(
    ("vanished", "recorded", "freezes"),
    [
        (0, 0, False),
        (1, 1, False),
        (100, 100, False),
        (101, 101, True),
        (101, 505, False),
        (101, 504, True),
        (20_000, 100_000, False),
        (20_001, 100_000, True),
    ],
)
def test_more_than_a_fifth_and_more_than_a_hundred_freeze(vanished: int, recorded: int, freezes: bool) -> None:
    assert must_freeze_deletions(vanished, recorded) is freezes


def test_a_folder_is_told_apart_from_another_at_its_place(tmp_path: Path) -> None:
    root = tmp_path / "mount"
    root.mkdir()
    first = identify_root(bytes(root))
    (root / "a.mov").write_text("new files change nothing")
    assert first is not None
    assert identify_root(bytes(root)) == first
    root.rename(tmp_path / "elsewhere")
    assert identify_root(bytes(root)) is None
    root.mkdir()
    assert identify_root(bytes(root)) not in (None, first)


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert identify_root(bytes(tmp_path / "file")) is None


def test_a_local_folder_is_not_taken_for_a_network_file_system(tmp_path: Path) -> None:
    assert is_network_file_system(bytes(tmp_path)) is False
