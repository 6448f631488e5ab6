"""Files that are no longer found: suspected at the first look, missing only if a second look confirms it.

The second look comes one scan interval later, with the root's identity checked before and after. Only a certain absence
counts: a file that cannot be looked at is kept.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.catalog.file import File, Folder
from models.core.paths import is_path_inside, join_path
from models.core.sessions import Sessions, transact
from models.core.statements import in_array
from watch.disk.listing import FileEntry, UnreadableFile, stat_file
from watch.disk.mount_identity import RootIdentity, identify_root, must_freeze_deletions
from watch.rows.folder_cache import FolderCache, KnownFolder, write_folder_digests
from watch.rows.known_files import GONE_STATUSES, SETTLED_STATUSES, KnownFile, load_known, rows_of_folders
from watch.rows.missing import clear_suspicion, mark_missing, mark_suspected
from watch.rows.unreadable import record_unreadable

MAX_CONFIRM_FILES = 10_000
ROOT_SAMPLE_FILES, MIN_ROOT_SAMPLE_SHARE = 100, 0.9
GONE_FOLDER_WALK = -1
"""Walk number of a folder with files that are already suspected."""


@dataclass(frozen=True, slots=True)
class SuspectConfirmation:
    """Number of suspects that were checked, those that are missing now, and the reason to freeze deletions instead."""

    looked_at: int
    freeze: str | None = None
    missing: Sequence[KnownFile] = ()


NOTHING_CONFIRMED = SuspectConfirmation(0)


class AbsenceCheck:
    """Suspects and confirms missing files of one storage."""

    def __init__(self, storage_id: uuid.UUID, root: bytes, sessions: Sessions, book: FolderCache) -> None:
        self._storage_id = storage_id
        self._root = root
        self._sessions = sessions
        self._book = book

    def suspect_unseen(self, walk: int, starts: Sequence[bytes]) -> None:
        """Suspect files of folders that a walk from `starts` did not reach, unless an unreadable parent hides them."""
        unseen = [
            folder
            for folder in self._book
            if GONE_FOLDER_WALK != folder.walk < walk
            and any(is_path_inside(folder.path, start) for start in starts)
            and not self._is_hidden(folder, walk)
        ]
        for folder in unseen:
            folder.digest, folder.error, folder.walk = None, None, GONE_FOLDER_WALK
        if not unseen:
            return
        with self._sessions() as session:
            rows = rows_of_folders(session, [folder.id for folder in unseen])
            vanished = [row.id for row in rows if row.status not in GONE_STATUSES and not row.suspected]

        def write(session: Session) -> None:
            write_folder_digests(session, unseen)
            mark_suspected(session, vanished)

        transact(self._sessions, write)

    def _is_hidden(self, folder: KnownFolder, walk: int) -> bool:
        """Return whether this walk, or a look during it, found an unreadable folder above."""
        path = folder.path
        while path:
            path = path.rpartition(b"/")[0]
            parent = self._book.get(path)
            if parent is not None and parent.error and parent.walk >= walk:
                return True
        return False

    def confirm(
        self, older_than_seconds: float, identity: RootIdentity, accepted: bool, moving: Collection[int]
    ) -> SuspectConfirmation:
        """Check suspects a second time; mark those that are gone as missing, or return the reason to freeze deletions.

        Args:
            accepted: an operator accepted the loss, so deletions do not freeze.
            moving: inodes of files that wait to be stable. A file that waits under another name is not lost: its row
                stays until the move is known.
        """
        if not self.has_suspects():
            return NOTHING_CONFIRMED
        with self._sessions() as session:
            suspects = self._suspects(session, older_than_seconds, moving=moving)
            if not suspects:
                return NOTHING_CONFIRMED
            reason = None if accepted else self._reason_to_freeze(session, moving)
        if reason is not None:
            return SuspectConfirmation(0, reason)
        gone: list[KnownFile] = []
        found: list[uuid.UUID] = []
        unreadable: list[tuple[int, bytes, str]] = []
        for row in suspects:
            there = stat_file(self._root, join_path(self._book.by_id(row.folder_id).path, row.name))
            if there is None:
                gone.append(row)
            elif isinstance(there, UnreadableFile):
                unreadable.append((row.folder_id, row.name, there.error))
            else:
                found.append(row.id)
        # Checked after the look: if the mount was lost meanwhile, the files only seem gone.
        if identify_root(self._root) != identity:
            return NOTHING_CONFIRMED

        def write(session: Session) -> None:
            clear_suspicion(session, found)
            record_unreadable(session, unreadable)
            if gone:
                mark_missing(session, self._book, gone)

        transact(self._sessions, write)
        return SuspectConfirmation(len(suspects), missing=gone)

    def has_same_files(self) -> bool:
        """Return whether a sample of recorded files still exists with the same inodes, under any device number.

        A reboot can renumber the devices of unchanged file systems, while another disk does not hold the same inodes.
        True if no file is recorded, because none can be lost.
        """
        statement = (
            select(File).join(Folder).where(Folder.storage_id == self._storage_id, File.status.in_(SETTLED_STATUSES))
        )
        with self._sessions() as session:
            sample = load_known(session, statement.limit(ROOT_SAMPLE_FILES))
        same = sum(self._is_there(row) for row in sample)
        return same >= MIN_ROOT_SAMPLE_SHARE * len(sample)

    def _is_there(self, row: KnownFile) -> bool:
        entry = stat_file(self._root, join_path(self._book.by_id(row.folder_id).path, row.name))
        return isinstance(entry, FileEntry) and entry.inode == row.inode and entry.same_content(row.size, row.mtime_ns)

    def has_suspects(self) -> bool:
        """Return whether any file was not found at its last look."""
        with self._sessions() as session:
            return bool(self._suspects(session, 0, limit=1))

    def _suspects(
        self,
        session: Session,
        older_than_seconds: float,
        limit: int = MAX_CONFIRM_FILES,
        moving: Collection[int] = (),
    ) -> list[KnownFile]:
        statement = (
            select(File)
            .join(Folder)
            .where(
                Folder.storage_id == self._storage_id,
                File.suspected_at <= func.now() - timedelta(seconds=older_than_seconds),
                ~in_array(File.inode, moving),
            )
            .order_by(File.id)
            .limit(limit)
        )
        return load_known(session, statement)

    def _reason_to_freeze(self, session: Session, moving: Collection[int]) -> str | None:
        of_storage = select(func.count()).select_from(File).join(Folder).where(Folder.storage_id == self._storage_id)
        vanished = session.scalar(of_storage.where(File.suspected_at.is_not(None), ~in_array(File.inode, moving))) or 0
        if not must_freeze_deletions(vanished, vanished):
            return None
        recorded = session.scalar(of_storage.where(File.status.not_in(GONE_STATUSES))) or 0
        if not must_freeze_deletions(vanished, recorded):
            return None
        return f"{vanished:,} of {recorded:,} files vanished at once"
