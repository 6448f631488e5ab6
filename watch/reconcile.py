"""Reconciliation of file rows with the disk; events and scans both end here.

A file is new or changed in a listing, waits in `UnsettledFiles`, is checked again when due, and is published if nothing
was written meanwhile. A row without its file becomes suspected first (`watch.absence`). A file that cannot be looked at
keeps its row, which says why.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby

import psycopg
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.catalog.file import File, Folder
from models.catalog.storage import Storage
from models.core.paths import display_path, join_path
from models.core.sessions import Sessions, describe_failure, is_value_refused, transact
from watch.baseline import DigestBacklog
from watch.disk.clock import Clock
from watch.disk.config import WatchedStorage
from watch.disk.listing import FileEntry, FolderListing, UnreadableFile, digest_of_listing, stat_file
from watch.disk.open_writers import is_open_for_writing
from watch.disk.settling import Detection, SettlePolicy, UnsettledFile, UnsettledFiles, seconds_until_stable
from watch.disk.tracing import trace_publishing
from watch.expected_digests import ExpectedDigests
from watch.rows import files as file_rows
from watch.rows.content_digests import read_digests
from watch.rows.folder_cache import FolderCache, KnownFolder, write_folder_digests
from watch.rows.island_assignment import IslandAssignment, reassign_islands
from watch.rows.known_files import (
    SETTLED_STATUSES,
    FolderDifference,
    KnownFile,
    StableFile,
    compare_folder,
    rows_by_name,
    rows_of_folders,
)
from watch.rows.missing import clear_suspicion, mark_suspected
from watch.rows.unreadable import record_unreadable

log = logging.getLogger(__name__)

MAX_PUBLISH_FILES = 5_000
POSTPONE_SECONDS = 1.0
"""Until a file is checked again that a process has open, or that waits for a walk."""

PlacedEntry = tuple[bytes, FileEntry]
"""Folder and file."""


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
        digests: DigestBacklog,
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
        self._digests = digests
        self._expected = ExpectedDigests()
        self._profile_revision = storage.profile_revision
        self._match_other_storages = storage.settings.aggregate_identical_files
        self.is_walking = False
        """Whether a walk is due or under way, which may come to files that were renamed."""
        self.last_walk_ended = 0.0

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
        entries = dict(listings)
        differences: dict[bytes, FolderDifference] = {}
        if known:
            with self._sessions() as session:
                rows = rows_of_folders(session, sorted(known))
                for folder_id, of_folder in groupby(rows, key=lambda row: row.folder_id):
                    listing = entries[known[folder_id]]
                    difference = compare_folder(listing.files, of_folder, listing.unreadable)
                    differences[known[folder_id]] = difference
        digests = []
        # A folder with unreadable files keeps no digest, so that the next walk compares it again; one with unsettled
        # files gets its digest with the last of them.
        for path, listing in entries.items():
            if path not in differences:
                differences[path] = compare_folder(listing.files, (), listing.unreadable)
            difference = differences[path]
            self._watch_until_stable(path, difference.unsettled, frozenset(), arrived_ns, "listing")
            folder = self.book.get(path)
            digest = None if listing.unreadable else digest_of_listing(listing.files)
            self._expected.drop(path)
            if digest is not None and difference.unsettled:
                self._expected.expect(path, digest, len(difference.unsettled))
                digest = None
            if folder is not None and (folder.digest, folder.error) != (digest, None):
                folder.digest, folder.error, folder.walk = digest, None, walk
                digests.append(folder)
        self._write(differences, digests, walk)

    def _write(self, differences: dict[bytes, FolderDifference], digests: list[KnownFolder], walk: int) -> None:
        vanished = [row.id for difference in differences.values() for row in difference.vanished]
        cleared = [file_id for difference in differences.values() for file_id in difference.cleared]
        relinked = [pair for difference in differences.values() for pair in difference.relinked]
        hidden: list[tuple[bytes, str | None]] = []
        failed: list[tuple[bytes, UnreadableFile]] = []
        for folder, difference in differences.items():
            for file in difference.unreadable:
                path = join_path(folder, file.name)
                if self.book.get(path) is not None:
                    hidden.append((path, file.error))
                else:
                    failed.append((folder, file))
        if hidden:
            self._note_unreadable(hidden, walk)
        self.book.ensure(self._sessions, {folder for folder, _ in failed})
        errors = [(self.book.require(folder).id, file.name, file.error) for folder, file in failed]

        def write(session: Session) -> None:
            write_folder_digests(session, digests)
            mark_suspected(session, vanished)
            clear_suspicion(session, cleared)
            file_rows.update_identities(session, relinked)
            record_unreadable(session, errors)

        if vanished or cleared or relinked or errors or digests:
            transact(self._sessions, write)

    def _note_unreadable(self, folders: list[tuple[bytes, str | None]], walk: int) -> None:
        self.book.ensure(self._sessions, [path for path, _ in folders])
        noted = []
        for path, error in folders:
            self._expected.drop(path)
            folder = self.book.get(path)
            if folder is not None and folder.error != error:
                folder.digest, folder.error, folder.walk = None, error, walk
                noted.append(folder)
        self._write({}, noted, walk)

    def compare_files(self, folder: bytes, names: Iterable[bytes], closed: frozenset[bytes]) -> None:
        """Compare single files that events point at, so that an event costs its file and not its folder."""
        entries: list[FileEntry] = []
        unreadable: list[UnreadableFile] = []
        wanted = set(names)
        for name in wanted:
            there = stat_file(self.root, join_path(folder, name))
            if isinstance(there, FileEntry):
                entries.append(there)
            elif there is None:
                self.settling.forget(folder, name)
            else:
                unreadable.append(there)
        self._expected.drop(folder)
        known = self.book.get(folder)
        rows: list[KnownFile] = []
        if known is not None:
            with self._sessions() as session:
                rows = list(rows_by_name(session, [(known.id, name) for name in wanted]).values())
        difference = compare_folder(entries, rows, unreadable)
        self._watch_until_stable(folder, difference.unsettled, closed, 0, "event")
        is_settled = not (difference.unsettled or difference.vanished or unreadable)
        self._write({folder: difference}, [] if is_settled else self._unsettle(known), self.book.newest_walk)

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
        stable: list[PlacedEntry] = []
        growing: list[PlacedEntry] = []
        for folder, ready in self.settling.due(self._clock.monotonic()):
            for file in ready:
                self._look_again(folder, file, stable, growing)
            if len(stable) >= only_files:
                break
        stable, growing = self._follow_renames(stable, growing)
        for start in range(0, len(stable), MAX_PUBLISH_FILES):
            part = stable[start : start + MAX_PUBLISH_FILES]
            with trace_publishing(self.storage_id, self.settling, part, self._clock):
                self._publish_valid(part)
        if growing:
            files = self._in_folders(growing)
            transact(self._sessions, lambda session: file_rows.mark_growing(session, files, self.profile))
        return len(stable)

    def _look_again(
        self, folder: bytes, file: UnsettledFile, stable: list[PlacedEntry], growing: list[PlacedEntry]
    ) -> None:
        there = stat_file(self.root, join_path(folder, file.entry.name))
        if there != file.entry:
            self._expected.drop(folder)
        if not isinstance(there, FileEntry):
            self.settling.forget(folder, file.entry.name)
            if there is not None:
                self.compare_files(folder, [there.name], frozenset())
        elif there.same_content(file.entry.size, file.entry.mtime_ns):
            path = join_path(self.root, join_path(folder, there.name))
            if self.settle_policy.is_local and is_open_for_writing(path):
                self.settling.postpone(folder, there.name, self._clock.monotonic() + POSTPONE_SECONDS)
            else:
                stable.append((folder, there))
        else:
            wait = seconds_until_stable(there, self._clock.wall_ns(), False, self.settle_policy)
            self.settling.watch(folder, there, self._clock.monotonic() + wait, grew=True)
            growing.append((folder, there))

    def _follow_renames(
        self, stable: list[PlacedEntry], growing: list[PlacedEntry]
    ) -> tuple[list[PlacedEntry], list[PlacedEntry]]:
        """Publish a renamed file before or with the file that has its old name now, so that its row follows it.

        A published file that waits under a new name is stable: its inode, size and mtime are those of its row. Where
        the renamed file was not found yet, the other file waits for the walk that may find it.
        """
        displaced = self._displaced_rows([*stable, *growing])
        if not displaced:
            return stable, growing
        waiting = self.settling.of_inodes({row.inode for row in displaced.values()})
        renamed: dict[tuple[bytes, bytes], FileEntry] = {}
        postponed: set[tuple[bytes, bytes]] = set()
        for place, row in displaced.items():
            found = [
                (folder, there)
                for folder, entry in waiting
                if (folder, entry.name) != place and (there := self._file_of(row, folder, entry.name)) is not None
            ]
            if found:
                renamed |= {(folder, entry.name): entry for folder, entry in found}
            elif self._may_be_found(place):
                postponed.add(place)
                self.settling.postpone(*place, self._clock.monotonic() + POSTPONE_SECONDS)
        first = [(folder, entry) for (folder, _), entry in renamed.items()]
        rest = [(folder, entry) for folder, entry in stable if (folder, entry.name) not in renamed.keys() | postponed]
        growing = [(folder, entry) for folder, entry in growing if (folder, entry.name) not in postponed]
        return first + rest, growing

    def _may_be_found(self, place: tuple[bytes, bytes]) -> bool:
        """Whether a walk is due or under way, and none has ended since the file was noticed: a file waits for one."""
        waiting = self.settling.get(*place)
        return self.is_walking and waiting is not None and waiting.first.at > self.last_walk_ended

    def _file_of(self, row: KnownFile, folder: bytes, name: bytes) -> FileEntry | None:
        """Return the file at a path if it is the one that a row describes, unchanged."""
        there = stat_file(self.root, join_path(folder, name))
        if isinstance(there, FileEntry) and row.is_file_of(there) and there.same_content(row.size, row.mtime_ns):
            return there
        return None

    def _displaced_rows(self, files: Sequence[PlacedEntry]) -> dict[tuple[bytes, bytes], KnownFile]:
        """Return the rows of published files whose names other files have now, by folder and name."""
        places = {}
        for folder, entry in files:
            known = self.book.get(folder)
            if known is not None and not known.is_new:
                places[known.id, entry.name] = folder, entry
        with self._sessions() as session:
            rows = rows_by_name(session, list(places)) if places else {}
        return {
            (places[place][0], row.name): row
            for place, row in rows.items()
            if row.status in SETTLED_STATUSES and not row.is_file_of(places[place][1])
        }

    def _publish_valid(self, stable: list[PlacedEntry]) -> None:
        """Publish files; those that the database refuses are found by halves, and recorded as failed."""
        try:
            self._publish(stable)
        except (DBAPIError, psycopg.Error) as error:
            if not is_value_refused(error):
                raise
            if len(stable) > 1:
                half = len(stable) // 2
                self._publish_valid(stable[:half])
                self._publish_valid(stable[half:])
            else:
                self._fail(*stable[0], describe_failure(error))

    def _fail(self, folder: bytes, entry: FileEntry, reason: str) -> None:
        """Record a file that cannot be stored; a walk tries it again."""
        log.warning("%s: cannot be recorded: %s", display_path(join_path(folder, entry.name)), reason)
        self.book.ensure(self._sessions, [folder])
        failed = [(self.book.require(folder).id, entry.name, f"cannot be recorded: {reason}")]
        transact(self._sessions, lambda session: record_unreadable(session, failed))
        self.settling.forget(folder, entry.name)
        self._expected.drop(folder)

    def _publish(self, stable: list[PlacedEntry]) -> None:
        files = self._in_folders(stable)
        digests = read_digests(self._sessions, self.root, self.book, files)

        def write(session: Session) -> set[int]:
            left = file_rows.publish_stable_files(
                session, self.root, self.book, files, self.profile, self._match_other_storages, digests
            )
            # After the write, because `publish_stable_files` holds the island locks that a change of profile needs too.
            self._require_same_profile(session)
            return left

        left = transact(self._sessions, write)
        for folder, entry in stable:
            self.settling.forget(folder, entry.name)
        self._digests.add(file.folder.id for file in files)
        for folder_id, _ in digests.errors:
            self._expected.drop(self.book.by_id(folder_id).path)
        if settled := self._expected.complete([file.folder for file in files]):
            transact(self._sessions, lambda session: write_folder_digests(session, settled))
        left.update(file.folder.id for file in files if self._homes.is_decided_by(file.folder.path, file.entry.name))
        self.reassign_after_changes(left)

    def _require_same_profile(self, session: Session) -> None:
        revision = session.scalar(select(Storage.profile_revision).where(Storage.id == self.storage_id))
        if revision != self._profile_revision:
            raise ProfileChangedError

    def reassign_after_changes(self, folder_ids: Collection[int]) -> None:
        """Move folders to another island if what these folders hold now decides so."""
        if folder_ids:
            with self._sessions() as session:
                is_changed = self._homes.load(session, self.book, map(self.book.by_id, folder_ids))
            if is_changed:
                reassign_islands(self._sessions, self.book, self._homes)

    def reassign_islands(self) -> None:
        """Assign every folder to the island that its path and the files of the storage imply."""
        with self._sessions() as session:
            self._homes.load(session, self.book)
        reassign_islands(self._sessions, self.book, self._homes)

    def _in_folders(self, files: list[PlacedEntry]) -> list[StableFile]:
        self.book.ensure(self._sessions, {folder for folder, _ in files})
        return [StableFile(self.book.require(folder), entry) for folder, entry in files]

    def update_device_number(self, old_device: int, new_device: int) -> None:
        """Store the new device number of an unchanged file system, so that moves are still recognised."""
        folders = select(Folder.id).where(Folder.storage_id == self.storage_id)
        statement = update(File).where(File.folder_id.in_(folders), File.device == old_device)
        transact(self._sessions, lambda session: session.execute(statement.values(device=new_device)))
