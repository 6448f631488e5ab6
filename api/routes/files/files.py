"""Formats, components, file sets and files of assets, and requests for renditions of a format (transcoding)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, select

from api.routes.files.answers import ComponentAnswer, FileAnswer, FileSetAnswer, FormatAnswer
from api.routes.files.bodies import (
    ComponentBody,
    FileBody,
    FileChangeBody,
    FileSetBody,
    FormatBody,
    FormatChangeBody,
    serialize_component,
    serialize_file,
    serialize_file_set,
    serialize_format,
)
from api.routes.jobs.answers import JobAnswer
from api.routes.jobs.bodies import serialize_job_row
from asgi.answers import ObjectListAnswer, PageAnswer
from asgi.body_base import Body, Count
from asgi.limits.bodies import LARGE_BODY_BYTES
from asgi.pagination import LastId, PerPage, cursor_envelope, paginate_by_cursor
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import is_format_visible, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus, FileSet, Format
from models.catalog.file import DeclaredFile, File
from models.core.statements import AnySelect, count_rows
from services.catalog.assets.assets import find_asset
from services.catalog.assets.files import (
    declare_file,
    has_known_checksum,
    load_file_page,
    remove_declared_file,
    select_file_ids,
    update_declared_file,
)
from services.catalog.assets.formats import (
    add_component,
    add_file_set,
    add_format,
    component_ids_by_file_set,
    components_by_format,
    find_file_set,
    find_visible_format,
    remove_file_set,
    remove_format,
    rename_format,
    update_component,
)
from services.core.errors import NotFound, ValidationFailed
from services.renditions.profiles import WEB_PROFILE, find_transcode_profile
from services.renditions.queue import request_transcode

routes = RouteGroup("files")


def serialize_file_sets(call: Call, file_sets: Sequence[FileSet]) -> list[FileSetAnswer]:
    """Serialise file sets with the ids of their components, in one query."""
    components = component_ids_by_file_set(call.session, [one.id for one in file_sets])
    return [hide_folder_from_guest(call, serialize_file_set(one, components[one.id])) for one in file_sets]


def hide_folder_from_guest(call: Call, body: FileSetAnswer) -> FileSetAnswer:
    """Hide storage and folder of a file set from guests."""
    if call.actor.guest is None:
        return body
    return {**body, "base_dir": "", "storage_id": None, "original_storage_id": None}


def hide_place_from_guest(call: Call, body: FileAnswer) -> FileAnswer:
    """Hide storage and folder of a file from guests."""
    return body if call.actor.guest is None else {**body, "directory_path": "", "storage_id": None}


@routes.post("/assets/{asset_id}/file_sets/")
def post_file_set(call: Call, asset_id: UUID, body: FileSetBody) -> FileSetAnswer:
    """Declare a file set: files that belong together."""
    values = body.changes()
    component_ids = values.pop("component_ids", ())
    made = add_file_set(call.session, asset_id, FileSet(**values), component_ids, call.actor)
    return serialize_file_sets(call, [made])[0]


@routes.get("/assets/{asset_id}/file_sets/", guests=True)
def get_file_sets(
    call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None
) -> PageAnswer[FileSetAnswer]:
    """List the file sets of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = select(FileSet).where(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    return paginate_by_cursor(call, query, FileSet.id, last_id, per_page, serialize_file_sets)


@routes.delete("/assets/{asset_id}/file_sets/{file_set_id}/")
def delete_file_set(call: Call, asset_id: UUID, file_set_id: UUID) -> None:
    """Delete a declared file set."""
    remove_file_set(call.session, asset_id, file_set_id, call.actor)


def paginate_files(call: Call, ids: AnySelect, last_id: UUID | None, per_page: int) -> PageAnswer[FileAnswer]:
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
) -> PageAnswer[FileAnswer]:
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
def post_file(call: Call, asset_id: UUID, body: FileBody) -> FileAnswer:
    """Declare a file of a declared file set."""
    values = body.changes()
    file_set_id = values.pop("file_set_id", None)
    if file_set_id is None:
        raise ValidationFailed("file_set_id", "a file needs the file set that it belongs to")
    if "original_name" not in values:
        raise ValidationFailed("original_name", "a file needs a name")
    return serialize_file(declare_file(call.session, asset_id, file_set_id, values, call.actor))


@routes.get("/assets/{asset_id}/files/", guests=True)
def get_files(call: Call, asset_id: UUID, per_page: PerPage = 10, last_id: LastId = None) -> PageAnswer[FileAnswer]:
    """List the files of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    return paginate_files(call, select_file_ids(here), last_id, per_page)


@routes.get("/assets/{asset_id}/files/{file_id}/", guests=True)
def get_file(call: Call, asset_id: UUID, file_id: UUID) -> FileAnswer:
    """Return one file of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    here = and_(FileSet.asset_id == asset.id, is_format_visible(call.actor, FileSet.format_id))
    ids = select_file_ids(and_(here, File.id == file_id), and_(here, DeclaredFile.id == file_id))
    found = load_file_page(call.session, ids, None, 1)
    if not found:
        raise NotFound("file", file_id)
    return hide_place_from_guest(call, serialize_file(found[0]))


@routes.patch("/assets/{asset_id}/files/{file_id}/")
def patch_file(call: Call, asset_id: UUID, file_id: UUID, body: FileChangeBody) -> FileAnswer:
    """Change the fields that were sent of a declared file."""
    return serialize_file(update_declared_file(call.session, asset_id, file_id, body.changes(), call.actor))


