"""Files of a storage by path, of assets that the caller may read; administrators also see files of no asset."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Subquery, and_, exists, false, or_, select, union_all

from api.bodies import Body, Name, Text
from api.call import Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.routing import Service
from api.services.format_bodies import FileBody, file_body
from api.services.storages import readable_storage
from models.acl import readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetFile
from models.declared_file import DeclaredFile
from models.file import File, Folder
from models.storage import Storage
from tasks.assets import KIND
from tasks.explain import find_folder, find_row
from tasks.files import refuse_name, refuse_path, views_of_declared, views_of_watched
from tasks.refusals import Invalid, Missing
from tasks.storage_files import declare_in_asset, declare_on_storage

routes = Service("files")
DEEPEST = 64
COLUMNS = ("id", "status", "checksum", "size", "date_created", "date_modified")
"""Columns that watched and declared files share, for filters and sorting."""
Pair = tuple[Select[Any], Select[Any]]


class ExistenceBody(Body):
    directory_path: Text
    file_name: Text


class StorageFileBody(FileBody):
    original_name: Name
    asset_id: UUID | None = None


def checked_path(field: str, path: str) -> bytes:
    """Parse a path below the root into bytes; reject invalid paths and paths that leave the root."""
    refuse_path(field, path)
    if path.count("/") > DEEPEST:
        raise Invalid(field, f"a path has at most {DEEPEST} folders")
    return path.strip("/").encode()


def readable_files(call: Call, storage: Storage) -> Select[Any]:
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
            readable_by(call.actor, KIND, Asset.id),
        )
    )


def readable_declared(call: Call, storage: Storage) -> Select[Any]:
    """Select the declared files of a storage that the caller may see; files of no asset belong to their creator."""
    files = select(DeclaredFile).where(DeclaredFile.storage_id == storage.id)
    if call.actor.is_admin:
        return files
    of_asset = exists().where(
        Asset.id == DeclaredFile.asset_id,
        Asset.status == AssetStatus.ACTIVE,
        readable_by(call.actor, KIND, Asset.id),
    )
    return files.where(or_(of_asset, and_(DeclaredFile.asset_id.is_(None), DeclaredFile.user_id == call.actor.user_id)))


def in_folder(call: Call, storage: Storage, seen: Select[Any], told: Select[Any], folder: bytes) -> Pair:
    """Filter watched and declared files by folder, without subfolders."""
    row = find_folder(call.session, storage, folder)
    return (
        seen.where(File.folder_id == row.id if row else false()),
        told.where(DeclaredFile.directory_path == folder.decode()),
    )


def called(seen: Select[Any], told: Select[Any], name: bytes) -> Pair:
    """Filter watched and declared files by name."""
    return seen.where(File.name == name), told.where(DeclaredFile.original_name == name.decode())


def both_kinds(seen: Select[Any], told: Select[Any]) -> Subquery:
    """Combine watched and declared files into one subquery of the shared columns."""
    watched, declared = (
        query.with_only_columns(*(getattr(table, name) for name in COLUMNS))
        for query, table in ((seen, File), (told, DeclaredFile))
    )
    return union_all(watched, declared).subquery()


def many(call: Call, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Serialise files with their file sets and assets, in a fixed number of queries."""
    views = views_of_watched(call.session, ids) | views_of_declared(call.session, ids)
    return [file_body(views[one]) for one in ids]


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
    page: Page = 1,
    per_page: PerPage = 10,
    sort: Sort = "",
) -> dict[str, Any]:
    """List files by path, folder, name or checksum."""
    storage = readable_storage(call, storage_id)
    seen, told = readable_files(call, storage), readable_declared(call, storage)
    if path:
        folder, _, last = checked_path("path", path).rpartition(b"/")
        seen, told = called(*in_folder(call, storage, seen, told, folder), last)
    if directory_path is not None:
        seen, told = in_folder(call, storage, seen, told, checked_path("directory_path", directory_path))
    if name:
        seen, told = called(seen, told, name.encode())
    columns: dict[str, ColumnElement[Any]] = dict(both_kinds(seen, told).c.items())
    query = matching(select(columns["id"]), columns, {"checksum": checksum, "status": status, "id": id})
    return paged(call, ordered(query, sort, columns, columns["id"]), page, per_page, lambda ids: many(call, ids))


@routes.post("/storages/{storage_id}/files/")
def post_storage_file(call: Call, storage_id: UUID, body: StorageFileBody) -> dict[str, Any]:
    """Declare a file of a storage, in a declared file set or in none; nothing is written to the storage itself."""
    values = body.values()
    asset_id, file_set_id = values.pop("asset_id", None), values.pop("file_set_id", None)
    values["directory_path"] = checked_path("directory_path", values.get("directory_path", "")).decode()
    if asset_id is None and file_set_id is None:
        return file_body(declare_on_storage(call.session, storage_id, values, call.actor))
    if asset_id is None or file_set_id is None:
        missing = "asset_id" if asset_id is None else "file_set_id"
        raise Invalid(missing, "a file of an asset needs asset_id and file_set_id; leave out both for one in no asset")
    return file_body(declare_in_asset(call.session, storage_id, asset_id, file_set_id, values, call.actor))


@routes.post("/files/storages/{storage_id}/", status=200)
def post_file_existence(call: Call, storage_id: UUID, body: ExistenceBody) -> dict[str, Any]:
    """Check whether a file exists: 200 with its size, or 404, also for files that the caller may not see."""
    storage = readable_storage(call, storage_id)
    refuse_name("file_name", body.file_name)
    folder = checked_path("directory_path", body.directory_path)
    row = find_row(call.session, storage, b"/".join(filter(None, [folder, body.file_name.encode()])))
    known = row and call.session.scalar(readable_files(call, storage).where(File.id == row.id))
    if not known:
        raise Missing("file", f'"{body.directory_path}/{body.file_name}"')
    return {"file_size": known.size, "status": known.status}
