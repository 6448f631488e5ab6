"""Telling files apart that have the same name, size and mtime: by a digest of their ends, taken while they are there.

Where a clock counts nanoseconds, equal times mean a faithful copy, whose content is the same too; nothing has to be
read then, and nothing could be told. But times of whole seconds (exFAT cards, some network storages, tools that cut
them) are equal by chance, as of frames of one size that two renders wrote at once under the same names. Of such files
alone, and only of those that are alike, 64 KiB of either end are read, once. When they go elsewhere under other inodes,
the digest says which is which.
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

from models.paths import join_path
from models.sessions import Sessions
from watch.folders import FolderBook, KnownFolder
from watch.listing import Entry, entry_of, look_at_file

COARSE_NS = 1_000_000
"""Times that are whole milliseconds are taken for cut ones; of others one in a million is."""
END_BYTES = 65_536
PRESENT = frozenset({"CLOSED", "REDISCOVERED"})

# A partial index holds rows of such times alone.
ALIKE = text(f"""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns, file.status, file.digest IS NULL AS unread,
        folder.storage_id = :storage AS is_here
    FROM unnest(CAST(:names AS bytea[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS asked (name, size, time)
    JOIN file ON file.name = asked.name AND file.size = asked.size AND file.mtime_ns = asked.time
        AND file.mtime_ns % {COARSE_NS} = 0
    JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage OR file.status = 'MISSING'
    ORDER BY file.id
""")

NOTE_ROWS = text("""
    UPDATE file SET digest = t.digest FROM unnest(CAST(:ids AS uuid[]), CAST(:digests AS bytea[]),
        CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS t (id, digest, size, mtime_ns)
    WHERE file.id = t.id AND (file.size, file.mtime_ns) = (t.size, t.mtime_ns)
""")

NOTE_FILES = text("""
    UPDATE file SET digest = t.digest FROM unnest(CAST(:folders AS bigint[]), CAST(:names AS bytea[]),
        CAST(:digests AS bytea[]), CAST(:sizes AS bigint[]), CAST(:times AS bigint[]))
        AS t (folder_id, name, digest, size, mtime_ns)
    WHERE file.folder_id = t.folder_id AND file.name = t.name AND (file.size, file.mtime_ns) = (t.size, t.mtime_ns)
""")

KEPT = text("SELECT id, digest FROM file WHERE id = ANY(:ids) AND digest IS NOT NULL")

Trait = tuple[bytes, int, int]


class Arrived(Protocol):
    """A new file and the folder that it came into."""

    @property
    def folder(self) -> KnownFolder:
        """Where it is."""

    @property
    def entry(self) -> Entry:
        """What `lstat` said of it."""


@dataclass(slots=True)
class Digests:
    """What was read of files that are alike."""

    of_files: dict[tuple[int, bytes], tuple[Entry, bytes]] = field(default_factory=dict)
    """New ones, by folder and name."""
    of_rows: dict[uuid.UUID, tuple[Entry, bytes]] = field(default_factory=dict)
    """Those that were there already."""

    def of(self, file: Arrived) -> bytes | None:
        """The digest of a new file, if it was taken."""
        return self.of_files.get((file.folder.id, file.entry.name), (None, None))[1]

    def write(self, session: Session) -> None:
        """Note the digests on their rows, once these say the same size and time."""
        if self.of_rows:
            values = _columns(self.of_rows.values())
            session.execute(NOTE_ROWS, values | {"ids": list(self.of_rows)})
        if self.of_files:
            folders, names = zip(*self.of_files, strict=True)
            values = _columns(self.of_files.values())
            session.execute(NOTE_FILES, values | {"folders": list(folders), "names": list(names)})


def trait_of(entry: Entry) -> Trait:
    """What a faithful copy has in common with its source."""
    return entry.name, entry.size, entry.mtime_ns


def tell_apart(sessions: Sessions, root: bytes, book: FolderBook, files: Sequence[Arrived]) -> Digests:
    """Read the ends of new files that are alike or like others; no transaction is open meanwhile."""
    coarse = [file for file in files if file.entry.size and file.entry.mtime_ns % COARSE_NS == 0]
    digests = Digests()
    if not coarse:
        return digests
    alike = Counter(trait_of(file.entry) for file in coarse)
    new = {(file.folder.id, file.entry.name) for file in coarse}
    with sessions() as session:
        rows = [row for row in _rows_like(session, book, alike) if (row.folder_id, bytes(row.name)) not in new]
    alike.update((bytes(row.name), row.size, row.mtime_ns) for row in rows)
    for file in coarse:
        if alike[trait_of(file.entry)] > 1:
            digest = digest_of_ends(root, join_path(file.folder.path, file.entry.name), file.entry)
            if digest is not None:
                digests.of_files[file.folder.id, file.entry.name] = file.entry, digest
    for row in rows:
        if row.is_here and row.unread and row.status in PRESENT:
            path = join_path(book.by_id(row.folder_id).path, bytes(row.name))
            entry = look_at_file(root, path)
            if entry is not None and entry.same_content(row.size, row.mtime_ns):
                digest = digest_of_ends(root, path, entry)
                if digest is not None:
                    digests.of_rows[row.id] = entry, digest
    return digests


def pair_alike(
    files: Iterable[Arrived], rows: Iterable[tuple[Hashable, Trait, bytes | None]], digests: Digests
) -> list[tuple[Any, Any]]:
    """Pairs of a new file and the row that it can only be: the one of its trait, or of its trait and digest.

    Of two that could be meant, neither is, nor one whose digest is known to be another.
    """
    arrived: dict[Trait, list[Arrived]] = {}
    for file in files:
        arrived.setdefault(trait_of(file.entry), []).append(file)
    earlier: dict[Trait, list[tuple[Hashable, bytes | None]]] = {}
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


def kept_digests(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """The digests that rows have."""
    return {row.id: bytes(row.digest) for row in session.execute(KEPT, {"ids": list(ids)})}


def digest_of_ends(root: bytes, path: bytes, entry: Entry) -> bytes | None:
    """BLAKE2 of a file's size and both its ends; None where it cannot be read, or is not what it was any more."""
    try:
        descriptor = os.open(join_path(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        try:
            digest = hashlib.blake2b(str(entry.size).encode(), digest_size=16)
            digest.update(file.read(END_BYTES))
            if entry.size > END_BYTES:
                file.seek(max(END_BYTES, entry.size - END_BYTES))
                digest.update(file.read(END_BYTES))
            there = entry_of(entry.name, os.fstat(descriptor))
        except OSError:
            return None
    is_same = there.inode == entry.inode and there.same_content(entry.size, entry.mtime_ns)
    return digest.digest() if is_same else None


def _rows_like(session: Session, book: FolderBook, traits: Iterable[Trait]) -> Sequence[Any]:
    names, sizes, times = zip(*traits, strict=True)
    asked = {"names": list(names), "sizes": list(sizes), "times": list(times), "storage": book.storage_id}
    return session.execute(ALIKE, asked).all()


def _columns(read: Iterable[tuple[Entry, bytes]]) -> dict[str, list[Any]]:
    read = list(read)
    return {
        "digests": [digest for _, digest in read],
        "sizes": [entry.size for entry, _ in read],
        "times": [entry.mtime_ns for entry, _ in read],
    }
