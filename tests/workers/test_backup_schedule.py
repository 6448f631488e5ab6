"""A backup every day, and the newest are kept."""

from calendar import timegm
from pathlib import Path

import pytest

from workers.backup_schedule import list_backups, name_backup, seconds_until_backup, take_scheduled_backup

DAY = 86_400.0
NOON = float(timegm((2026, 11, 30, 12, 0, 0)))


@pytest.mark.parametrize(
    ("taken", "seconds"),
    [
        ([], 0),
        (["monday.tar", ".tapeless-20261130T110000Z.tar.x"], 0),
        (["tapeless-20261130T110000Z.tar"], DAY - 3600),
        (["tapeless-20261128T110000Z.tar"], 0),
        (["tapeless-20261127T110000Z.tar", "tapeless-20261130T120000Z.tar"], DAY),
        (["tapeless-20271130T120000Z.tar"], DAY),
    ],
    ids=["none yet", "none of ours", "an hour ago", "two days ago", "the newest counts", "the clock was set back"],
)
def test_the_next_one_is_due_a_day_after_the_newest(tmp_path: Path, taken: list[str], seconds: float) -> None:
    for name in taken:
        (tmp_path / name).touch()
    assert seconds_until_backup(tmp_path, DAY, NOON) == seconds


def test_the_newest_are_kept_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "monday.tar").touch()
    for day in range(5):
        take_scheduled_backup(Path.touch, tmp_path, 2, NOON + day * DAY)
    assert [path.name for path in list_backups(tmp_path)] == [name_backup(NOON + day * DAY) for day in (3, 4)]
    assert (tmp_path / "monday.tar").exists()


def test_one_that_fails_deletes_none(tmp_path: Path) -> None:
    def fail(file: Path) -> None:
        raise OSError(28, "No space left on device", str(file))

    take_scheduled_backup(Path.touch, tmp_path, 1, NOON)
    with pytest.raises(OSError, match="No space left"):
        take_scheduled_backup(fail, tmp_path, 1, NOON + DAY)
    assert len(list_backups(tmp_path)) == 1
