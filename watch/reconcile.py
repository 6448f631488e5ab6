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

from models.bulk import among
from models.file import File, Folder
from models.paths import join_path
from models.sessions import Sessions, transact
from models.storage import Storage
from watch import files as file_rows
from watch.clock import Clock
from watch.compare import GONE, SETTLED, Difference, KnownFile, compare
from watch.doubt import tell_apart
from watch.folders import FolderBook, KnownFolder, write_digests
from watch.homes import Homes, rehome
from watch.islands import is_marker
from watch.listing import Entry, digest_of, look_at_file
from watch.noticing import publishing
from watch.roots import RootIdentity, identify_root, must_freeze
from watch.stability import Patience, SettlingBook, Sighting, Unsettled, settle_seconds
from watch.walk import FolderListing
from watch.watched import WatchedStorage

PUBLISH_FILES = 5_000
CONFIRM_FILES = 10_000
SAMPLE, SAMPLE_SHARE = 100, 0.9
GONE_FOLDER = -1
"""Walk number of a folder with files that are already suspected."""


@dataclass(frozen=True, slots=True)
class Confirmation:
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
        book: FolderBook,
        patience: Patience,
        clock: Clock,
        homes: Homes,
    ) -> None:
        self.storage_id = storage.id
        self.root = storage.root
        self.book = book
        self.settling = SettlingBook()
        self.profile = storage.profile
        self.patience = patience
        self._sessions = sessions
        self._clock = clock
        self._homes = homes
        self._profile_revision = storage.profile_revision
        self._takes_from_elsewhere = storage.settings.aggregate_identical_files

    def look_at_folders(
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
            is_new = listing.error or known is None or known.error or known.digest != digest_of(listing.files)
            if is_new or is_thorough:
                changed.append((path, listing))
        readable = [(path, listing) for path, listing in changed if not listing.error]
        self._compare_folders(readable, walk, arrived_ns)
        self._note_unreadable([(path, listing.error) for path, listing in changed if listing.error], walk)

    def _compare_folders(self, listings: Sequence[FolderListing], walk: int, arrived_ns: int) -> None:
        known = {folder.id: path for path, _ in listings if (folder := self.book.get(path)) is not None}
        entries = {path: listing.files for path, listing in listings}
        differences: dict[bytes, Difference] = {}
        if known:
            with self._sessions() as session:
                rows = file_rows.rows_of_folders(session, sorted(known))
                for folder_id, of_folder in groupby(rows, key=lambda row: row.folder_id):
                    differences[known[folder_id]] = compare(entries[known[folder_id]], of_folder)
        digests = []
        # A folder with unsettled files keeps no digest, so that the next walk compares it again.
        for path, files in entries.items():
            difference = differences.setdefault(path, Difference(unsettled=list(files)))
            self._wait_for(path, difference.unsettled, frozenset(), arrived_ns, "listing")
            folder = self.book.get(path)
            if folder is not None:
                digest = None if difference.unsettled else digest_of(files)
                if (folder.digest, folder.error) != (digest, None):
                    folder.digest, folder.error, folder.walk = digest, None, walk
                    digests.append(folder)
        self._write(differences.values(), digests)

    def _write(self, differences: Iterable[Difference], digests: list[KnownFolder]) -> None:
        vanished = [row.id for difference in differences for row in difference.vanished]
        cleared = [file_id for difference in differences for file_id in difference.cleared]
        relinked = [pair for difference in differences for pair in difference.relinked]
        if not (vanished or cleared or relinked or digests):
            return

        def write(session: Session) -> None:
            write_digests(session, digests)
            file_rows.suspect(session, vanished)
            file_rows.clear_suspicion(session, cleared)
            file_rows.relink(session, relinked)

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

    def look_at_files(self, folder: bytes, names: Iterable[bytes], closed: frozenset[bytes]) -> None:
        """Compare single files that events point at, so that an event costs its file and not its folder."""
        entries = []
        wanted = set(names)
        for name in wanted:
            entry = look_at_file(self.root, join_path(folder, name))
            if entry is not None:
                entries.append(entry)
            else:
                self.settling.forget(folder, name)
        known = self.book.get(folder)
        rows: list[KnownFile] = []
        if known is not None:
            with self._sessions() as session:
                rows = list(file_rows.rows_by_name(session, [(known.id, name) for name in wanted]).values())
        difference = compare(entries, rows)
        self._wait_for(folder, difference.unsettled, closed, 0, "event")
        self._write([difference], self._unsettle(known) if difference.unsettled or difference.vanished else [])

    def _unsettle(self, folder: KnownFolder | None) -> list[KnownFolder]:
        if folder is None or folder.digest is None:
            return []
        folder.digest = None
        return [folder]

    def _wait_for(
        self, folder: bytes, entries: list[Entry], closed: frozenset[bytes], arrived_ns: int, by: str
    ) -> None:
        now_ns, now = self._clock.wall_ns(), self._clock.monotonic()
        sighting = Sighting(now, by)
        for entry in entries:
            is_closed = entry.ctime_ns < arrived_ns or entry.name in closed
            due = now + settle_seconds(entry, now_ns, is_closed, self.patience)
            self.settling.watch(folder, entry, due, sighting=sighting)

    def settle(self, only_files: int = PUBLISH_FILES) -> int:
        """Check files that are due again and publish the stable ones; return their number.

        Publishes about `only_files` at a time; other files stay due.
        """
        stable: list[tuple[bytes, Entry]] = []
        growing: list[tuple[bytes, Entry]] = []
        for folder, ready in self.settling.due(self._clock.monotonic()):
            for file in ready:
                self._look_again(folder, file, stable, growing)
            if len(stable) >= only_files:
                break
        for start in range(0, len(stable), PUBLISH_FILES):
            part = stable[start : start + PUBLISH_FILES]
            with publishing(self.storage_id, self.settling, part, self._clock):
                self._publish(part)
        if growing:
            files = self._in_folders(growing)
            transact(self._sessions, lambda session: file_rows.mark_growing(session, self.book, files, self.profile))
        return len(stable)

    def _look_again(
        self,
        folder: bytes,
        file: Unsettled,
        stable: list[tuple[bytes, Entry]],
        growing: list[tuple[bytes, Entry]],
    ) -> None:
        entry = look_at_file(self.root, join_path(folder, file.entry.name))
        if entry is None:
            self.settling.forget(folder, file.entry.name)
        elif entry.same_content(file.entry.size, file.entry.mtime_ns):
            stable.append((folder, entry))
        else:
            wait = settle_seconds(entry, self._clock.wall_ns(), False, self.patience)
            self.settling.watch(folder, entry, self._clock.monotonic() + wait, grew=True)
            growing.append((folder, entry))

    def _publish(self, stable: list[tuple[bytes, Entry]]) -> None:
        files = self._in_folders(stable)
        digests = tell_apart(self._sessions, self.root, self.book, files)

        def write(session: Session) -> None:
            file_rows.publish(session, self.root, self.book, files, self.profile, self._takes_from_elsewhere, digests)
            # After the write, because `publish_stable_files` holds the island locks that a change of profile needs too.
            self._refuse_other_profile(session)

        transact(self._sessions, write)
        for folder, entry in stable:
            self.settling.forget(folder, entry.name)
        self.follow_markers(entry.name for _, entry in stable)

    def _refuse_other_profile(self, session: Session) -> None:
        revision = session.scalar(select(Storage.profile_revision).where(Storage.id == self.storage_id))
        if revision != self._profile_revision:
            raise ProfileChangedError

    def follow_markers(self, names: Iterable[bytes]) -> None:
        """Move the folders below a marker file that appeared or vanished to their new island."""
        if any(is_marker(name) for name in names):
            self.rehome()

    def rehome(self) -> None:
        """Assign every folder to the island that its path and the current packages imply."""
        with self._sessions() as session:
            self._homes.read_packages(session, self.book)
        rehome(self._sessions, self.book, self._homes)

    def _in_folders(self, files: list[tuple[bytes, Entry]]) -> list[file_rows.StableFile]:
        self.book.ensure(self._sessions, {folder for folder, _ in files})
        return [file_rows.StableFile(self.book.get(folder), entry) for folder, entry in files]

    def suspect_unseen(self, walk: int, starts: Sequence[bytes]) -> None:
        """Suspect files of folders that a walk from `starts` did not reach, unless an unreadable parent hides them."""
        unseen = [
            folder
            for folder in self.book
            if GONE_FOLDER != folder.walk < walk
            and any(is_below(folder.path, start) for start in starts)
            and not self._is_hidden(folder, walk)
        ]
        for folder in unseen:
            folder.digest, folder.error, folder.walk = None, None, GONE_FOLDER
        if unseen:
            with self._sessions() as session:
                rows = file_rows.rows_of_folders(session, [folder.id for folder in unseen])
                vanished = [row for row in rows if row.status not in GONE and not row.suspected]
            self._write([Difference(vanished=vanished)], unseen)

    def _is_hidden(self, folder: KnownFolder, walk: int) -> bool:
        """Return whether this walk, or a look during it, found an unreadable folder above."""
        path = folder.path
        while path:
            path = path.rpartition(b"/")[0]
            parent = self.book.get(path)
            if parent is not None and parent.error and parent.walk >= walk:
                return True
        return False

    def confirm_suspects(self, older_than_seconds: float, identity: RootIdentity, accepted: bool) -> Confirmation:
        """Check suspects a second time; mark those that are gone as missing, or return the reason to freeze deletions.

        Deletions do not freeze if an operator `accepted` the loss. A file that waits to be stable under another name is
        not lost: its row stays until the move is known.
        """
        if not self.has_suspects():
            return Confirmation(0)
        moving = self.settling.inodes()
        with self._sessions() as session:
            suspects = self._suspects(session, older_than_seconds, moving=moving)
            if not suspects:
                return Confirmation(0)
            reason = None if accepted else self._reason_to_freeze(session, moving)
        if reason is not None:
            return Confirmation(0, reason)
        gone, there = [], []
        for row in suspects:
            entry = look_at_file(self.root, join_path(self.book.by_id(row.folder_id).path, row.name))
            (gone if entry is None else there).append(row)
        # Checked after the look: if the mount was lost meanwhile, the files only seem gone.
        if identify_root(self.root) != identity:
            return Confirmation(0)

        def write(session: Session) -> None:
            file_rows.clear_suspicion(session, [row.id for row in there])
            if gone:
                file_rows.mark_missing(session, self.book, gone)

        transact(self._sessions, write)
        self.follow_markers(row.name for row in gone)
        return Confirmation(len(suspects))

    def answers_as_before(self) -> bool:
        """Return whether a sample of recorded files still exists with the same inodes, under any device number.

        A reboot can renumber the devices of unchanged file systems, while another disk does not hold the same inodes.
        True if no file is recorded, because none can be lost.
        """
        statement = select(File).join(Folder).where(Folder.storage_id == self.storage_id, File.status.in_(SETTLED))
        with self._sessions() as session:
            sample = [KnownFile(*row) for row in session.execute(file_rows.known_columns(statement.limit(SAMPLE)))]
        same = sum(self._is_there(row) for row in sample)
        return same >= SAMPLE_SHARE * len(sample)

    def _is_there(self, row: KnownFile) -> bool:
        entry = look_at_file(self.root, join_path(self.book.by_id(row.folder_id).path, row.name))
        return entry is not None and entry.inode == row.inode and entry.same_content(row.size, row.mtime_ns)

    def renumber(self, old_device: int, new_device: int) -> None:
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
        limit: int = CONFIRM_FILES,
        moving: Collection[int] = (),
    ) -> list[KnownFile]:
        statement = (
            select(File)
            .join(Folder)
            .where(
                Folder.storage_id == self.storage_id,
                File.suspected_at <= func.now() - timedelta(seconds=older_than_seconds),
                ~among(File.inode, moving),
            )
            .order_by(File.id)
            .limit(limit)
        )
        return [KnownFile(*row) for row in session.execute(file_rows.known_columns(statement))]

    def _reason_to_freeze(self, session: Session, moving: Collection[int]) -> str | None:
        of_storage = select(func.count()).select_from(File).join(Folder).where(Folder.storage_id == self.storage_id)
        vanished = session.scalar(of_storage.where(File.suspected_at.is_not(None), ~among(File.inode, moving))) or 0
        if not must_freeze(vanished, vanished):
            return None
        recorded = session.scalar(of_storage.where(File.status.not_in(GONE))) or 0
        if not must_freeze(vanished, recorded):
            return None
        return f"{vanished:,} of {recorded:,} files vanished at once"


def is_below(path: bytes, folder: bytes) -> bool:
    """Return whether `path` is `folder` or below it; every path is below the root."""
    return not folder or path == folder or path.startswith(folder + b"/")
