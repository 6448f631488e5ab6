"""Baseline digests: the ends of published files are read while nothing else is to be done.

A later change of ctime or inode is compared with them: chmod, chown and links of a whole storage then read 128 KiB of
each file, and new content with an old size and time is found. They are not read when files are published, because a
large arrival would wait for two reads of each file.
"""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.paths import join_path
from models.core.sessions import Sessions, transact
from models.core.statements import AnyRow
from models.queues.media_queue import has_dirty_islands
from watch.disk.clock import Clock
from watch.disk.listing import FileEntry, stat_file
from watch.rows.content_digests import ContentDigests
from watch.rows.folder_cache import FolderCache, write_folder_digests

SLICE_SECONDS = 0.05
BATCH_FILES = 20
REST_FACTOR, BUSY_REST_FACTOR = 3, 20
"""Rest after each slice, as a multiple of its duration; the second while folders are to be grouped."""

SELECT_FILES_WITHOUT_DIGEST = text("""
    SELECT folder_id, name, size, mtime_ns, inode, ctime_ns FROM file
    WHERE folder_id = :folder AND digest IS NULL AND error IS NULL AND size > 0 AND status IN ('CLOSED', 'REDISCOVERED')
        AND name > :name
    ORDER BY name LIMIT :most
""")


class DigestBacklog:
    """Folders of one storage with files whose ends were not read yet; after a start these are all folders."""

    def __init__(self, root: bytes, sessions: Sessions, book: FolderCache, clock: Clock) -> None:
        self._root = root
        self._sessions = sessions
        self._book = book
        self._clock = clock
        # Ordered: the folder that was published first is read first.
        self._folders: dict[int, None] = {folder.id: None for folder in book}
        self._batches = self._iter_batches()
        self._is_reading = False
        self.next_slice = 0.0
        """When the next slice may be read, on the monotonic clock."""

    @property
    def is_pending(self) -> bool:
        """Whether files may be without a digest."""
        return bool(self._folders) or self._is_reading

    def add(self, folder_ids: Iterable[int]) -> None:
        """Add the folder of each published file."""
        self._folders |= dict.fromkeys(folder_ids)

    def work(self) -> None:
        """Read one slice, if it is time."""
        began = self._clock.monotonic()
        if not self.is_pending or began < self.next_slice:
            return
        digests = ContentDigests()
        self._is_reading = False
        for rows in self._batches:
            for row in rows:
                self._read(row, digests)
            if self._clock.monotonic() - began > SLICE_SECONDS:
                self._is_reading = True
                break
        else:
            self._batches = self._iter_batches()
        # Without the digest of its listing, a folder is compared at each scan, which tries unreadable files again.
        unsettled = [self._book.by_id(folder_id) for folder_id, _ in digests.errors]
        for folder in unsettled:
            folder.digest = None

        def write(session: Session) -> bool:
            digests.write(session)
            write_folder_digests(session, unsettled)
            return has_dirty_islands(session)

        rest = BUSY_REST_FACTOR if transact(self._sessions, write) else REST_FACTOR
        ended = self._clock.monotonic()
        self.next_slice = ended + rest * (ended - began)

    def _iter_batches(self) -> Iterator[Sequence[AnyRow]]:
        while self._folders:
            folder_id = next(iter(self._folders))
            del self._folders[folder_id]
            asked = {"folder": folder_id, "name": b"", "most": BATCH_FILES}
            while True:
                with self._sessions() as session:
                    rows = session.execute(SELECT_FILES_WITHOUT_DIGEST, asked).all()
                yield rows
                if not rows:
                    break
                asked["name"] = rows[-1].name

    def _read(self, row: AnyRow, digests: ContentDigests) -> None:
        """Read a file that is as its row says; if it is not, the next look at it will show that."""
        folder = self._book.by_id(row.folder_id)
        there = stat_file(self._root, join_path(folder.path, row.name))
        if not isinstance(there, FileEntry) or (there.size, there.mtime_ns, there.inode) != row[2:5]:
            return
        if row.ctime_ns in (None, there.ctime_ns):
            digests.read(self._root, folder, there)
