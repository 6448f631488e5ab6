"""Files of assets: those that a watcher saw and those that clients declared, read as one kind.

Only the watcher writes `file`, so declared files have a table of their own.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import FileSet, FileSetFile
from models.catalog.evidence import FileDigest
from models.catalog.file import DeclaredFile, File, FileStatus, FileType, Folder, read_folder_paths
from models.catalog.history import Operation
from models.catalog.sidecar_results import FileChecksum
from models.core.base import new_id
from models.core.paths import display_path
from models.core.statements import AnySelect
from services.catalog.assets.assets import get_asset_for_update
from services.catalog.assets.digests import KnownDigest, load_known_digests
from services.catalog.assets.formats import find_declared_file_set
from services.core.errors import NotFound, PermissionDenied, ValidationFailed
from services.core.history import record_history
from services.core.rows import apply_changes

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FileView:
    """One file as clients see it, watched or declared."""

    id: uuid.UUID
    asset_id: uuid.UUID | None
    file_set_id: uuid.UUID | None
    format_id: uuid.UUID | None
    storage_id: uuid.UUID | None
    directory_path: str
    name: str
    original_name: str
    type: FileType
    status: FileStatus
    size: int | None
    checksum: str | None
    user_id: uuid.UUID | None
    file_date_created: datetime | None
    file_date_modified: datetime | None
    date_created: datetime
    date_modified: datetime
    checksums: tuple[KnownDigest, ...] = ()
    """Sums of its bytes as they are now, of all algorithms that are known."""


def select_file_ids(seen: ColumnElement[bool], declared: ColumnElement[bool] | None = None) -> AnySelect:
    """Select ids of files of both kinds.

    A condition on FileSet, which both join, serves both; any other is given twice.
    """
    watched = (
        select(File.id.label("id"), literal(True).label("is_watched"))
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(seen)
    )
    told = (
        select(DeclaredFile.id.label("id"), literal(False).label("is_watched"))
        .join(FileSet, FileSet.id == DeclaredFile.file_set_id)
        .where(seen if declared is None else declared)
    )
    both = union_all(watched, told).subquery()
    return select(both.c.id, both.c.is_watched)


def has_known_checksum(checksums: Sequence[str]) -> ColumnElement[bool]:
    """Build the condition for watched files with one of these checksums, as found when their bytes were read."""
    given = {spelling for each in checksums for spelling in (each, each.lower())}
    is_same_file = (FileDigest.file_id == File.id, FileDigest.size == File.size, FileDigest.mtime_ns == File.mtime_ns)
    is_known = exists().where(*is_same_file, FileDigest.digest.in_(given), FileDigest.found.is_(None))
    return or_(exists().where(_is_present_result(), FileChecksum.found.in_(given)), is_known)


def _is_present_result() -> ColumnElement[bool]:
    """Match the results of verification that are of a file as it is now."""
    return and_(FileChecksum.file_id == File.id, FileChecksum.size == File.size, FileChecksum.mtime_ns == File.mtime_ns)


def load_file_page(session: Session, ids: AnySelect, after: uuid.UUID | None, limit: int) -> list[FileView]:
    """Load the files after id `after`, in id order: five queries, however many files."""
    key = ids.selected_columns.id
    behind = ids.where(key > after) if after else ids
    rows = session.execute(behind.order_by(key).limit(limit)).all()
    watched = load_watched_files(session, [row.id for row in rows if row.is_watched])
    declared = load_declared_files(session, [row.id for row in rows if not row.is_watched])
    return [{**watched, **declared}[row.id] for row in rows]


def load_watched_files(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, FileView]:
    """Load files that a watcher saw, with their paths below the storage root."""
    if not ids:
        return {}
    storage_id = select(Folder.storage_id).where(Folder.id == File.folder_id).correlate(File).scalar_subquery()
    rows = session.execute(
        select(File, FileSet.asset_id, FileSet.id, FileSet.format_id, storage_id)
        .outerjoin(FileSetFile, FileSetFile.file_id == File.id)
        .outerjoin(FileSet, FileSet.id == FileSetFile.file_set_id)
        .where(File.id.in_(ids))
    ).all()
    folders = read_folder_paths(session, sorted({file.folder_id for file, *_ in rows}))
    known = load_known_digests(session, ids)
    return {
        file.id: _watched_file_view(file, display_path(folders[file.folder_id]), known.get(file.id, ()), *rest)
        for file, *rest in rows
    }


def _watched_file_view(
    file: File,
    directory: str,
    known: Sequence[KnownDigest],
    asset_id: uuid.UUID | None,
    file_set_id: uuid.UUID | None,
    format_id: uuid.UUID | None,
    storage_id: uuid.UUID,
) -> FileView:
    name = display_path(file.name)
    return FileView(
        id=file.id,
        asset_id=asset_id,
        file_set_id=file_set_id,
        format_id=format_id,
        storage_id=storage_id,
        directory_path=directory,
        name=name,
        original_name=name,
        type=FileType.FILE,
        status=file.status,
        size=file.size,
        checksum=known[0].digest if known else None,
        user_id=None,
        file_date_created=None,
        file_date_modified=_mtime_as_datetime(file.mtime_ns),
        date_created=file.date_created,
        date_modified=file.date_modified,
        checksums=tuple(known),
    )


def _mtime_as_datetime(nanoseconds: int) -> datetime | None:
    """Convert an mtime; None if a broken clock wrote one beyond the calendar."""
    try:
        return UNIX_EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def load_declared_files(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, FileView]:
    """Load files that clients declared."""
    if not ids:
        return {}
    rows = session.execute(
        select(DeclaredFile, FileSet.format_id)
        .outerjoin(FileSet, FileSet.id == DeclaredFile.file_set_id)
        .where(DeclaredFile.id.in_(ids))
    )
    return {file.id: declared_file_view(file, format_id) for file, format_id in rows}


def declared_file_view(file: DeclaredFile, format_id: uuid.UUID | None) -> FileView:
    """Build the view of a declared file."""
    return FileView(
        id=file.id,
        asset_id=file.asset_id,
        file_set_id=file.file_set_id,
        format_id=format_id,
        storage_id=file.storage_id,
        directory_path=file.directory_path,
        name=file.name,
        original_name=file.original_name,
        type=file.type,
        status=file.status,
        size=file.size,
        checksum=file.checksum,
        user_id=file.user_id,
        file_date_created=file.file_date_created,
        file_date_modified=file.file_date_modified,
        date_created=file.date_created,
        date_modified=file.date_modified,
    )


def declare_file(
    session: Session, asset_id: uuid.UUID, file_set_id: uuid.UUID, values: Mapping[str, Any], actor: Actor
) -> FileView:
    """Declare a file of a declared file set; Tapeless never looks for it on disk."""
    asset = get_asset_for_update(session, actor, asset_id)
    file_set = find_declared_file_set(session, asset, file_set_id)
    name = values["original_name"]
    file = build_declared_file({"storage_id": file_set.storage_id, **values}, actor, asset.id, file_set.id)
    session.add(file)
    # Trigger mark_file_set_update queues the asset's document; declared_file has no trigger of its own.
    file_set.file_count += 1
    file_set.size_bytes += file.size or 0
    file_set.names = "\n".join([*file_set.names.splitlines(), name][:1000])
    record_history(session, asset.id, Operation.MODIFY_FILESET, f'file "{name}" was added to "{file_set.name}"', actor)
    session.flush()
    return declared_file_view(file, file_set.format_id)


def build_declared_file(
    values: Mapping[str, Any], actor: Actor, asset_id: uuid.UUID | None = None, file_set_id: uuid.UUID | None = None
) -> DeclaredFile:
    """Build the row of a declared file. Raises ValidationFailed for a name or folder that leaves the root."""
    refuse_unsafe_path("directory_path", values.get("directory_path", ""))
    refuse_unsafe_name("original_name", values["original_name"])
    named = {"name": values["original_name"], **values}
    return DeclaredFile(id=new_id(), asset_id=asset_id, file_set_id=file_set_id, user_id=actor.user_id, **named)


def update_declared_file(
    session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, values: Mapping[str, Any], actor: Actor
) -> FileView:
    """Update a declared file."""
    asset = get_asset_for_update(session, actor, asset_id)
    file = _find_declared_file(session, asset.id, file_id)
    file_set, size_before = session.get_one(FileSet, file.file_set_id), file.size or 0
    refuse_unsafe_path("directory_path", values.get("directory_path", ""))
    refuse_unsafe_name("original_name", values.get("original_name", file.original_name))
    if changed := apply_changes(file, values):
        # Trigger mark_file_set_update queues the asset's document if the size changed.
        file_set.size_bytes += (file.size or 0) - size_before
        file.date_modified = func.now()
        told = f'file "{file.original_name}": changed {", ".join(sorted(changed))}'
        record_history(session, asset.id, Operation.MODIFY_FILESET, told, actor)
        session.flush()
    return declared_file_view(file, file_set.format_id)


def remove_declared_file(session: Session, asset_id: uuid.UUID, file_id: uuid.UUID, actor: Actor) -> None:
    """Remove a declared file from its set; no file is deleted from disk."""
    asset = get_asset_for_update(session, actor, asset_id)
    file = _find_declared_file(session, asset.id, file_id)
    file_set = session.get_one(FileSet, file.file_set_id)
    # Trigger mark_file_set_update queues the asset's document.
    file_set.file_count -= 1
    file_set.size_bytes -= file.size or 0
    session.delete(file)
    record_history(session, asset.id, Operation.DELETE_FILE, f'file "{file.original_name}" was removed', actor)


def _find_declared_file(session: Session, asset_id: uuid.UUID, file_id: uuid.UUID) -> DeclaredFile:
    """Return a declared file; PermissionDenied for one on a watched storage."""
    file = session.get(DeclaredFile, file_id)
    if file is not None and file.asset_id == asset_id:
        return file
    watched = load_watched_files(session, [file_id])
    if file_id in watched and watched[file_id].asset_id == asset_id:
        raise PermissionDenied(
            f'the file "{watched[file_id].name}" is on a watched storage: it is changed there, not here'
        )
    raise NotFound("file", file_id)


def refuse_unsafe_path(field: str, path: str) -> None:
    """Raise ValidationFailed for a directory path that leaves its root."""
    if path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ValidationFailed(field, f'"{path[:200]}" must be a path below the root, without ".."')


def refuse_unsafe_name(field: str, name: str) -> None:
    """Raise ValidationFailed for a name that is a path."""
    if not name or "/" in name or name in (".", "..") or "\0" in name:
        raise ValidationFailed(field, f'"{name[:200]}" is not a file name')
