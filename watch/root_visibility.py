"""Storages that this machine does not see: their root is missing, or holds none of the recorded files.

That a root can be listed proves nothing: an empty mount point can, and so can another disk. Device and inode of a root
differ from machine to machine. So a few of the files that the watcher found at its last look are looked for; a single
one of the recorded size proves that it is the storage. One without recorded files is seen wherever its root is.
"""

import errno
import os
import uuid
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.file import read_folder_paths
from models.catalog.storage import PURPOSE_FILES
from models.core.mounts import resolve_mount
from models.core.paths import display_path, join_path
from models.core.sessions import Sessions, read_snapshot
from watch.disk.mount_identity import identify_root

VISIBILITY_SAMPLE_FILES = 20
SELECT_ROOT_SAMPLES = text(f"""
    SELECT storage.id, storage.root, sample.folder_id, sample.name, sample.size
    FROM storage LEFT JOIN LATERAL (
        SELECT file.folder_id, file.name, file.size FROM folder JOIN file ON file.folder_id = folder.id
        WHERE folder.storage_id = storage.id AND file.status IN ('CLOSED', 'REDISCOVERED') AND file.error IS NULL
            AND file.suspected_at IS NULL
        LIMIT {VISIBILITY_SAMPLE_FILES}
    ) AS sample ON true
    WHERE storage.purpose = '{PURPOSE_FILES}'
""")
NOT_FOUND_ERRNOS = frozenset({errno.ENOENT, errno.ENOTDIR})


@dataclass(slots=True)
class RootSample:
    """A root as its row names it, and recorded files below it with their sizes."""

    root: bytes
    files: list[tuple[bytes, int]] = field(default_factory=list)


def find_unseen_storages(sessions: Sessions) -> dict[uuid.UUID, str]:
    """Return the storages that this machine does not see, each with the reason."""
    # The disk is looked at with no transaction open: a mount that does not answer may take minutes.
    samples = read_snapshot(sessions, load_root_samples)
    reasons = {storage_id: explain_unseen_root(sample) for storage_id, sample in samples.items()}
    return {storage_id: reason for storage_id, reason in reasons.items() if reason is not None}


def load_root_samples(session: Session) -> dict[uuid.UUID, RootSample]:
    """Load some recorded files of every storage that is watched."""
    rows = session.execute(SELECT_ROOT_SAMPLES).all()
    paths = read_folder_paths(session, sorted({row.folder_id for row in rows if row.folder_id is not None}))
    samples: dict[uuid.UUID, RootSample] = {}
    for row in rows:
        sample = samples.setdefault(row.id, RootSample(bytes(row.root)))
        if row.folder_id is not None:
            sample.files.append((join_path(paths[row.folder_id], bytes(row.name)), row.size))
    return samples


def explain_unseen_root(sample: RootSample) -> str | None:
    """Return why this machine does not see a storage, or None if it does."""
    place = resolve_mount(sample.root)
    if identify_root(place) is None:
        return f"{display_path(place)} is not there or not readable"
    if sample.files and not any(_is_there(join_path(place, path), size) for path, size in sample.files):
        return f"{display_path(place)} holds none of its files: it is not mounted there, or another disk is"
    return None


def _is_there(path: bytes, size: int) -> bool:
    try:
        return os.lstat(path).st_size == size
    except OSError as error:
        return error.errno not in NOT_FOUND_ERRNOS  # a folder that may not be entered is one that is there
