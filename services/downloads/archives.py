"""Archives of formats: the files and their names in the archive, read in pages, because a sequence may have 100,000
files."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceFile
from models.catalog.asset import FileSet, FileSetFile
from models.catalog.file import File, FileStatus, Folder, read_folder_paths
from models.catalog.storage import Storage
from models.core.paths import display_path
from services.core.errors import Conflict
from services.downloads.tickets import DownloadTicket, build_source, open_format_ticket, require_valid_ticket

ARCHIVE_PAGE_SIZE = 500
GONE_FILE_STATUSES = (FileStatus.MISSING, FileStatus.DELETED)


@dataclass(frozen=True, slots=True)
class ArchiveFolder:
    """A folder of the format: its location, and its name in the archive."""

    root: bytes
    path: bytes
    shown: str


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """Plan of an archive that is packed while it is sent."""

    title: str
    places: dict[int, ArchiveFolder]


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One file of an archive."""

    id: uuid.UUID
    name: str
    source: SourceFile


def plan_archive(session: Session, ticket: DownloadTicket) -> ArchivePlan:
    """Plan the archive of a ticket and record the download."""
    title = open_format_ticket(session, ticket)
    _require_complete(session, ticket)
    rows = session.execute(
        select(Folder.id, Storage.root, Storage.name)
        .join(File, File.folder_id == Folder.id)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .join(Storage, Storage.id == Folder.storage_id)
        .where(FileSet.format_id == ticket.object_id)
        .distinct()
    ).all()
    paths = read_folder_paths(session, [row.id for row in rows])
    storages = {row.name for row in rows}
    top = common_folder([paths[row.id] for row in rows]) if len(storages) == 1 else b""
    places = {}
    for folder_id, root, storage in rows:
        below = paths[folder_id][len(top) :].strip(b"/")
        parts = [part for part in (storage if len(storages) > 1 else "", display_path(below)) if part]
        places[folder_id] = ArchiveFolder(root, paths[folder_id], "/".join(parts))
    return ArchivePlan(title, places)


def _require_complete(session: Session, ticket: DownloadTicket) -> None:
    """Raise Conflict before the first byte if a file is missing: an archive without it would look complete."""
    query = (
        select(File.name)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(FileSet.format_id == ticket.object_id, File.status.in_(GONE_FILE_STATUSES))
        .order_by(File.id)
    )
    gone = session.scalar(query.limit(1))
    if gone is not None:
        raise Conflict(
            f'the file "{display_path(gone)}" is not on its storage any more, so there is no whole archive: bring it '
            "back, or download the others one by one"
        )


def common_folder(paths: Sequence[bytes]) -> bytes:
    """Return the deepest folder that contains all of these paths."""
    parts = [path.split(b"/") for path in paths]
    depth = 0
    while parts and depth < min(map(len, parts)) and len({each[depth] for each in parts}) == 1:
        depth += 1
    return b"/".join(parts[0][:depth]) if parts else b""


def load_entries_after(
    session: Session, ticket: DownloadTicket, archive: ArchivePlan, last: uuid.UUID | None
) -> list[ArchiveEntry]:
    """Load the next entries by file id. Files in folders that were created after the plan are left out."""
    require_valid_ticket(session, ticket)
    query = (
        select(File)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(FileSet.format_id == ticket.object_id, File.folder_id.in_(archive.places))
        .order_by(File.id)
        .limit(ARCHIVE_PAGE_SIZE)
    )
    files = session.scalars(query.where(File.id > last) if last is not None else query)
    return [_build_entry(archive.places[file.folder_id], file) for file in files]


def _build_entry(place: ArchiveFolder, file: File) -> ArchiveEntry:
    """Build an entry. Backslashes are replaced, because Windows treats them as folder separators when it unpacks."""
    name = "/".join(part for part in (place.shown, display_path(file.name)) if part).replace("\\", "_")
    return ArchiveEntry(file.id, name, build_source(place.root, place.path, file))
