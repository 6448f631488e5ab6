"""Content digests that distinguish files of the same name, size and mtime.

With nanosecond times, equal mtimes imply a faithful copy, so nothing needs to be read. Times of whole seconds (exFAT
cards, some network storages, tools that truncate them) can be equal by chance, for example frames of one size that two
renders write at once under the same names. Only for such files, 64 KiB of either end are read, once, while the file
exists. When the files later move under other inodes, the digest identifies each of them.
"""

import hashlib
import os
import uuid
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.paths import join_path
from models.core.sessions import Sessions
from watch.disk.listing import FileEntry, file_entry_of, stat_file
from watch.rows.folder_cache import FolderCache, KnownFolder

COARSE_MTIME_NS = 1_000_000
"""mtimes that are whole milliseconds count as truncated; one in a million others is such by chance."""
DIGEST_END_BYTES = 65_536
PRESENT_STATUSES = frozenset({"CLOSED", "REDISCOVERED"})

# `mtime_ns % 1000000 = 0` matches the predicate of a partial index on such rows.
SELECT_ALIKE_FILES = text(f"""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns, file.status, file.digest IS NULL AS unread,
        folder.storage_id = :storage AS is_here
    FROM unnest(CAST(:names AS bytea[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS asked (name, size, time)
    JOIN file ON file.name = asked.name AND file.size = asked.size AND file.mtime_ns = asked.time
        AND file.mtime_ns % {COARSE_MTIME_NS} = 0
    JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage OR file.status = 'MISSING'
    ORDER BY file.id
""")

# Compares size and mtime again, because the file may have changed after its digest was taken.
UPDATE_DIGESTS_BY_ID = text("""
    UPDATE file SET digest = t.digest FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[]),
        CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS t (id, digest, size, mtime_ns)
    WHERE file.id = t.id AND (file.size, file.mtime_ns) = (t.size, t.mtime_ns)
""")

UPDATE_DIGESTS_BY_NAME = text("""
    UPDATE file SET digest = t.digest FROM unnest(CAST(:folders AS bigint[]), CAST(:names AS bytea[]),
        CAST(:digests AS bytea[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[]))
        AS t (folder_id, name, digest, size, mtime_ns)
    WHERE file.folder_id = t.folder_id AND file.name = t.name AND (file.size, file.mtime_ns) = (t.size, t.mtime_ns)
""")

SELECT_DIGESTS = text("SELECT id, digest FROM file WHERE id = ANY(:ids) AND digest IS NOT NULL")

CopyKey = tuple[bytes, int, int]


class NewFile(Protocol):
    """New file with its folder."""

    @property
    def folder(self) -> KnownFolder:
        """Folder of the file."""

    @property
    def entry(self) -> FileEntry:
        """Result of `lstat`."""


@dataclass(slots=True)
class ContentDigests:
    """Digests of files that are alike, before they are stored."""

    of_files: dict[tuple[int, bytes], tuple[FileEntry, bytes]] = field(default_factory=dict)
    """Digests of new files, by folder id and name."""
    of_rows: dict[uuid.UUID, tuple[FileEntry, bytes]] = field(default_factory=dict)
    """Digests of known files, by row id."""

    def of(self, file: NewFile) -> bytes | None:
        """Return the digest of a new file, or None where none was taken."""
        return self.of_files.get((file.folder.id, file.entry.name), (None, None))[1]

    def write(self, session: Session) -> None:
        """Store the digests on rows that still have the same size and mtime."""
        if self.of_rows:
            values = _digest_columns(self.of_rows.values())
            session.execute(UPDATE_DIGESTS_BY_ID, values | {"ids": list(self.of_rows)})
        if self.of_files:
            folders, names = zip(*self.of_files, strict=True)
            values = _digest_columns(self.of_files.values())
            session.execute(UPDATE_DIGESTS_BY_NAME, values | {"folders": list(folders), "names": list(names)})


def copy_key_of(entry: FileEntry) -> CopyKey:
    """Return what a faithful copy shares with its source: name, size and mtime."""
    return entry.name, entry.size, entry.mtime_ns


