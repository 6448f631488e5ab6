"""Picture store: files are written under a temporary name, renamed into place, and never modified.

A picture's name contains the digest of its bytes, so browsers can cache its URL for ever, and a new picture is another
file. Files without a row are removed after some time.
"""

import hashlib
import os
import time
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

PICTURE_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
PICTURE_MAGIC = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
MIN_PICTURE_AGE_SECONDS = 3600.0
"""A younger file may belong to a row that is not committed yet."""


class NotAPictureError(Exception):
    """The answer of a sandboxed process is not the announced type: the process may be compromised."""


def store_picture(folder: Path, owner: UUID, kind: str, media_type: str, content: bytes) -> str:
    """Store a picture of `owner` and return its path below the folder."""
    if not content.startswith(PICTURE_MAGIC.get(media_type, b"\0")):
        raise NotAPictureError(f"answered with something that is no {media_type}")
    digest = hashlib.sha256(content).hexdigest()[:24]
    name = f"{kind.lower()}-{digest}.{PICTURE_EXTENSIONS[media_type]}"
    # Shard by the end of the UUIDv7, which is random; its beginning is the time.
    below = Path(owner.hex[-2:], str(owner))
    (folder / below).mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder / below / name
    draft = place.with_name(f".{name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(place)
    return str(below / name)


def list_owners(folder: Path, shard: str) -> list[UUID]:
    """Return the owners with pictures in one of the 256 shards."""
    return [UUID(found.name) for found in (folder / shard).glob("*") if found.is_dir() and len(found.name) == 36]


def list_shards(folder: Path) -> list[str]:
    """Return the existing shards."""
    return sorted(found.name for found in folder.glob("??"))


def remove_unreferenced(folder: Path, shard: str, owners: Collection[UUID], kept: Collection[str]) -> int:
    """Remove pictures of these owners that are neither in `kept` nor young. Returns their number."""
    removed, old = 0, time.time() - MIN_PICTURE_AGE_SECONDS
    for owner in owners:
        home = folder / shard / str(owner)
        for found in list(home.glob("*")):
            if f"{shard}/{owner}/{found.name}" not in kept and found.stat().st_mtime < old:
                found.unlink(missing_ok=True)
                removed += 1
        try:
            home.rmdir()
        except OSError:
            continue  # not empty
    return removed
