"""Archives of formats: the files and their names in the archive, read in pages, because a sequence may have 100,000
files."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from media.sources import Source
from models.asset import FileSet, FileSetFile
from models.file import File, FileStatus, Folder
from models.paths import display_text
from models.storage import Storage
from tasks.downloads import Ticket, open_format, refuse_ended, source_of
from tasks.files import FOLDER_PATHS
from tasks.refusals import Conflict

AT_ONCE = 500
GONE = (FileStatus.MISSING, FileStatus.DELETED)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the format: its location, and its name in the archive."""

    root: bytes
    path: bytes
    shown: str


@dataclass(frozen=True, slots=True)
class Archive:
    """Plan of an archive that is packed while it is sent."""

    title: str
    places: dict[int, Place]


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive."""

    id: uuid.UUID
    name: str
    source: Source


def plan_archive(session: Session, ticket: Ticket) -> Archive:
    """Plan the archive of a ticket and record the download."""
    title = open_format(session, ticket)
    _refuse_incomplete(session, ticket)
    rows = session.execute(
        select(Folder.id, Storage.root, Storage.name)
        .join(File, File.folder_id == Folder.id)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .join(Storage, Storage.id == Folder.storage_id)
        .where(FileSet.format_id == ticket.object_id)
        .distinct()
    ).all()
    found = session.execute(FOLDER_PATHS, {"folders": [row.id for row in rows]})
    paths = {row.folder_id: bytes(row.path).removeprefix(b"/") for row in found}
    storages = {row.name for row in rows}
    top = common_folder([paths[row.id] for row in rows]) if len(storages) == 1 else b""
    places = {}
    for folder_id, root, storage in rows:
        below = paths[folder_id][len(top) :].strip(b"/")
        parts = [part for part in (storage if len(storages) > 1 else "", display_text(below)) if part]
        places[folder_id] = Place(root, paths[folder_id], "/".join(parts))
    return Archive(title, places)


def _refuse_incomplete(session: Session, ticket: Ticket) -> None:
    """Raise Conflict before the first byte if a file is missing: an archive without it would look complete."""
    query = (
        select(File.name)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(FileSet.format_id == ticket.object_id, File.status.in_(GONE))
        .order_by(File.id)
    )
    gone = session.scalar(query.limit(1))
    if gone is not None:
        raise Conflict(
            f'the file "{display_text(gone)}" is not on its storage any more, so there is no whole archive: bring it '
            "back, or download the others one by one"
        )


def common_folder(paths: Sequence[bytes]) -> bytes:
    """Return the deepest folder that contains all of these paths."""
    parts = [path.split(b"/") for path in paths]
    depth = 0
    while parts and depth < min(map(len, parts)) and len({each[depth] for each in parts}) == 1:
        depth += 1
    return b"/".join(parts[0][:depth]) if parts else b""


def members_behind(session: Session, ticket: Ticket, archive: Archive, last: uuid.UUID | None) -> list[Member]:
    """Load the next entries by file id. Files in folders that were created after the plan are left out."""
    refuse_ended(session, ticket)
    query = (
        select(File)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(FileSet.format_id == ticket.object_id, File.folder_id.in_(archive.places))
        .order_by(File.id)
        .limit(AT_ONCE)
    )
    files = session.scalars(query.where(File.id > last) if last is not None else query)
    return [_member(archive.places[file.folder_id], file) for file in files]


def _member(place: Place, file: File) -> Member:
    """Build an entry. Backslashes are replaced, because Windows treats them as folder separators when it unpacks."""
    name = "/".join(part for part in (place.shown, display_text(file.name)) if part).replace("\\", "_")
    return Member(file.id, name, source_of(place.root, place.path, file))