def digest_alike_files(sessions: Sessions, root: bytes, book: FolderCache, files: Sequence[NewFile]) -> ContentDigests:
    """Read the ends of new files that resemble each other or known files; no transaction is open meanwhile."""
    coarse = [file for file in files if file.entry.size and file.entry.mtime_ns % COARSE_MTIME_NS == 0]
    digests = ContentDigests()
    if not coarse:
        return digests
    alike = Counter(copy_key_of(file.entry) for file in coarse)
    new = {(file.folder.id, file.entry.name) for file in coarse}
    with sessions() as session:
        rows = [row for row in _rows_like(session, book, alike) if (row.folder_id, bytes(row.name)) not in new]
    alike.update((bytes(row.name), row.size, row.mtime_ns) for row in rows)
    for file in coarse:
        if alike[copy_key_of(file.entry)] > 1:
            digest = digest_file_ends(root, join_path(file.folder.path, file.entry.name), file.entry)
            if digest is not None:
                digests.of_files[file.folder.id, file.entry.name] = file.entry, digest
    for row in rows:
        if row.is_here and row.unread and row.status in PRESENT_STATUSES:
            path = join_path(book.by_id(row.folder_id).path, bytes(row.name))
            entry = stat_file(root, path)
            if entry is not None and entry.same_content(row.size, row.mtime_ns):
                digest = digest_file_ends(root, path, entry)
                if digest is not None:
                    digests.of_rows[row.id] = entry, digest
    return digests


def pair_alike_files(
    files: Iterable[NewFile], rows: Iterable[tuple[Hashable, CopyKey, bytes | None]], digests: ContentDigests
) -> list[tuple[Any, Any]]:
    """Pair each new file with the only row it can be: the one of its copy key, or of its copy key and digest.

    Ambiguous candidates, and rows with a different digest, are not paired.
    """
    arrived: dict[CopyKey, list[NewFile]] = {}
    for file in files:
        arrived.setdefault(copy_key_of(file.entry), []).append(file)
    earlier: dict[CopyKey, list[tuple[Hashable, bytes | None]]] = {}
    for row, trait, digest in rows:
        earlier.setdefault(trait, []).append((row, digest))
    pairs = []
    for trait, known in earlier.items():
        new = arrived.get(trait, [])
        if len(new) == len(known) == 1:
            seen, (row, kept) = digests.of(new[0]), known[0]
            if None in (seen, kept) or seen == kept:
                pairs.append((new[0], row))
            continue
        of_digest = Counter(digests.of(file) for file in new)
        for file in new:
            digest = digests.of(file)
            same = [row for row, of_row in known if of_row == digest]
            if digest is not None and of_digest[digest] == len(same) == 1:
                pairs.append((file, same[0]))
    return pairs


def load_digests(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """Load the stored digests of rows, by id."""
    return {row.id: bytes(row.digest) for row in session.execute(SELECT_DIGESTS, {"ids": list(ids)})}


def digest_file_ends(root: bytes, path: bytes, entry: FileEntry) -> bytes | None:
    """Return the BLAKE2 digest of a file's size and both ends; None if it cannot be read or has changed meanwhile."""
    try:
        descriptor = os.open(join_path(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        try:
            digest = hashlib.blake2b(str(entry.size).encode(), digest_size=16)
            digest.update(file.read(DIGEST_END_BYTES))
            if entry.size > DIGEST_END_BYTES:
                file.seek(max(DIGEST_END_BYTES, entry.size - DIGEST_END_BYTES))
                digest.update(file.read(DIGEST_END_BYTES))
            there = file_entry_of(entry.name, os.fstat(descriptor))
        except OSError:
            return None
    is_same = there.inode == entry.inode and there.same_content(entry.size, entry.mtime_ns)
    return digest.digest() if is_same else None


def _rows_like(session: Session, book: FolderCache, traits: Iterable[CopyKey]) -> Sequence[Any]:
    names, sizes, times = zip(*traits, strict=True)
    asked = {"names": list(names), "sizes": list(sizes), "times": list(times), "storage": book.storage_id}
    return session.execute(SELECT_ALIKE_FILES, asked).all()


def _digest_columns(read: Iterable[tuple[FileEntry, bytes]]) -> dict[str, list[Any]]:
    read = list(read)
    return {
        "digests": [digest for _, digest in read],
        "sizes": [entry.size for entry, _ in read],
        "times": [entry.mtime_ns for entry, _ in read],
    }
