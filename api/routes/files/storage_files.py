"""Files of a storage by path, of assets that the caller may read; administrators also see files of no asset."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, union_all

from api.routes.files.answers import FileAnswer, FileExistenceAnswer
from api.routes.files.bodies import FileBody, serialize_file
from api.routes.files.storages import get_readable_storage
from asgi.answers import PageAnswer
from asgi.body_base import Body, LongText, ShortText
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, filter_by_values, paginate
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, FileSetFile
from models.catalog.file import DeclaredFile, File, Folder
from models.catalog.storage import Storage
from models.core.statements import AnySelect
from services.catalog.assets.files import (
    has_known_checksum,
    load_declared_files,
    load_watched_files,
    refuse_unsafe_name,
    refuse_unsafe_path,
)
from services.core.errors import NotFound, ValidationFailed
from services.operations.explain import find_file_row, find_folder_row
from services.storages.api_changes import declare_storage_file, declare_storage_file_in_asset

routes = RouteGroup("files")
MAX_PATH_FOLDERS = 64
STORAGE_FILE_COLUMNS = ("id", "status", "size", "date_created", "date_modified")
"""Columns that watched and declared files share, for filters and sorting."""
FileQueryPair = tuple[AnySelect, AnySelect]


class FileExistenceBody(Body):
    directory_path: LongText
    file_name: LongText


class StorageFileBody(FileBody):
    original_name: ShortText
    asset_id: UUID | None = None


def parse_storage_path(field: str, path: str) -> bytes:
    """Parse a path below the root into bytes; reject invalid paths and paths that leave the root."""
    refuse_unsafe_path(field, path)
    if path.count("/") > MAX_PATH_FOLDERS:
        raise ValidationFailed(field, f"a path has at most {MAX_PATH_FOLDERS} folders")
    return path.strip("/").encode()


def select_readable_files(call: Call, storage: Storage) -> AnySelect:
    """Select the watched files of a storage that the caller may see."""
    files = select(File).join(Folder, Folder.id == File.folder_id).where(Folder.storage_id == storage.id)
    if call.actor.is_admin:
        return files
    return files.where(
        exists().where(
            FileSetFile.file_id == File.id,
            FileSet.id == FileSetFile.file_set_id,
            Asset.id == FileSet.asset_id,
            Asset.status == AssetStatus.ACTIVE,
            readable_by(call.actor, ASSET_KIND, Asset.id),
        )
    )


def select_readable_declared_files(call: Call, storage: Storage) -> AnySelect:
    """Select the declared files of a storage that the caller may see; files of no asset belong to their creator."""
    files = select(DeclaredFile).where(DeclaredFile.storage_id == storage.id)
    if call.actor.is_admin:
        return files
    of_asset = exists().where(
        Asset.id == DeclaredFile.asset_id,
        Asset.status == AssetStatus.ACTIVE,
        readable_by(call.actor, ASSET_KIND, Asset.id),
    )
    return files.where(or_(of_asset, and_(DeclaredFile.asset_id.is_(None), DeclaredFile.user_id == call.actor.user_id)))


def filter_by_folder(call: Call, storage: Storage, seen: AnySelect, told: AnySelect, folder: bytes) -> FileQueryPair:
    """Filter watched and declared files by folder, without subfolders."""
    row = find_folder_row(call.session, storage, folder)
    return (
        seen.where(File.folder_id == row.id if row else false()),
        told.where(DeclaredFile.directory_path == folder.decode()),
    )


def filter_by_name(seen: AnySelect, told: AnySelect, name: bytes) -> FileQueryPair:
    """Filter watched and declared files by name."""
    return seen.where(File.name == name), told.where(DeclaredFile.original_name == name.decode())


def serialize_storage_files(call: Call, ids: Sequence[UUID]) -> list[FileAnswer]:
    """Serialise files with their file sets and assets, in a fixed number of queries."""
    views = load_watched_files(call.session, ids) | load_declared_files(call.session, ids)
    return [serialize_file(views[one]) for one in ids]


@routes.get("/storages/{storage_id}/files/")
def get_storage_files(
    call: Call,
    storage_id: UUID,
    path: str = "",
    directory_path: str | None = None,
    name: str = "",
    checksum: str = "",
    status: str = "",
    id: str = "",
    page: PageNumber = 1,
    per_page: PerPage = 10,
    sort: SortParam = "",
) -> PageAnswer[FileAnswer]:
    """List files by path, folder, name or checksum."""
    storage = get_readable_storage(call, storage_id)
    seen, told = select_readable_files(call, storage), select_readable_declared_files(call, storage)
    if path:
        folder, _, last = parse_storage_path("path", path).rpartition(b"/")
        seen, told = filter_by_name(*filter_by_folder(call, storage, seen, told, folder), last)
    if directory_path is not None:
        seen, told = filter_by_folder(call, storage, seen, told, parse_storage_path("directory_path", directory_path))
    if name:
        seen, told = filter_by_name(seen, told, name.encode())
    if checksum:
        sums = checksum.split(",")
        seen, told = seen.where(has_known_checksum(sums)), told.where(DeclaredFile.checksum.in_(sums))
    watched, declared = (
        query.with_only_columns(*(getattr(table, column) for column in STORAGE_FILE_COLUMNS))
        for query, table in ((seen, File), (told, DeclaredFile))
    )
    columns: dict[str, ColumnElement[Any]] = dict(union_all(watched, declared).subquery().c.items())
    query = filter_by_values(select(columns["id"]), columns, {"status": status, "id": id})
    return paginate(
        call,
        apply_sort(query, sort, columns, columns["id"]),
        page,
        per_page,
        serialize_storage_files,
    )


@routes.post("/storages/{storage_id}/files/")
def post_storage_file(call: Call, storage_id: UUID, body: StorageFileBody) -> FileAnswer:
    """Declare a file of a storage, in a declared file set or in none; nothing is written to the storage itself."""
    values = body.changes()
    asset_id, file_set_id = values.pop("asset_id", None), values.pop("file_set_id", None)
    values["directory_path"] = parse_storage_path("directory_path", values.get("directory_path", "")).decode()
    if asset_id is None and file_set_id is None:
        return serialize_file(declare_storage_file(call.session, storage_id, values, call.actor))
    if asset_id is None or file_set_id is None:
        missing = "asset_id" if asset_id is None else "file_set_id"
        raise ValidationFailed(
            missing, "a file of an asset needs asset_id and file_set_id; leave out both for one in no asset"
        )
    return serialize_file(
        declare_storage_file_in_asset(call.session, storage_id, asset_id, file_set_id, values, call.actor)
    )


@routes.post("/files/storages/{storage_id}/", status=200)
def post_file_existence(call: Call, storage_id: UUID, body: FileExistenceBody) -> FileExistenceAnswer:
    """Check whether a file exists: 200 with its size, or 404, also for files that the caller may not see."""
    storage = get_readable_storage(call, storage_id)
    refuse_unsafe_name("file_name", body.file_name)
    folder = parse_storage_path("directory_path", body.directory_path)
    row = find_file_row(call.session, storage, b"/".join(filter(None, [folder, body.file_name.encode()])))
    known = row and call.session.scalar(select_readable_files(call, storage).where(File.id == row.id))
    if not known:
        raise NotFound("file", f'"{body.directory_path}/{body.file_name}"')
    return {"file_size": known.size, "status": known.status}
