"""Removing what is left of renditions that nobody knows any more: rows of their files, then the files themselves.

A format that is removed, or an asset that is purged, takes its file set along; a run that was killed leaves a folder
that no row names.
"""

import os
from pathlib import Path

from sqlalchemy import select, text

from models.sessions import Sessions, transact
from models.storage import PROXIES, Storage
from tasks.rendition_places import RUN, SPARED_SECONDS, is_named, old_runs, remove_run

FORGET_FILES = text("""
    DELETE FROM file USING folder, storage
    WHERE folder.id = file.folder_id AND storage.id = folder.storage_id AND storage.purpose = 'PROXIES'
        AND NOT EXISTS (SELECT FROM file_set_file WHERE file_id = file.id)
""")
# From below: a folder goes once nothing is in it, and so the ones above it the next times.
FORGET_FOLDERS = text("""
    DELETE FROM folder USING storage
    WHERE storage.id = folder.storage_id AND storage.purpose = 'PROXIES' AND folder.parent_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM file WHERE file.folder_id = folder.id)
        AND NOT EXISTS (SELECT FROM folder AS below WHERE below.parent_id = folder.id)
""")
DEEP = 3


def forget_renditions(sessions: Sessions, spared_seconds: float = SPARED_SECONDS) -> int:
    """Remove rows that no file set has, and folders that no row names; gives how many folders."""
    transact(sessions, lambda session: session.execute(FORGET_FILES))
    for _ in range(DEEP):
        transact(sessions, lambda session: session.execute(FORGET_FOLDERS))
    with sessions() as session:
        storages = session.scalars(select(Storage).where(Storage.purpose == PROXIES)).all()
    removed = 0
    for storage in storages:
        for run in old_runs(Path(os.fsdecode(storage.place)), spared_seconds):
            if RUN.fullmatch(run.name) and not transact(
                sessions, lambda session, s=storage, r=run: is_named(session, s.id, r.name)
            ):
                remove_run(run)
                removed += 1
    return removed
