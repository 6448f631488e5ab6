"""Content digests: what the two ends of a file say where size and times do not decide.

1. New content from changed attributes: size and mtime can be put back (`exiftool -P`, `touch -r`), while ctime changes
   with a chmod, a chown and a link too. If the ends are those that were read earlier, only attributes changed. A change
   in the middle alone is left to checksums.
2. One file from another of the same name, size and mtime. With nanosecond times, equal mtimes imply a faithful copy.
   Times of whole seconds (exFAT cards, some network storages, tools that truncate them) can be equal by chance, for
   example frames of one size that two renders write at once under the same names.

64 KiB of either end are read, never more: soon after a file was published (`watch.baseline`), and before its row is
changed for one of these reasons. No transaction is open meanwhile.
"""

import errno
import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.catalog.asset import FileSetFile
from models.core.paths import join_path
from models.core.sessions import Sessions
from models.core.statements import in_array
from models.queues.media_queue import MediaKind, queue_media
from watch.disk.listing import FileEntry, error_text, file_entry_of, is_absence, stat_file
from watch.rows.folder_cache import FolderCache, KnownFolder
from watch.rows.known_files import (
    GONE_STATUSES,
    KnownFile,
    KnownName,
    StableFile,
    is_touched,
    rows_by_inode,
    rows_by_name,
)
from watch.rows.unreadable import record_unreadable

COARSE_MTIME_NS = 1_000_000
"""mtimes that are whole milliseconds count as truncated; one in a million others is such by chance."""
DIGEST_END_BYTES = 65_536
PRESENT_STATUSES = frozenset({"CLOSED", "REDISCOVERED"})

# `mtime_ns % 1000000 = 0` matches the predicate of a partial index on such rows.
SELECT_ALIKE_FILES = text(f"""
    SELECT file.folder_id, file.name, file.size, file.mtime_ns, file.status, file.digest IS NULL AS unread,
        folder.storage_id = :storage AS is_here
    FROM unnest(CAST(:names AS bytea[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS asked (name, size, time)
    JOIN file ON file.name = asked.name AND file.size = asked.size AND file.mtime_ns = asked.time
        AND file.mtime_ns % {COARSE_MTIME_NS} = 0
    JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage OR file.status = 'MISSING'
    ORDER BY file.id
""")

# Compares size and mtime again, because the file may have changed after its digest was taken.
UPDATE_DIGESTS = text("""
    UPDATE file SET digest = t.digest, error = NULL
    FROM unnest(CAST(:folders AS bigint[]), CAST(:names AS bytea[]), CAST(:digests AS bytea[]),
        CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS t (folder_id, name, digest, size, mtime_ns)
    JOIN file AS before ON (before.folder_id, before.name) = (t.folder_id, t.name)
    WHERE file.id = before.id AND (file.size, file.mtime_ns) = (t.size, t.mtime_ns)
    RETURNING file.id, before.error IS NOT NULL AS was_unreadable
""")

CopyKey = tuple[bytes, int, int]


@dataclass(slots=True)
class ContentDigests:
    """Digests that were read, by folder id and name, before they are stored."""

    of_files: dict[KnownName, tuple[FileEntry, bytes]] = field(default_factory=dict)
    errors: dict[KnownName, str] = field(default_factory=dict)
    """Why files could not be read."""

    def of(self, file: StableFile) -> bytes | None:
        """Return the digest of a file, or None where none was taken."""
        return self.of_files.get(file.place, (None, None))[1]

    def read(self, root: bytes, folder: KnownFolder, entry: FileEntry) -> None:
        """Take the digest of a file, unless it is gone or has changed since `entry`."""
        place = folder.id, entry.name
        if place in self.of_files:
            return
        try:
            digest = digest_file_ends(join_path(root, join_path(folder.path, entry.name)), entry)
        except OSError as error:
            if not is_absence(error) and error.errno != errno.ELOOP:
                self.errors[place] = error_text(error)
            return
        if digest is not None:
            self.of_files[place] = entry, digest

    def may_be(self, file: StableFile, row: KnownFile) -> bool:
        """Whether nothing that was read contradicts that a file has the content of a row."""
        digest = self.of(file)
        return digest is None or row.digest is None or digest == row.digest

    def is_new_content(self, file: StableFile, row: KnownFile) -> bool:
        """Whether a file of its row's size and mtime has other content.

        Without two digests to compare, another inode with a later ctime says so: the name was given to another file.
        """
        if not is_touched(file.entry, row) or row.ctime_ns == file.entry.ctime_ns:
            return False
        digest = self.of(file)
        if digest is not None and row.digest is not None:
            return digest != row.digest
        return row.ctime_ns is not None and row.status not in GONE_STATUSES and not row.is_file_of(file.entry)

    def write(self, session: Session) -> None:
        """Store digests and errors; media of files that could not be read earlier are read again."""
        record_unreadable(session, [(*place, error) for place, error in self.errors.items()])
        if not self.of_files:
            return
        values = {
            "folders": [folder_id for folder_id, _ in self.of_files],
            "names": [name for _, name in self.of_files],
            "digests": [digest for _, digest in self.of_files.values()],
            "sizes": [entry.size for entry, _ in self.of_files.values()],
            "times": [entry.mtime_ns for entry, _ in self.of_files.values()],
        }
        readable = [row.id for row in session.execute(UPDATE_DIGESTS, values) if row.was_unreadable]
        in_sets = select(FileSetFile.file_set_id).where(in_array(FileSetFile.file_id, readable)).distinct()
        if readable and (sets := session.scalars(in_sets).all()):
            for kind in (MediaKind.HEADERS, MediaKind.SIDECARS):
                queue_media(session, kind, sets)