@routes.delete("/assets/{asset_id}/files/{file_id}/")
def delete_file(call: Call, asset_id: UUID, file_id: UUID) -> None:
    """Remove a declared file from its file set."""
    remove_declared_file(call.session, asset_id, file_id, call.actor)


@routes.get("/files/checksum/{checksum}/", never_gives=(404,))
def get_files_by_checksum(
    call: Call, checksum: str, per_page: PerPage = 10, last_id: LastId = None
) -> PageAnswer[FileAnswer]:
    """List files with this checksum, of assets that the caller may read."""
    readable = FileSet.asset_id.in_(
        select(Asset.id).where(Asset.status == AssetStatus.ACTIVE, readable_by(call.actor, ASSET_KIND, Asset.id))
    )
    ids = select_file_ids(
        and_(readable, has_known_checksum([checksum])), and_(readable, DeclaredFile.checksum == checksum)
    )
    return paginate_files(call, ids, last_id, per_page)


transcode_routes = RouteGroup("transcode", is_extension=True)


def serialize_formats(call: Call, formats: Sequence[Format]) -> list[FormatAnswer]:
    """Serialise formats with their components, in one query."""
    components = components_by_format(call.session, [one.id for one in formats])
    for_guest = call.actor.guest is not None
    return [serialize_format(one, components[one.id], for_guest=for_guest) for one in formats]


@routes.post("/assets/{asset_id}/formats/", body_bytes=LARGE_BODY_BYTES)
def post_format(call: Call, asset_id: UUID, body: FormatBody) -> FormatAnswer:
    """Declare a format."""
    components = [component.new_component() for component in body.components or ()]
    made = add_format(call.session, asset_id, body.name, components, body.metadata or (), call.actor)
    return serialize_formats(call, [made])[0]


def get_visible_format(call: Call, asset_id: UUID, format_id: UUID) -> Format:
    """Return a format of an asset that the caller reads; for a guest, one that its share opens."""
    asset = find_asset(call.session, call.actor, asset_id)
    return find_visible_format(call.session, call.actor, asset, format_id)


@routes.get("/assets/{asset_id}/formats/", guests=True)
def get_formats(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> PageAnswer[FormatAnswer]:
    """List the formats of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = select(Format).where(Format.asset_id == asset.id, is_format_visible(call.actor, Format.id))
    return paginate_by_cursor(call, query, Format.id, last_id, per_page, serialize_formats)


@routes.get("/assets/{asset_id}/formats/{format_id}/", guests=True)
def get_format(call: Call, asset_id: UUID, format_id: UUID) -> FormatAnswer:
    """Return one format."""
    return serialize_formats(call, [get_visible_format(call, asset_id, format_id)])[0]


@routes.patch("/assets/{asset_id}/formats/{format_id}/")
def patch_format(call: Call, asset_id: UUID, format_id: UUID, body: FormatChangeBody) -> FormatAnswer:
    """Rename a declared format."""
    if body.name is None:
        return get_format(call, asset_id, format_id)
    return serialize_formats(call, [rename_format(call.session, asset_id, format_id, body.name, call.actor)])[0]


@routes.delete("/assets/{asset_id}/formats/{format_id}/")
def delete_format(call: Call, asset_id: UUID, format_id: UUID) -> None:
    """Delete a declared format."""
    remove_format(call.session, asset_id, format_id, call.actor)


@routes.post("/assets/{asset_id}/formats/{format_id}/components/", status=200, body_bytes=LARGE_BODY_BYTES)
def post_component(call: Call, asset_id: UUID, format_id: UUID, body: ComponentBody) -> ComponentAnswer:
    """Declare a component."""
    return serialize_component(add_component(call.session, asset_id, format_id, body.new_component(), call.actor))


@routes.get("/assets/{asset_id}/formats/{format_id}/components/", guests=True)
def get_components(call: Call, asset_id: UUID, format_id: UUID) -> ObjectListAnswer[ComponentAnswer]:
    """List the components of a format."""
    found = get_visible_format(call, asset_id, format_id)
    components = components_by_format(call.session, [found.id])[found.id]
    for_guest = call.actor.guest is not None
    return {"objects": [serialize_component(component, for_guest=for_guest) for component in components]}


@routes.put("/assets/{asset_id}/formats/{format_id}/components/{component_id}/", body_bytes=LARGE_BODY_BYTES)
def put_component(
    call: Call, asset_id: UUID, format_id: UUID, component_id: UUID, body: ComponentBody
) -> ComponentAnswer:
    """Replace a declared component."""
    new = body.new_component()
    return serialize_component(update_component(call.session, asset_id, format_id, component_id, new, call.actor))


class TranscodeBody(Body):
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB_PROFILE
    priority: Count | None = None


@transcode_routes.post("/assets/{asset_id}/formats/{format_id}/")
def post_transcode(call: Call, asset_id: UUID, format_id: UUID, body: TranscodeBody) -> JobAnswer:
    """Start a job that makes a rendition of this format; a waiting job for the same rendition is returned instead."""
    find_transcode_profile(call.context.transcode_profiles, body.profile)
    job = request_transcode(call.session, asset_id, format_id, body.profile, call.actor)
    if body.priority is not None:
        job.priority = min(body.priority, 10)
        call.session.flush()
    call.start_job(job)
    return serialize_job_row(job, [], has_children=False)
