"""A file that came back, or went elsewhere, under another inode: a restore, or a copy whose source was deleted.

Its inode tells nothing then. What tells is its name, its size and its mtime to the nanosecond, which copying tools
keep. That is believed only of a row whose own file is gone, and only where it fits one row and one new file: of two
that could be meant, neither is. Nobody computed a checksum while the earlier file was there, so none could decide.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.file import FileStatus
from models.paths import join_path
from watch.compare import KnownFile
from watch.folders import FolderBook
from watch.listing import Entry, look_at_file

# Both halves ask a partial index that holds such rows alone. Both ends of the range are there for a table without
# statistics: of one alone the planner expects a third of all rows, and reads the whole table.
IS_SUSPECTED = "suspected_at > '-infinity' AND suspected_at < 'infinity'"
IS_MISSING = "status = 'MISSING'"

# Asked first, for 5,000 names take 40 ms to send and to plan with, this 1 ms.
IS_ANY_GONE = text(f"""
    SELECT EXISTS (SELECT FROM file WHERE {IS_SUSPECTED}) OR EXISTS (SELECT FROM file WHERE {IS_MISSING})
""")

GONE_ROWS = text(f"""
    WITH gone AS (
        SELECT * FROM file WHERE {IS_SUSPECTED} UNION SELECT * FROM file WHERE {IS_MISSING}
    )
    SELECT gone.id, gone.folder_id, gone.name, gone.size, gone.mtime_ns, gone.inode, gone.device, gone.status,
        gone.suspected_at IS NOT NULL, gone.content_seen
    FROM gone JOIN folder ON folder.id = gone.folder_id
    WHERE folder.storage_id = :storage AND gone.name = ANY(:names) ORDER BY gone.id
""")

Trait = tuple[bytes, int, int]


class Arrived(Protocol):
    """A new file, as far as it can be recognised."""

    @property
    def entry(self) -> Entry:
        """What `lstat` said of it."""


File = TypeVar("File", bound=Arrived)


def match_copies(
    session: Session, root: bytes, book: FolderBook, fresh: Sequence[File], taken: Iterable[KnownFile]
) -> list[tuple[File, KnownFile]]:
    """Pair new files with the rows of the same name, size and mtime whose own file is gone; `taken` are not free."""
    arrived = Counter(trait_of(file.entry) for file in fresh)
    unique = {trait_of(file.entry): file for file in fresh if file.entry.size and arrived[trait_of(file.entry)] == 1}
    if not unique or not session.scalar(IS_ANY_GONE):
        return []
    used = {row.id for row in taken}
    earlier: dict[Trait, list[KnownFile]] = {}
    for row in _gone_rows(session, book, [name for name, _, _ in unique]):
        if row.id not in used:
            earlier.setdefault((row.name, row.size, row.mtime_ns), []).append(row)
    return [
        (file, rows[0])
        for trait, file in unique.items()
        if len(rows := earlier.get(trait, [])) == 1 and _is_gone(root, book, rows[0])
    ]


def trait_of(entry: Entry) -> Trait:
    """What a faithful copy has in common with its source."""
    return entry.name, entry.size, entry.mtime_ns


def _gone_rows(session: Session, book: FolderBook, names: list[bytes]) -> Iterable[KnownFile]:
    for file_id, folder_id, name, size, mtime_ns, inode, device, status, *rest in session.execute(
        GONE_ROWS, {"storage": book.storage_id, "names": names}
    ):
        yield KnownFile(file_id, folder_id, bytes(name), size, mtime_ns, inode, device, FileStatus(status), *rest)


def _is_gone(root: bytes, book: FolderBook, row: KnownFile) -> bool:
    return look_at_file(root, join_path(book.by_id(row.folder_id).path, row.name)) is None