def copy_key_of(file: FileEntry | KnownFile) -> CopyKey:
    """Return what a faithful copy shares with its source: name, size and mtime."""
    return file.name, file.size, file.mtime_ns


def read_digests(sessions: Sessions, root: bytes, book: FolderCache, files: Sequence[StableFile]) -> ContentDigests:
    """Read the ends of those files of a batch that a digest decides about."""
    digests = ContentDigests()
    known = [file.place for file in files if not file.folder.is_new]
    coarse = [file for file in files if file.entry.size and is_coarse(file.entry.mtime_ns)]
    with sessions() as session:
        rows = rows_by_name(session, known)
        sources = rows_by_inode(session, book.storage_id, [file.entry.inode for file in coarse]) if coarse else []
    reused = {(row.inode, row.size, row.mtime_ns) for row in sources if row.digest is not None}
    for file in files:
        entry = file.entry
        is_doubted = (entry.inode, entry.size, entry.mtime_ns) in reused
        if (row := rows.get(file.place)) is not None:
            is_doubted |= row.error is not None or (row.digest is not None and is_touched(entry, row))
        if is_doubted:
            digests.read(root, file.folder, entry)
    _read_alike_files(sessions, root, book, coarse, digests)
    return digests


def is_coarse(mtime_ns: int) -> bool:
    """Whether an mtime looks truncated, so that different files can have it."""
    return mtime_ns % COARSE_MTIME_NS == 0


def _read_alike_files(
    sessions: Sessions, root: bytes, book: FolderCache, coarse: Sequence[StableFile], digests: ContentDigests
) -> None:
    """Read the ends of new files that resemble each other or known files, and of those."""
    if not coarse:
        return
    alike = Counter(copy_key_of(file.entry) for file in coarse)
    new = {file.place for file in coarse}
    names, sizes, times = zip(*alike, strict=True)
    asked = {"names": list(names), "sizes": list(sizes), "times": list(times), "storage": book.storage_id}
    with sessions() as session:
        rows = [row for row in session.execute(SELECT_ALIKE_FILES, asked) if (row.folder_id, row.name) not in new]
    alike.update((row.name, row.size, row.mtime_ns) for row in rows)
    for file in coarse:
        if alike[copy_key_of(file.entry)] > 1:
            digests.read(root, file.folder, file.entry)
    for row in rows:
        if row.is_here and row.unread and row.status in PRESENT_STATUSES:
            folder = book.by_id(row.folder_id)
            entry = stat_file(root, join_path(folder.path, row.name))
            if isinstance(entry, FileEntry) and entry.same_content(row.size, row.mtime_ns):
                digests.read(root, folder, entry)


def pair_alike_files(
    files: Iterable[StableFile], rows: Iterable[KnownFile], digests: ContentDigests
) -> list[tuple[StableFile, KnownFile]]:
    """Pair each new file with the only row it can be: the one of its copy key, or of its copy key and digest.

    Ambiguous candidates, and rows with a different digest, are not paired.
    """
    arrived: dict[CopyKey, list[StableFile]] = {}
    for file in files:
        arrived.setdefault(copy_key_of(file.entry), []).append(file)
    earlier: dict[CopyKey, list[KnownFile]] = {}
    for row in rows:
        earlier.setdefault(copy_key_of(row), []).append(row)
    pairs = []
    for key, known in earlier.items():
        new = arrived.get(key, [])
        if len(new) == len(known) == 1:
            pairs += [(new[0], known[0])] if digests.may_be(new[0], known[0]) else []
            continue
        of_digest = Counter(digests.of(file) for file in new)
        for file in new:
            digest = digests.of(file)
            same = [row for row in known if row.digest == digest]
            if digest is not None and of_digest[digest] == len(same) == 1:
                pairs.append((file, same[0]))
    return pairs


def digest_file_ends(path: bytes, entry: FileEntry) -> bytes | None:
    """Return the BLAKE2 digest of a file's size and both ends; None if it has changed since `entry`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        digest = hashlib.blake2b(str(entry.size).encode(), digest_size=16)
        digest.update(file.read(DIGEST_END_BYTES))
        if entry.size > DIGEST_END_BYTES:
            file.seek(max(DIGEST_END_BYTES, entry.size - DIGEST_END_BYTES))
            digest.update(file.read(DIGEST_END_BYTES))
        there = file_entry_of(entry.name, os.fstat(descriptor))
    return digest.digest() if there == entry else None
