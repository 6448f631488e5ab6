"""Reconciliation of file rows with the disk; events and scans both end here.

A file is new or changed in a listing, waits in `UnsettledFiles`, is checked again when due, and is published if nothing
was written meanwhile. A row without its file becomes suspected first. It becomes missing only if a second look, one
scan interval later and with the root's identity checked before and after, does not find the file either.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from grouping.model.islands import is_package_marker
from models.catalog.file import File, Folder
from models.catalog.storage import Storage
from models.core.bulk import in_array
from models.core.paths import is_path_inside, join_path
from models.core.sessions import Sessions, transact
from watch.disk.clock import Clock
from watch.disk.config import WatchedStorage
from watch.disk.listing import FileEntry, digest_of_listing, stat_file
from watch.disk.mount_identity import RootIdentity, identify_root, must_freeze_deletions
from watch.disk.settling import Detection, SettlePolicy, UnsettledFile, UnsettledFiles, seconds_until_stable
from watch.disk.tracing import trace_publishing
from watch.disk.walk import FolderListing
from watch.rows import files as file_rows
from watch.rows.compare import GONE_STATUSES, SETTLED_STATUSES, FolderDifference, KnownFile, compare_folder
from watch.rows.content_digests import digest_alike_files
from watch.rows.folder_cache import FolderCache, KnownFolder, write_folder_digests
from watch.rows.island_assignment import IslandAssignment, reassign_islands
from watch.rows.missing import clear_suspicion, mark_missing, mark_suspected

MAX_PUBLISH_FILES = 5_000
MAX_CONFIRM_FILES = 10_000
ROOT_SAMPLE_FILES, MIN_ROOT_SAMPLE_SHARE = 100, 0.9
GONE_FOLDER_WALK = -1
"""Walk number of a folder with files that are already suspected."""


@dataclass(frozen=True, slots=True)
class SuspectConfirmation:
    """Number of suspects that were checked, and the reason to freeze deletions instead."""

    looked_at: int
    freeze: str | None = None


class ProfileChangedError(Exception):
    """The storage's profile changed since this watcher started: nothing was written, and a new watcher takes over."""


