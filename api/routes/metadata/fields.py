"""Metadata fields: all users read them, administrators create and change them."""

from typing import Annotated

from fastapi import Query
from sqlalchemy import select

from api.routes.metadata.answers import MetadataFieldAnswer
from api.routes.metadata.bodies import MetadataFieldBody, MetadataFieldChangeBody, serialize_metadata_field
from asgi.answers import PageAnswer
from asgi.pagination import MAX_PAGE_SIZE, FilterParam, apply_filter, paginate_by_cursor, query_columns, serialize_each
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.catalog.metadata import MetadataField
from services.metadata.fields import create_field, delete_field, find_field, update_field

routes = RouteGroup("metadata")
METADATA_FIELD_QUERY_COLUMNS = query_columns(
    MetadataField.name,
    MetadataField.label,
    MetadataField.field_type,
    MetadataField.required,
    MetadataField.read_only,
    MetadataField.multi,
    MetadataField.sortable,
    MetadataField.use_as_facet,
    MetadataField.date_created,
    MetadataField.date_modified,
)


@routes.post("/fields/")
def post_field(call: Call, body: MetadataFieldBody) -> MetadataFieldAnswer:
    """Create a field; a deleted one with this name and type is restored with its values."""
    return serialize_metadata_field(create_field(call.session, body.name, body.field_type, call.actor, body.settings()))


@routes.get("/fields/")
def get_fields(
    call: Call,
    per_page: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 500,
    last_field_name: Annotated[str, Query(max_length=1_000)] = "",
    filter: FilterParam = "",
) -> PageAnswer[MetadataFieldAnswer]:
    """List fields by name; the next page begins after `last_field_name`."""
    query = apply_filter(
        select(MetadataField).where(MetadataField.date_deleted.is_(None)), filter, METADATA_FIELD_QUERY_COLUMNS
    )
    # Byte order, independent of the locale: the database's collation is C.
    return paginate_by_cursor(
        call,
        query,
        MetadataField.name,
        last_field_name,
        per_page,
        serialize_each(serialize_metadata_field),
        parameter="last_field_name",
    )


@routes.get("/fields/{field_name}/")
def get_field(call: Call, field_name: str) -> MetadataFieldAnswer:
    """Return one field."""
    return serialize_metadata_field(find_field(call.session, field_name))


@routes.put(
    "/fields/{field_name}/", SharedEndpoint("put_field", "Change the fields that were sent; absent fields stay.")
)
@routes.patch("/fields/{field_name}/")
def patch_field(call: Call, field_name: str, body: MetadataFieldChangeBody) -> MetadataFieldAnswer:
    """Change the fields that were sent; name and type are immutable."""
    return serialize_metadata_field(update_field(call.session, field_name, body.settings(), call.actor))


@routes.delete("/fields/{field_name}/")
def delete_one_field(call: Call, field_name: str) -> None:
    """Delete a field; its values are kept, hidden."""
    delete_field(call.session, field_name, call.actor)
