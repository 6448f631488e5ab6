"""Metadata values of assets, collections and segments: through a view, directly by administrators, and in bulk."""

from typing import Any
from uuid import UUID

from api.call import Call
from api.routing import Service
from api.services.metadata_bodies import BulkValuesBody, ValuesBody, direct_body, values_body
from models.acl import Permission
from tasks.assets import find_asset
from tasks.metadata_bulk import TASK, request_bulk
from tasks.metadata_forms import Form, form_of_fields, form_of_view
from tasks.metadata_values import read_values, write_form
from tasks.objects import Found, find_object, find_object_for_change
from tasks.refusals import Missing
from tasks.users import require_administrator

routes = Service("metadata")


@routes.get("/{object_type}/{object_id}/views/{view_id}/", guests=True)
def get_values(
    call: Call, object_type: str, object_id: UUID, view_id: UUID, reencode_values_to_string: bool = False
) -> dict[str, Any]:
    """Return the values of a view's fields; 404 while the object has no values, or where its share hides the view."""
    if call.actor.guest is not None and view_id not in call.actor.guest.metadata_views:
        raise Missing("metadata view", view_id)
    found = find_object(call.session, call.actor, object_type, object_id)
    return through_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.put("/{object_type}/{object_id}/views/{view_id}/")
def put_values(
    call: Call, object_type: str, object_id: UUID, view_id: UUID, body: ValuesBody, ignore_unchanged: bool = False
) -> dict[str, Any]:
    """Write the values that were sent through a view; all or none."""
    found = find_object_for_change(call.session, call.actor, object_type, object_id)
    return write(call, found, form_of_view(call.session, view_id), body, ignore_unchanged)


@routes.get("/assets/{asset_id}/{object_type}/{object_id}/views/{view_id}/")
def get_values_of_part(
    call: Call,
    asset_id: UUID,
    object_type: str,
    object_id: UUID,
    view_id: UUID,
    reencode_values_to_string: bool = False,
) -> dict[str, Any]:
    """Return the values of a segment of an asset through a view."""
    found = part_of(call, asset_id, find_object(call.session, call.actor, object_type, object_id))
    return through_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.put("/assets/{asset_id}/{object_type}/{object_id}/views/{view_id}/")
def put_values_of_part(
    call: Call,
    asset_id: UUID,
    object_type: str,
    object_id: UUID,
    view_id: UUID,
    body: ValuesBody,
    ignore_unchanged: bool = False,
) -> dict[str, Any]:
    """Write values of a segment of an asset through a view."""
    found = part_of(call, asset_id, find_object_for_change(call.session, call.actor, object_type, object_id))
    return write(call, found, form_of_view(call.session, view_id), body, ignore_unchanged)


@routes.get("/assets/{asset_id}/versions/{version_id}/views/{view_id}/")
def get_values_of_version(
    call: Call, asset_id: UUID, version_id: UUID, view_id: UUID, reencode_values_to_string: bool = False
) -> dict[str, Any]:
    """Return the values of an asset's only version, which has the asset's own id."""
    found = find_object(call.session, call.actor, "assets", asset_id)
    if version_id not in (found.version_id, asset_id):
        raise Missing("version", version_id)
    return through_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.get("/assets/{asset_id}/{object_type}/{object_id}/versions/{version_id}/views/{view_id}/")
def get_values_of_part_of_version(
    call: Call, asset_id: UUID, object_type: str, object_id: UUID, version_id: UUID, view_id: UUID
) -> dict[str, Any]:
    """Return the values of a segment of a version of an asset."""
    found = part_of(call, asset_id, find_object(call.session, call.actor, object_type, object_id))
    if version_id != found.version_id:
        raise Missing("version", version_id)
    return through_view(call, found, view_id)


@routes.get("/{object_type}/{object_id}/")
def get_values_directly(
    call: Call, object_type: str, object_id: UUID, include_values_for_deleted_fields: bool = False
) -> dict[str, Any]:
    """Return all values of an object, by field; 404 while it has none."""
    found = find_object(call.session, call.actor, object_type, object_id)
    held = read_values(call.session, found.id, includes_deleted=include_values_for_deleted_fields)
    if not held:
        raise no_values(found)
    return direct_body(held)


@routes.put("/{object_type}/{object_id}/")
def put_values_directly(
    call: Call, object_type: str, object_id: UUID, body: ValuesBody, ignore_unchanged: bool = False
) -> dict[str, Any]:
    """Write values without a view: they must have the types of their fields; required fields are not checked."""
    found = find_object_for_change(call.session, call.actor, object_type, object_id)
    require_administrator(call.actor, "write values without a view")
    return write(call, found, form_of_fields(call.session, body.metadata_values), body, ignore_unchanged)


@routes.put("/{object_type}/views/{view_id}/", status=202)
def put_values_of_many(call: Call, object_type: str, view_id: UUID, body: BulkValuesBody) -> dict[str, Any]:
    """Start a job that writes the same values on several objects; an invalid view or value is rejected at once."""
    job = request_bulk(call.session, object_type, view_id, body.object_ids, body.given(), call.actor)
    call.ring(TASK, [job.id])
    return {"job_id": str(job.id)}


def through_view(call: Call, found: Found, view_id: UUID, *, as_texts: bool = False) -> dict[str, Any]:
    """Return the values of a view's fields, or raise `NotFound` while the object has none."""
    form = form_of_view(call.session, view_id)
    held = read_values(call.session, found.id)
    if not held:
        raise no_values(found)
    return values_body(found, held, form.rules, as_texts=as_texts)


def write(call: Call, found: Found, form: Form, body: ValuesBody, ignore_unchanged: bool) -> dict[str, Any]:
    """Write the values that were sent, and return the values of the object."""
    write_form(call.session, found, form, body.given(), call.actor, ignores_unchanged=ignore_unchanged)
    names = form.rules if form.view is not None else None
    return values_body(found, read_values(call.session, found.id), names)


def part_of(call: Call, asset_id: UUID, found: Found) -> Found:
    """Return the object if it belongs to the asset; else raise `NotFound`."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.READ)
    if found.history_of != asset.id or found.object_type == "assets":
        raise Missing(found.object_type.removesuffix("s"), found.id)
    return found


def no_values(found: Found) -> Missing:
    """Build the error that clients expect for an object without any values."""
    return Missing("metadata of", f"{found.object_type.removesuffix('s')} {found.id}")
