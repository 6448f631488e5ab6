"""Backups on a schedule: one file for each into a folder, of which the newest are kept."""

import re
import time
from calendar import timegm
from collections.abc import Callable
from pathlib import Path

BACKUP_NAME = re.compile(r"tapeless-(\d{8}T\d{6}Z)\.tar")
BACKUP_TIME = "%Y%m%dT%H%M%SZ"
DEFAULT_KEPT_BACKUPS = 7
BACKUP_INTERVAL_SECONDS = 24 * 3600.0


def list_backups(folder: Path) -> list[Path]:
    """Return the backups of the schedule in a folder, the oldest first; other files are not ours to count or delete."""
    return sorted(path for path in folder.iterdir() if BACKUP_NAME.fullmatch(path.name))


def name_backup(now: float) -> str:
    """Return the file name of a backup that is taken at a time."""
    return f"tapeless-{time.strftime(BACKUP_TIME, time.gmtime(now))}.tar"


def seconds_until_backup(folder: Path, interval_seconds: float, now: float) -> float:
    """Return how long it is until the next backup; a clock that was set back does not delay it for longer than one
    interval."""
    taken = list_backups(folder)
    if not taken:
        return 0.0
    found = BACKUP_NAME.fullmatch(taken[-1].name)
    assert found is not None
    newest = timegm(time.strptime(found[1], BACKUP_TIME))
    return min(max(0.0, newest + interval_seconds - now), interval_seconds)


def take_scheduled_backup(take: Callable[[Path], object], folder: Path, keep: int, now: float) -> Path:
    """Take a backup, and only then delete the oldest ones beyond `keep`."""
    file = folder / name_backup(now)
    take(file)
    for path in list_backups(folder)[:-keep]:
        path.unlink(missing_ok=True)
    return file