class Reconciler:
    """Compares one storage's listings with its rows and writes the differences in short transactions."""

    def __init__(
        self,
        storage: WatchedStorage,
        sessions: Sessions,
        book: FolderCache,
        settle_policy: SettlePolicy,
        clock: Clock,
        homes: IslandAssignment,
    ) -> None:
        self.storage_id = storage.id
        self.root = storage.root
        self.book = book
        self.settling = UnsettledFiles()
        self.profile = storage.profile
        self.settle_policy = settle_policy
        self._sessions = sessions
        self._clock = clock
        self._homes = homes
        self._profile_revision = storage.profile_revision
        self._match_other_storages = storage.settings.aggregate_identical_files

    def compare_listings(
        self, listings: Sequence[FolderListing], walk: int, arrived_ns: int = 0, is_thorough: bool = False
    ) -> None:
        """Compare whole folders; `arrived_ns` is the time at which the tree was renamed into place, or 0.

        A thorough comparison, as an operator requests it, reads the rows of unchanged folders too.
        """
        self.book.newest_walk = walk
        changed: list[FolderListing] = []
        for path, listing in listings:
            known = self.book.get(path)
            if known is not None:
                known.walk = walk
            is_new = listing.error or known is None or known.error or known.digest != digest_of_listing(listing.files)
            if is_new or is_thorough:
                changed.append((path, listing))
        readable = [(path, listing) for path, listing in changed if not listing.error]
        self._compare_folders(readable, walk, arrived_ns)
        self._note_unreadable([(path, listing.error) for path, listing in changed if listing.error], walk)

    def _compare_folders(self, listings: Sequence[FolderListing], walk: int, arrived_ns: int) -> None:
        known = {folder.id: path for path, _ in listings if (folder := self.book.get(path)) is not None}
        entries = {path: listing.files for path, listing in listings}
        differences: dict[bytes, FolderDifference] = {}
        if known:
            with self._sessions() as session:
                rows = file_rows.rows_of_folders(session, sorted(known))
                for folder_id, of_folder in groupby(rows, key=lambda row: row.folder_id):
                    differences[known[folder_id]] = compare_folder(entries[known[folder_id]], of_folder)
        digests = []
        # A folder with unsettled files keeps no digest, so that the next walk compares it again.
        for path, files in entries.items():
            difference = differences.setdefault(path, FolderDifference(unsettled=list(files)))
            self._watch_until_stable(path, difference.unsettled, frozenset(), arrived_ns, "listing")
            folder = self.book.get(path)
            if folder is not None:
                digest = None if difference.unsettled else digest_of_listing(files)
                if (folder.digest, folder.error) != (digest, None):
                    folder.digest, folder.error, folder.walk = digest, None, walk
                    digests.append(folder)
        self._write(differences.values(), digests)

    def _write(self, differences: Iterable[FolderDifference], digests: list[KnownFolder]) -> None:
        vanished = [row.id for difference in differences for row in difference.vanished]
        cleared = [file_id for difference in differences for file_id in difference.cleared]
        relinked = [pair for difference in differences for pair in difference.relinked]
        if not (vanished or cleared or relinked or digests):
            return

        def write(session: Session) -> None:
            write_folder_digests(session, digests)
            mark_suspected(session, vanished)
            clear_suspicion(session, cleared)
            file_rows.update_inodes(session, relinked)

        transact(self._sessions, write)

    def _note_unreadable(self, folders: list[tuple[bytes, str | None]], walk: int) -> None:
        self.book.ensure(self._sessions, [path for path, _ in folders])
        noted = []
        for path, error in folders:
            folder = self.book.get(path)
            if folder is not None and folder.error != error:
                folder.digest, folder.error, folder.walk = None, error, walk
                noted.append(folder)
        self._write([], noted)

    def compare_files(self, folder: bytes, names: Iterable[bytes], closed: frozenset[bytes]) -> None:
        """Compare single files that events point at, so that an event costs its file and not its folder."""
        entries = []
        wanted = set(names)
        for name in wanted:
            entry = stat_file(self.root, join_path(folder, name))
            if entry is not None:
                entries.append(entry)
            else:
                self.settling.forget(folder, name)
        known = self.book.get(folder)
        rows: list[KnownFile] = []
        if known is not None:
            with self._sessions() as session:
                rows = list(file_rows.rows_by_name(session, [(known.id, name) for name in wanted]).values())
        difference = compare_folder(entries, rows)
        self._watch_until_stable(folder, difference.unsettled, closed, 0, "event")
        self._write([difference], self._unsettle(known) if difference.unsettled or difference.vanished else [])

    def _unsettle(self, folder: KnownFolder | None) -> list[KnownFolder]:
        if folder is None or folder.digest is None:
            return []
        folder.digest = None
        return [folder]

    def _watch_until_stable(
        self, folder: bytes, entries: list[FileEntry], closed: frozenset[bytes], arrived_ns: int, by: str
    ) -> None:
        now_ns, now = self._clock.wall_ns(), self._clock.monotonic()
        detection = Detection(now, by)
        for entry in entries:
            is_closed = entry.ctime_ns < arrived_ns or entry.name in closed
            due = now + seconds_until_stable(entry, now_ns, is_closed, self.settle_policy)
            self.settling.watch(folder, entry, due, detection=detection)

    def settle(self, only_files: int = MAX_PUBLISH_FILES) -> int:
        """Check files that are due again and publish the stable ones; return their number.

        Publishes about `only_files` at a time; other files stay due.
        """
        stable: list[tuple[bytes, FileEntry]] = []
        growing: list[tuple[bytes, FileEntry]] = []
        for folder, ready in self.settling.due(self._clock.monotonic()):
            for file in ready:
                self._look_again(folder, file, stable, growing)
            if len(stable) >= only_files:
                break
        for start in range(0, len(stable), MAX_PUBLISH_FILES):
            part = stable[start : start + MAX_PUBLISH_FILES]
            with trace_publishing(self.storage_id, self.settling, part, self._clock):
                self._publish(part)
        if growing:
            files = self._in_folders(growing)
            transact(self._sessions, lambda session: file_rows.mark_growing(session, files, self.profile))
        return len(stable)

    def _look_again(
        self,
        folder: bytes,
        file: UnsettledFile,
        stable: list[tuple[bytes, FileEntry]],
        growing: list[tuple[bytes, FileEntry]],
    ) -> None:
        entry = stat_file(self.root, join_path(folder, file.entry.name))
        if entry is None:
            self.settling.forget(folder, file.entry.name)
        elif entry.same_content(file.entry.size, file.entry.mtime_ns):
            stable.append((folder, entry))
        else:
            wait = seconds_until_stable(entry, self._clock.wall_ns(), False, self.settle_policy)
            self.settling.watch(folder, entry, self._clock.monotonic() + wait, grew=True)
            growing.append((folder, entry))

    def _publish(self, stable: list[tuple[bytes, FileEntry]]) -> None:
        files = self._in_folders(stable)
        digests = digest_alike_files(self._sessions, self.root, self.book, files)

        def write(session: Session) -> None:
            file_rows.publish_stable_files(
                session, self.root, self.book, files, self.profile, self._match_other_storages, digests
            )
            # After the write, because `publish_stable_files` holds the island locks that a change of profile needs too.
            self._require_same_profile(session)

        transact(self._sessions, write)
        for folder, entry in stable:
            self.settling.forget(folder, entry.name)
        self.reassign_if_marked(entry.name for _, entry in stable)

    def _require_same_profile(self, session: Session) -> None:
        revision = session.scalar(select(Storage.profile_revision).where(Storage.id == self.storage_id))
        if revision != self._profile_revision:
            raise ProfileChangedError

    def reassign_if_marked(self, names: Iterable[bytes]) -> None:
        """Move the folders below a marker file that appeared or vanished to their new island."""
        if any(is_package_marker(name) for name in names):
            self.reassign_islands()

    def reassign_islands(self) -> None:
        """Assign every folder to the island that its path and the current packages imply."""
        with self._sessions() as session:
            self._homes.read_packages(session, self.book)
        reassign_islands(self._sessions, self.book, self._homes)

    def _in_folders(self, files: list[tuple[bytes, FileEntry]]) -> list[file_rows.StableFile]:
        self.book.ensure(self._sessions, {folder for folder, _ in files})
        return [file_rows.StableFile(self.book.require(folder), entry) for folder, entry in files]

    def suspect_unseen(self, walk: int, starts: Sequence[bytes]) -> None:
        """Suspect files of folders that a walk from `starts` did not reach, unless an unreadable parent hides them."""
        unseen = [
            folder
            for folder in self.book
            if GONE_FOLDER_WALK != folder.walk < walk
            and any(is_path_inside(folder.path, start) for start in starts)
            and not self._is_hidden(folder, walk)
        ]
        for folder in unseen:
            folder.digest, folder.error, folder.walk = None, None, GONE_FOLDER_WALK
        if unseen:
            with self._sessions() as session:
                rows = file_rows.rows_of_folders(session, [folder.id for folder in unseen])
                vanished = [row for row in rows if row.status not in GONE_STATUSES and not row.suspected]
            self._write([FolderDifference(vanished=vanished)], unseen)

    def _is_hidden(self, folder: KnownFolder, walk: int) -> bool:
        """Return whether this walk, or a look during it, found an unreadable folder above."""
        path = folder.path
        while path:
            path = path.rpartition(b"/")[0]
            parent = self.book.get(path)
            if parent is not None and parent.error and parent.walk >= walk:
                return True
        return False

    def confirm_suspects(
        self, older_than_seconds: float, identity: RootIdentity, accepted: bool
    ) -> SuspectConfirmation:
        """Check suspects a second time; mark those that are gone as missing, or return the reason to freeze deletions.

        Deletions do not freeze if an operator `accepted` the loss. A file that waits to be stable under another name is
        not lost: its row stays until the move is known.
        """
        if not self.has_suspects():
            return SuspectConfirmation(0)
        moving = self.settling.inodes()
        with self._sessions() as session:
            suspects = self._suspects(session, older_than_seconds, moving=moving)
            if not suspects:
                return SuspectConfirmation(0)
            reason = None if accepted else self._reason_to_freeze(session, moving)
        if reason is not None:
            return SuspectConfirmation(0, reason)
        gone: list[KnownFile] = []
        there: list[KnownFile] = []
        for row in suspects:
            entry = stat_file(self.root, join_path(self.book.by_id(row.folder_id).path, row.name))
            (gone if entry is None else there).append(row)
        # Checked after the look: if the mount was lost meanwhile, the files only seem gone.
        if identify_root(self.root) != identity:
            return SuspectConfirmation(0)

        def write(session: Session) -> None:
            clear_suspicion(session, [row.id for row in there])
            if gone:
                mark_missing(session, self.book, gone)

        transact(self._sessions, write)
        self.reassign_if_marked(row.name for row in gone)
        return SuspectConfirmation(len(suspects))

    def has_same_files(self) -> bool:
        """Return whether a sample of recorded files still exists with the same inodes, under any device number.

        A reboot can renumber the devices of unchanged file systems, while another disk does not hold the same inodes.
        True if no file is recorded, because none can be lost.
        """
        statement = (
            select(File).join(Folder).where(Folder.storage_id == self.storage_id, File.status.in_(SETTLED_STATUSES))
        )
        with self._sessions() as session:
            sample = [
                KnownFile(*row)
                for row in session.execute(file_rows.select_known_columns(statement.limit(ROOT_SAMPLE_FILES)))
            ]
        same = sum(self._is_there(row) for row in sample)
        return same >= MIN_ROOT_SAMPLE_SHARE * len(sample)

    def _is_there(self, row: KnownFile) -> bool:
        entry = stat_file(self.root, join_path(self.book.by_id(row.folder_id).path, row.name))
        return entry is not None and entry.inode == row.inode and entry.same_content(row.size, row.mtime_ns)

    def update_device_number(self, old_device: int, new_device: int) -> None:
        """Store the new device number of an unchanged file system, so that moves are still recognised."""
        folders = select(Folder.id).where(Folder.storage_id == self.storage_id)
        statement = update(File).where(File.folder_id.in_(folders), File.device == old_device)
        transact(self._sessions, lambda session: session.execute(statement.values(device=new_device)))

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
                Folder.storage_id == self.storage_id,
                File.suspected_at <= func.now() - timedelta(seconds=older_than_seconds),
                ~in_array(File.inode, moving),
            )
            .order_by(File.id)
            .limit(limit)
        )
        return [KnownFile(*row) for row in session.execute(file_rows.select_known_columns(statement))]

    def _reason_to_freeze(self, session: Session, moving: Collection[int]) -> str | None:
        of_storage = select(func.count()).select_from(File).join(Folder).where(Folder.storage_id == self.storage_id)
        vanished = session.scalar(of_storage.where(File.suspected_at.is_not(None), ~in_array(File.inode, moving))) or 0
        if not must_freeze_deletions(vanished, vanished):
            return None
        recorded = session.scalar(of_storage.where(File.status.not_in(GONE_STATUSES))) or 0
        if not must_freeze_deletions(vanished, recorded):
            return None
        return f"{vanished:,} of {recorded:,} files vanished at once"
