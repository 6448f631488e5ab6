"""Blocking keys of file rows: computed with each row, and a slice at a time for rows that lack those of this version.

Rows lack them after an upgrade: the version before wrote none, or by other rules. Only keys are written, so no island
is grouped again for them; until a storage has all of them, `storage.blocking_version` is null and its folders are read
whole.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from grouping import ClassifiedPath, Profile
from grouping.blocking import BLOCKING_VERSION, blocking_keys
from models.catalog.file import hash_blocking_keys, read_folder_paths
from models.catalog.storage import Storage
from models.core.paths import join_path
from models.core.sessions import Sessions, transact
from watch.disk.config import WatchedStorage

SLICE_ROWS = 2_000

SELECT_ROWS_WITHOUT_KEYS = text("""
    SELECT file.id, file.folder_id, file.name, file.media_class FROM file
    JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage AND file.bucket IS NULL AND file.status <> 'FAILED'
        AND (CAST(:all AS boolean) OR blocking_keys IS NULL)
        AND (file.folder_id, file.name) > (:folder_id, :name)
    ORDER BY file.folder_id, file.name LIMIT :most
""")

# A cast from text, because the lists differ in length.
UPDATE_KEYS = text("""
    UPDATE file SET blocking_keys = CAST(said.keys AS bigint[])
    FROM unnest(CAST(:ids AS uuid[]), CAST(:keys AS text[])) AS said (id, keys) WHERE file.id = said.id
""")


def stored_blocking_keys(folder_id: int, path: bytes, said: ClassifiedPath, profile: Profile) -> list[int] | None:
    """Return the keys to store with a file's row, None for a frame: its bucket has keys."""
    if said.bucket is not None:
        return None
    return hash_blocking_keys(folder_id, blocking_keys(path, said, profile).stored())


def keys_to_text(keys: Sequence[int] | None) -> str | None:
    """Return keys as the text of an array, for statements that unnest rows of them."""
    return None if keys is None else f"{{{','.join(map(str, keys))}}}"


class BlockingBacklog:
    """Rows of one storage without the blocking keys of this version; after a start these may be all."""

    def __init__(self, storage: WatchedStorage, sessions: Sessions) -> None:
        self._storage = storage
        self._sessions = sessions
        self._after: tuple[int, bytes] = (0, b"")
        self._is_all = False
        self.is_pending = True

    def work(self) -> None:
        """Compute the keys of one slice of rows."""
        if self.is_pending:
            self.is_pending = transact(self._sessions, self._write_slice)

    def _write_slice(self, session: Session) -> bool:
        """Write one slice; return whether more rows may lack keys."""
        # FOR SHARE: a change of the profile waits for this slice, and then has the rows classified again.
        row = session.scalars(select(Storage).where(Storage.id == self._storage.id).with_for_update(read=True)).one()
        if row.profile_revision != self._storage.profile_revision:
            return True
        if row.blocking_version != BLOCKING_VERSION and not self._is_all:
            self._is_all = True
            self._set_version(session, None)
        folder_id, name = self._after
        parameters = {"storage": row.id, "all": self._is_all, "folder_id": folder_id, "name": name, "most": SLICE_ROWS}
        rows = session.execute(SELECT_ROWS_WITHOUT_KEYS, parameters).all()
        paths = read_folder_paths(session, {each.folder_id for each in rows})
        ids: list[uuid.UUID] = []
        keys: list[str | None] = []
        for each in rows:
            path = join_path(paths[each.folder_id], bytes(each.name))
            said = ClassifiedPath(each.media_class)
            ids.append(each.id)
            keys.append(keys_to_text(stored_blocking_keys(each.folder_id, path, said, self._storage.profile)))
        if rows:
            session.execute(UPDATE_KEYS, {"ids": ids, "keys": keys})
            self._after = rows[-1].folder_id, bytes(rows[-1].name)
        if len(rows) == SLICE_ROWS:
            return True
        self._set_version(session, BLOCKING_VERSION)
        return False

    def _set_version(self, session: Session, version: int | None) -> None:
        session.execute(update(Storage).where(Storage.id == self._storage.id).values(blocking_version=version))
