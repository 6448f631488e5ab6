"""Metadata values of assets, collections and segments: through a view, directly by administrators, and in bulk."""

from uuid import UUID

from api.routes.metadata.answers import DirectValuesAnswer, MetadataValuesAnswer
from api.routes.metadata.bodies import (
    MetadataBulkValuesBody,
    MetadataValuesBody,
    serialize_metadata_values,
    serialize_values_by_field,
)
from asgi.answers import JobIdAnswer
from asgi.limits.bodies import LARGE_BODY_BYTES
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from services.catalog.assets.assets import find_asset
from services.core.errors import NotFound, require_administrator
from services.metadata.bulk_write import create_bulk_write_job
from services.metadata.forms import MetadataForm, load_fields_form, load_view_form
from services.metadata.values import list_object_values, write_form_values
from services.objects.objects import ObjectRef, find_object, get_object_for_update

routes = RouteGroup("metadata")


@routes.get("/{object_type}/{object_id}/views/{view_id}/", guests=True)
def get_values(
    call: Call, object_type: str, object_id: UUID, view_id: UUID, reencode_values_to_string: bool = False
) -> MetadataValuesAnswer:
    """Return the values of a view's fields; 404 while the object has no values, or where its share hides the view."""
    if call.actor.guest is not None and view_id not in call.actor.guest.metadata_views:
        raise NotFound("metadata view", view_id)
    found = find_object(call.session, call.actor, object_type, object_id)
    return read_values_in_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.put("/{object_type}/{object_id}/views/{view_id}/")
def put_values(
    call: Call,
    object_type: str,
    object_id: UUID,
    view_id: UUID,
    body: MetadataValuesBody,
    ignore_unchanged: bool = False,
) -> MetadataValuesAnswer:
    """Write the values that were sent through a view; all or none."""
    found = get_object_for_update(call.session, call.actor, object_type, object_id)
    return write_metadata_values(call, found, load_view_form(call.session, view_id), body, ignore_unchanged)


@routes.get("/assets/{asset_id}/{object_type}/{object_id}/views/{view_id}/")
def get_values_of_part(
    call: Call,
    asset_id: UUID,
    object_type: str,
    object_id: UUID,
    view_id: UUID,
    reencode_values_to_string: bool = False,
) -> MetadataValuesAnswer:
    """Return the values of a segment of an asset through a view."""
    found = require_part_of_asset(call, asset_id, find_object(call.session, call.actor, object_type, object_id))
    return read_values_in_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.put("/assets/{asset_id}/{object_type}/{object_id}/views/{view_id}/")
def put_values_of_part(
    call: Call,
    asset_id: UUID,
    object_type: str,
    object_id: UUID,
    view_id: UUID,
    body: MetadataValuesBody,
    ignore_unchanged: bool = False,
) -> MetadataValuesAnswer:
    """Write values of a segment of an asset through a view."""
    found = require_part_of_asset(
        call, asset_id, get_object_for_update(call.session, call.actor, object_type, object_id)
    )
    return write_metadata_values(call, found, load_view_form(call.session, view_id), body, ignore_unchanged)


@routes.get("/assets/{asset_id}/versions/{version_id}/views/{view_id}/")
def get_values_of_version(
    call: Call, asset_id: UUID, version_id: UUID, view_id: UUID, reencode_values_to_string: bool = False
) -> MetadataValuesAnswer:
    """Return the values of an asset's only version, which has the asset's own id."""
    found = find_object(call.session, call.actor, "assets", asset_id)
    if version_id not in (found.version_id, asset_id):
        raise NotFound("version", version_id)
    return read_values_in_view(call, found, view_id, as_texts=reencode_values_to_string)


@routes.get("/assets/{asset_id}/{object_type}/{object_id}/versions/{version_id}/views/{view_id}/")
def get_values_of_part_of_version(
    call: Call, asset_id: UUID, object_type: str, object_id: UUID, version_id: UUID, view_id: UUID
) -> MetadataValuesAnswer:
    """Return the values of a segment of a version of an asset."""
    found = require_part_of_asset(call, asset_id, find_object(call.session, call.actor, object_type, object_id))
    if version_id != found.version_id:
        raise NotFound("version", version_id)
    return read_values_in_view(call, found, view_id)


@routes.get("/{object_type}/{object_id}/")
def get_values_directly(
    call: Call, object_type: str, object_id: UUID, include_values_for_deleted_fields: bool = False
) -> dict[str, DirectValuesAnswer]:
    """Return all values of an object, by field; 404 while it has none."""
    found = find_object(call.session, call.actor, object_type, object_id)
    held = list_object_values(call.session, found.id, includes_deleted=include_values_for_deleted_fields)
    if not held:
        raise values_not_found(found)
    return serialize_values_by_field(held)


@routes.put("/{object_type}/{object_id}/")
def put_values_directly(
    call: Call, object_type: str, object_id: UUID, body: MetadataValuesBody, ignore_unchanged: bool = False
) -> MetadataValuesAnswer:
    """Write values without a view: they must have the types of their fields; required fields are not checked."""
    found = get_object_for_update(call.session, call.actor, object_type, object_id)
    require_administrator(call.actor, "write values without a view")
    return write_metadata_values(
        call, found, load_fields_form(call.session, body.metadata_values), body, ignore_unchanged
    )


@routes.put("/{object_type}/views/{view_id}/", status=202, body_bytes=LARGE_BODY_BYTES)
def put_values_of_many(call: Call, object_type: str, view_id: UUID, body: MetadataBulkValuesBody) -> JobIdAnswer:
    """Start a job that writes the same values on several objects; an invalid view or value is rejected at once."""
    job = create_bulk_write_job(call.session, object_type, view_id, body.object_ids, body.given(), call.actor)
    return call.start_job(job)


def read_values_in_view(call: Call, found: ObjectRef, view_id: UUID, *, as_texts: bool = False) -> MetadataValuesAnswer:
    """Return the values of a view's fields, or raise `NotFound` while the object has none."""
    form = load_view_form(call.session, view_id)
    held = list_object_values(call.session, found.id)
    if not held:
        raise values_not_found(found)
    return serialize_metadata_values(found, held, form.rules, as_texts=as_texts)


def write_metadata_values(
    call: Call, found: ObjectRef, form: MetadataForm, body: MetadataValuesBody, ignore_unchanged: bool
) -> MetadataValuesAnswer:
    """Write the values that were sent, and return the values of the object."""
    write_form_values(call.session, found, form, body.given(), call.actor, ignores_unchanged=ignore_unchanged)
    names = form.rules if form.view is not None else None
    return serialize_metadata_values(found, list_object_values(call.session, found.id), names)


def require_part_of_asset(call: Call, asset_id: UUID, found: ObjectRef) -> ObjectRef:
    """Return the object if it belongs to the asset; else raise `NotFound`."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.READ)
    if found.history_of != asset.id or found.object_type == "assets":
        raise NotFound(found.object_type.removesuffix("s"), found.id)
    return found


def values_not_found(found: ObjectRef) -> NotFound:
    """Build the error that clients expect for an object without any values."""
    return NotFound("metadata of", f"{found.object_type.removesuffix('s')} {found.id}")
