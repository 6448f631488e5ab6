"""Formats of assets, their components, and requests for renditions of them (transcoding)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from api.routes.files.bodies import ComponentBody, FormatBody, FormatChangeBody, serialize_component, serialize_format
from api.routes.jobs.bodies import serialize_job_row
from asgi.limits.bodies import LARGE_BODY_BYTES
from asgi.pagination import LastId, PerPage, paginate_by_cursor
from asgi.request_context import Body, Call, Count
from asgi.routing import RouteGroup
from models.access.acl import is_format_visible
from models.catalog.asset import Format
from services.catalog.assets.assets import find_asset
from services.catalog.assets.formats import (
    add_component,
    add_format,
    components_by_format,
    find_visible_format,
    remove_format,
    rename_format,
    update_component,
)
from services.renditions.profiles import WEB_PROFILE, find_transcode_profile
from services.renditions.queue import request_transcode

routes = RouteGroup("files")
transcode_routes = RouteGroup("transcode")


def serialize_formats(call: Call, formats: Sequence[Format]) -> list[dict[str, Any]]:
    """Serialise formats with their components, in one query."""
    components = components_by_format(call.session, [one.id for one in formats])
    return [serialize_format(one, components[one.id]) for one in formats]


@routes.post("/assets/{asset_id}/formats/", body_bytes=LARGE_BODY_BYTES)
def post_format(call: Call, asset_id: UUID, body: FormatBody) -> dict[str, Any]:
    """Declare a format."""
    components = [component.new_component() for component in body.components or ()]
    made = add_format(call.session, asset_id, body.name, components, body.metadata or (), call.actor)
    return serialize_formats(call, [made])[0]


def get_visible_format(call: Call, asset_id: UUID, format_id: UUID) -> Format:
    """Return a format of an asset that the caller reads; for a guest, one that its share opens."""
    asset = find_asset(call.session, call.actor, asset_id)
    return find_visible_format(call.session, call.actor, asset, format_id)


@routes.get("/assets/{asset_id}/formats/", guests=True)
def get_formats(call: Call, asset_id: UUID, per_page: PerPage = 50, last_id: LastId = None) -> dict[str, Any]:
    """List the formats of an asset."""
    asset = find_asset(call.session, call.actor, asset_id)
    query = select(Format).where(Format.asset_id == asset.id, is_format_visible(call.actor, Format.id))
    return paginate_by_cursor(call, query, Format.id, last_id, per_page, serialize_formats)


@routes.get("/assets/{asset_id}/formats/{format_id}/", guests=True)
def get_format(call: Call, asset_id: UUID, format_id: UUID) -> dict[str, Any]:
    """Return one format."""
    return serialize_formats(call, [get_visible_format(call, asset_id, format_id)])[0]


@routes.patch("/assets/{asset_id}/formats/{format_id}/")
def patch_format(call: Call, asset_id: UUID, format_id: UUID, body: FormatChangeBody) -> dict[str, Any]:
    """Rename a declared format."""
    if body.name is None:
        return get_format(call, asset_id, format_id)
    return serialize_formats(call, [rename_format(call.session, asset_id, format_id, body.name, call.actor)])[0]


@routes.delete("/assets/{asset_id}/formats/{format_id}/")
def delete_format(call: Call, asset_id: UUID, format_id: UUID) -> None:
    """Delete a declared format."""
    remove_format(call.session, asset_id, format_id, call.actor)


@routes.post("/assets/{asset_id}/formats/{format_id}/components/", status=200, body_bytes=LARGE_BODY_BYTES)
def post_component(call: Call, asset_id: UUID, format_id: UUID, body: ComponentBody) -> dict[str, Any]:
    """Declare a component."""
    return serialize_component(add_component(call.session, asset_id, format_id, body.new_component(), call.actor))


@routes.get("/assets/{asset_id}/formats/{format_id}/components/", guests=True)
def get_components(call: Call, asset_id: UUID, format_id: UUID) -> dict[str, Any]:
    """List the components of a format."""
    found = get_visible_format(call, asset_id, format_id)
    components = components_by_format(call.session, [found.id])[found.id]
    return {"objects": [serialize_component(component) for component in components]}


@routes.put("/assets/{asset_id}/formats/{format_id}/components/{component_id}/", body_bytes=LARGE_BODY_BYTES)
def put_component(
    call: Call, asset_id: UUID, format_id: UUID, component_id: UUID, body: ComponentBody
) -> dict[str, Any]:
    """Replace a declared component."""
    new = body.new_component()
    return serialize_component(update_component(call.session, asset_id, format_id, component_id, new, call.actor))


class TranscodeBody(Body):
    profile: Annotated[str, Field(min_length=1, max_length=40)] = WEB_PROFILE
    priority: Count | None = None


@transcode_routes.post("/assets/{asset_id}/formats/{format_id}/")
def post_transcode(call: Call, asset_id: UUID, format_id: UUID, body: TranscodeBody) -> dict[str, Any]:
    """Start a job that makes a rendition of this format; a waiting job for the same rendition is returned instead."""
    find_transcode_profile(call.context.transcode_profiles, body.profile)
    job = request_transcode(call.session, asset_id, format_id, body.profile, call.actor)
    if body.priority is not None:
        job.priority = min(body.priority, 10)
        call.session.flush()
    call.start_job(job)
    return serialize_job_row(job, [], has_children=False)
