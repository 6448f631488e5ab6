"""File sets and files of assets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, select

from api.call import Call
from api.pages import LastId, PerPage, cursor_envelope, cursored
from api.routing import Service
from api.services.format_bodies import FileBody, FileChangeBody, FileSetBody, file_body, file_set_body
from models.acl import opens_format, readable_by
from models.asset import Asset, AssetStatus, FileSet, FileSetType
from models.declared_file import DeclaredFile
from models.file import File
from tasks.assets import KIND, find_asset
from tasks.files import change_file, count_of, declare_file, ids_of, page_of, remove_file
from tasks.formats import NewFileSet, add_file_set, component_ids_of, find_file_set, remove_file_set
from tasks.refusals import Invalid, Missing

routes = Service("files")


def many_sets(call: Call, file_sets: Sequence[FileSet]) -> list[dict[str, Any]]:
    """Serialise file sets with the ids of their components, in one query."""
    components = component_ids_of(call.session, [one.id for one in file_sets])
    return [shown(call, file_set_body(one, components[one.id])) for one in file_sets]


PLACES: dict[str, Any] = {"base_dir": "", "directory_path": "", "storage_id": None, "original_storage_id": None}


def shown(call: Call, body: dict[str, Any]) -> dict[str, Any]:
    """Hide storage and folder of a file or file set from guests."""
    return (
        body if call.actor.guest is None else {**body, **{name: PLACES[name] for name in PLACES.keys() & body.keys()}}
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
    return many_sets(call, [add_file_set(call.session, asset_id, new, call.actor)])[0]


@routes.get("/assets/{asset_id}/file_sets/", guests=True)
def get_file_sets(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the file sets of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = select(FileSet).where(FileSet.asset_id == asset.id, opens_format(call.actor, FileSet.format_id))
    return cursored(call, query, FileSet.id, last_id, per_page, lambda rows: many_sets(call, rows))


@routes.delete("/assets/{asset_id}/file_sets/{file_set_id}/")
def delete_file_set(call: Call, asset_id: UUID, file_set_id: UUID) -> None:
    """Delete a declared file set."""
    remove_file_set(call.session, asset_id, file_set_id, call.actor)


def page_of_files(call: Call, ids: Select[Any], last_id: UUID | None, per_page: int) -> dict[str, Any]:
    """Return a cursor page of the files with these ids."""
    total = count_of(call.session, ids)
    rows = page_of(call.session, ids, last_id, per_page + 1)
    return cursor_envelope(
        call, rows, last_id, per_page, total, lambda files: [shown(call, file_body(file)) for file in files]
    )


@routes.get("/assets/{asset_id}/file_sets/{file_set_id}/files/", guests=True)
def get_file_set_files(
    call: Call, asset_id: UUID, file_set_id: UUID, per_page: PerPage = 10, last_id: LastId = None
) -> dict[str, Any]:
    """List the files of a file set."""
    asset = find_asset(call.session, call.actor, asset_id)
    file_set = find_file_set(call.session, asset, file_set_id)
    return page_of_files(
        call, ids_of(and_(FileSet.id == file_set.id, opens_format(call.actor, FileSet.format_id))), last_id, per_page
    )


@routes.post("/assets/{asset_id}/files/")
def post_file(call: Call, asset_id: UUID, body: FileBody) -> dict[str, Any]:
    """Declare a file of a declared file set."""
    values = body.values()
    file_set_id = values.pop("file_set_id", None)
    if file_set_id is None:
        raise Invalid("file_set_id", "a file needs the file set that it belongs to")
    if "original_name" not in values:
        raise Invalid("original_name", "a file needs a name")
    return file_body(declare_file(call.session, asset_id, file_set_id, values, call.actor))


@routes.get("/assets/{asset_id}/files/", guests=True)
def get_files(call: Call, asset_id: UUID, per_page: PerPage = 10, last_id: LastId = None) -> dict[str, Any]:
    """List the files of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, opens_format(call.actor, FileSet.format_id))
    return page_of_files(call, ids_of(here), last_id, per_page)


@routes.get("/assets/{asset_id}/files/{file_id}/", guests=True)
def get_file(call: Call, asset_id: UUID, file_id: UUID) -> dict[str, Any]:
    """Return one file of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, opens_format(call.actor, FileSet.format_id))
    ids = ids_of(and_(here, File.id == file_id), and_(here, DeclaredFile.id == file_id))
    found = page_of(call.session, ids, None, 1)
    if not found:
        raise Missing("file", file_id)
    return shown(call, file_body(found[0]))


@routes.patch("/assets/{asset_id}/files/{file_id}/")
def patch_file(call: Call, asset_id: UUID, file_id: UUID, body: FileChangeBody) -> dict[str, Any]:
    """Change the fields that were sent of a declared file."""
    return file_body(change_file(call.session, asset_id, file_id, body.values(), call.actor))


@routes.delete("/assets/{asset_id}/files/{file_id}/")
def delete_file(call: Call, asset_id: UUID, file_id: UUID) -> None:
    """Remove a declared file from its file set."""
    remove_file(call.session, asset_id, file_id, call.actor)


@routes.get("/files/checksum/{checksum}/")
def get_files_by_checksum(call: Call, checksum: str, per_page: PerPage = 10, last_id: LastId = None) -> dict[str, Any]:
    """List files with this checksum, of assets that the caller may read."""
    readable = FileSet.asset_id.in_(
        select(Asset.id).where(Asset.status == AssetStatus.ACTIVE, readable_by(call.actor, KIND, Asset.id))
    )
    ids = ids_of(and_(readable, File.checksum == checksum), and_(readable, DeclaredFile.checksum == checksum))
    return page_of_files(call, ids, last_id, per_page)
