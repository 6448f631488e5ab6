"""The folder of pictures: files are made beside their place and renamed into it, and never written again.

A picture's name carries the digest of its bytes, so an address can be kept by browsers for ever, and a picture that is
made anew is another file. Whatever no row names any more is removed some time later.
"""

import hashlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from uuid import UUID

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
SPARED_SECONDS = 3600.0
"""A file this young may belong to a row that is about to be committed."""


class NotAPictureError(Exception):
    """What a confined process answered is not what it says: it may be somebody else's by now."""


def keep_picture(folder: Path, owner: UUID, kind: str, media_type: str, content: bytes) -> str:
    """Keep a picture of `owner` and give its path below the folder."""
    if not content.startswith(MAGIC.get(media_type, b"\0")):
        raise NotAPictureError(f"answered with something that is no {media_type}")
    digest = hashlib.sha256(content).hexdigest()[:24]
    name = f"{kind.lower()}-{digest}.{EXTENSIONS[media_type]}"
    # The end of a UUIDv7 is random, its beginning the time.
    below = Path(owner.hex[-2:], str(owner))
    (folder / below).mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / below / name
    draft = place.with_name(f".{name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(place)
    return str(below / name)


def owners_in(folder: Path, shard: str) -> list[UUID]:
    """Whose pictures lie in one of the 256 parts of the folder."""
    return [UUID(entry.name) for entry in _entries(folder / shard) if entry.is_dir() and len(entry.name) == 36]


def shards_of(folder: Path) -> list[str]:
    """The parts of the folder that there are."""
    return sorted(entry.name for entry in _entries(folder) if len(entry.name) == 2)


def remove_others(folder: Path, shard: str, owners: Collection[UUID], kept: Collection[str]) -> int:
    """Remove pictures of these owners that are not in `kept` and not young; gives how many."""
    removed, old = 0, time.time() - SPARED_SECONDS
    for owner in owners:
        home = folder / shard / str(owner)
        for entry in list(_entries(home)):
            if f"{shard}/{owner}/{entry.name}" not in kept and entry.stat().st_mtime < old:
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
        try:
            home.rmdir()
        except OSError:
            continue  # it still holds some
    return removed


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            yield from found
    except FileNotFoundError:
        return
