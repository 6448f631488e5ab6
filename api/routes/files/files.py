"""File sets and files of assets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from api.routes.files.bodies import FileBody, FileChangeBody, FileSetBody, serialize_file, serialize_file_set
from asgi.pagination import LastId, PerPage, cursor_envelope, paginate_by_cursor
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import is_format_visible, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, FileSetType
from models.catalog.declared_file import DeclaredFile
from models.catalog.file import File
from models.core.statements import AnySelect, count_rows
from services.catalog.assets.assets import find_asset
from services.catalog.assets.files import (
    declare_file,
    load_file_page,
    remove_declared_file,
    select_file_ids,
    update_declared_file,
)
from services.catalog.assets.formats import (
    NewFileSet,
    add_file_set,
    component_ids_by_file_set,
    find_file_set,
    remove_file_set,
)
from services.core.errors import NotFound, ValidationFailed

routes = RouteGroup("files")


def serialize_file_sets(call: Call, file_sets: Sequence[FileSet]) -> list[dict[str, Any]]:
    """Serialise file sets with the ids of their components, in one query."""
    components = component_ids_by_file_set(call.session, [one.id for one in file_sets])
    return [hide_place_from_guest(call, serialize_file_set(one, components[one.id])) for one in file_sets]


HIDDEN_PLACE_VALUES: dict[str, Any] = {
    "base_dir": "",
    "directory_path": "",
    "storage_id": None,
    "original_storage_id": None,
}


def hide_place_from_guest(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Hide storage and folder of a file or file set from guests."""
    return (
        body
        if call.actor.guest is None
        else {**body, **{name: HIDDEN_PLACE_VALUES[name] for name in HIDDEN_PLACE_VALUES.keys() & body.keys()}}
    )


@routes.post("/assets/{asset_id}/file_sets/")
def post_file_set(call: Call, asset_id: UUID, body: FileSetBody) -> dict[str, Any]:
    """Declare a file set: files that belong together."""
    new = NewFileSet(
        format_id=body.format_id,
        name=body.name,
        base_dir=body.base_dir or "",
        component_ids=body.component_ids or (),
        storage_id=body.storage_id,
        type=body.type or FileSetType.REGULAR,
    )
    return serialize_file_sets(call, [add_file_set(call.session, asset_id, new, call.actor)])[0]


@routes.get("/assets/{asset_id}/file_sets/", guests=True)
def get_file_sets(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the file sets of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = select(FileSet).where(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    return paginate_by_cursor(call, query, FileSet.id, last_id, per_page, serialize_file_sets)


@routes.delete("/assets/{asset_id}/file_sets/{file_set_id}/")
def delete_file_set(call: Call, asset_id: UUID, file_set_id: UUID) -> None:
    """Delete a declared file set."""
    remove_file_set(call.session, asset_id, file_set_id, call.actor)


def paginate_files(call: Call, ids: AnySelect, last_id: UUID | None, per_page: int) -> dict[str, Any]:
    """Return a cursor page of the files with these ids."""
    total = count_rows(call.session, ids)
    rows = load_file_page(call.session, ids, last_id, per_page + 1)
    return cursor_envelope(
        call,
        rows,
        last_id,
        per_page,
        total,
        lambda call, files: [hide_place_from_guest(call, serialize_file(file)) for file in files],
    )


@routes.get("/assets/{asset_id}/file_sets/{file_set_id}/files/", guests=True)
def get_file_set_files(
    call: Call, asset_id: UUID, file_set_id: UUID, per_page: PerPage = 10, last_id: LastId = None
) -> dict[str, Any]:
    """List the files of a file set."""
    asset = find_asset(call.session, call.actor, asset_id)
    file_set = find_file_set(call.session, asset, file_set_id)
    return paginate_files(
        call,
        select_file_ids(and_(FileSet.id == file_set.id, is_format_visible(call.actor, FileSet.format_id))),
        last_id,
        per_page,
    )


@routes.post("/assets/{asset_id}/files/")
def post_file(call: Call, asset_id: UUID, body: FileBody) -> dict[str, Any]:
    """Declare a file of a declared file set."""
    values = body.changes()
    file_set_id = values.pop("file_set_id", None)
    if file_set_id is None:
        raise ValidationFailed("file_set_id", "a file needs the file set that it belongs to")
    if "original_name" not in values:
        raise ValidationFailed("original_name", "a file needs a name")
    return serialize_file(declare_file(call.session, asset_id, file_set_id, values, call.actor))


@routes.get("/assets/{asset_id}/files/", guests=True)
def get_files(call: Call, asset_id: UUID, per_page: PerPage = 10, last_id: LastId = None) -> dict[str, Any]:
    """List the files of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    return paginate_files(call, select_file_ids(here), last_id, per_page)


@routes.get("/assets/{asset_id}/files/{file_id}/", guests=True)
def get_file(call: Call, asset_id: UUID, file_id: UUID) -> dict[str, Any]:
    """Return one file of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    ids = select_file_ids(and_(here, File.id == file_id), and_(here, DeclaredFile.id == file_id))
    found = load_file_page(call.session, ids, None, 1)
    if not found:
        raise NotFound("file", file_id)
    return hide_place_from_guest(call, serialize_file(found[0]))


@routes.patch("/assets/{asset_id}/files/{file_id}/")
def patch_file(call: Call, asset_id: UUID, file_id: UUID, body: FileChangeBody) -> dict[str, Any]:
    """Change the fields that were sent of a declared file."""
    return serialize_file(update_declared_file(call.session, asset_id, file_id, body.changes(), call.actor))


@routes.delete("/assets/{asset_id}/files/{file_id}/")
def delete_file(call: Call, asset_id: UUID, file_id: UUID) -> None:
    """Remove a declared file from its file set."""
    remove_declared_file(call.session, asset_id, file_id, call.actor)


@routes.get("/files/checksum/{checksum}/")
def get_files_by_checksum(call: Call, checksum: str, per_page: PerPage = 10, last_id: LastId = None) -> dict[str, Any]:
    """List files with this checksum, of assets that the caller may read."""
    readable = FileSet.asset_id.in_(
        select(Asset.id).where(Asset.status == AssetStatus.ACTIVE, readable_by(call.actor, ASSET_KIND, Asset.id))
    )
    ids = select_file_ids(and_(readable, File.checksum == checksum), and_(readable, DeclaredFile.checksum == checksum))
    return paginate_files(call, ids, last_id, per_page)
