"""Stable files, and the rows that are known of them: of whole folders, by name, or by inode."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ARRAY, BigInteger, LargeBinary, and_, func, literal, select
from sqlalchemy.orm import Session

from models.catalog.file import File, FileStatus, Folder
from models.core.statements import AnySelect, in_array
from watch.disk.listing import FileEntry
from watch.rows.compare import KnownFile
from watch.rows.folder_cache import KnownFolder

FILE_STREAM_ROWS = 2_000

KnownName = tuple[int, bytes]
"""Folder id and name."""


@dataclass(frozen=True, slots=True)
class StableFile:
    """Stable file with its folder."""

    folder: KnownFolder
    entry: FileEntry

    @property
    def place(self) -> KnownName:
        """Folder id and name, by which its row is found."""
        return self.folder.id, self.entry.name


KNOWN_COLUMNS = (
    File.id,
    File.folder_id,
    File.name,
    File.size,
    File.mtime_ns,
    File.inode,
    File.device,
    File.status,
    File.suspected_at.is_not(None).label("suspected"),
    File.content_seen,
    File.ctime_ns,
    File.error,
    File.digest,
)
"""The fields of `KnownFile`, in their order."""


def load_known(session: Session, statement: AnySelect) -> list[KnownFile]:
    """Load the files that a statement on `file` selects."""
    return [KnownFile(*row) for row in session.execute(_select_known(statement))]


def rows_of_folders(session: Session, folder_ids: Sequence[int]) -> Iterator[KnownFile]:
    """Stream the rows of whole folders, ordered by folder, without holding a folder of 200,000 files in memory."""
    statement = _select_known(select(File).where(in_array(File.folder_id, folder_ids)).order_by(File.folder_id))
    for row in session.execute(statement.execution_options(yield_per=FILE_STREAM_ROWS)):
        yield KnownFile(*row)


def rows_by_name(session: Session, names: Sequence[KnownName]) -> dict[KnownName, KnownFile]:
    """Load the rows of single files, by (folder id, name)."""
    if not names:
        return {}
    folders, wanted = zip(*names, strict=True)
    asked = func.unnest(literal(list(folders), ARRAY(BigInteger)), literal(list(wanted), ARRAY(LargeBinary)))
    pairs = asked.table_valued("folder_id", "name").render_derived()
    statement = select(File).join(pairs, and_(File.folder_id == pairs.c.folder_id, File.name == pairs.c.name))
    return {(row.folder_id, row.name): row for row in load_known(session, statement)}


def rows_by_inode(session: Session, storage_id: uuid.UUID, inodes: Sequence[int]) -> list[KnownFile]:
    """Load rows that may be earlier names of files with these inodes, the latest seen first."""
    statement = (
        select(File)
        .join(Folder)
        .where(in_array(File.inode, inodes), Folder.storage_id == storage_id, File.status != FileStatus.DELETED)
        .order_by(File.date_modified.desc(), File.id)
    )
    return load_known(session, statement)


def _select_known(statement: AnySelect) -> AnySelect:
    return statement.with_only_columns(*KNOWN_COLUMNS)
