"""Delete what is left of removed renditions: rows of their files, then the files on disk.

Deleting a format or purging an asset deletes the file set; a killed run leaves a folder that no row names.
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
# Bottom-up: an empty folder is deleted by one statement, its parent by the next.
FORGET_FOLDERS = text("""
    DELETE FROM folder USING storage
    WHERE storage.id = folder.storage_id AND storage.purpose = 'PROXIES' AND folder.parent_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM file WHERE file.folder_id = folder.id)
        AND NOT EXISTS (SELECT FROM folder AS below WHERE below.parent_id = folder.id)
""")
DEEP = 3
"""Levels of folders below the root, deleted one per statement."""


def forget_renditions(sessions: Sessions, spared_seconds: float = SPARED_SECONDS) -> int:
    """Delete file rows without a file set, and run folders that no row names; return the number of folders."""
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
