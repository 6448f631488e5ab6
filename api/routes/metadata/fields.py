"""Metadata fields: all users read them, administrators create and change them."""

import math
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import func, select

from api.routes.metadata.bodies import MetadataFieldBody, MetadataFieldChangeBody, serialize_metadata_field
from asgi.pagination import MAX_PAGE_SIZE, FilterParam, apply_filter, page_url
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.catalog.metadata import MetadataField
from services.metadata.fields import create_field, delete_field, find_field, update_field

routes = RouteGroup("metadata")
METADATA_FIELD_QUERY_COLUMNS = {
    "name": MetadataField.name,
    "label": MetadataField.label,
    "field_type": MetadataField.field_type,
    "required": MetadataField.required,
    "read_only": MetadataField.read_only,
    "multi": MetadataField.multi,
    "sortable": MetadataField.sortable,
    "use_as_facet": MetadataField.use_as_facet,
    "date_created": MetadataField.date_created,
    "date_modified": MetadataField.date_modified,
}


@routes.post("/fields/")
def post_field(call: Call, body: MetadataFieldBody) -> dict[str, Any]:
    """Create a field; a deleted one with this name and type is restored with its values."""
    return serialize_metadata_field(create_field(call.session, body.new_field(), call.actor))


@routes.get("/fields/")
def get_fields(
    call: Call,
    per_page: Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)] = 500,
    last_field_name: Annotated[str, Query(max_length=1_000)] = "",
    filter: FilterParam = "",
) -> dict[str, Any]:
    """List fields by name; the next page begins after `last_field_name`."""
    query = apply_filter(
        select(MetadataField).where(MetadataField.date_deleted.is_(None)), filter, METADATA_FIELD_QUERY_COLUMNS
    )
    total = call.session.scalar(select(func.count()).select_from(query.subquery())) or 0
    # Byte order, independent of the locale: the database's collation is C.
    behind = query.where(MetadataField.name > last_field_name) if last_field_name else query
    rows = call.session.scalars(behind.order_by(MetadataField.name).limit(per_page + 1)).all()
    shown, more = rows[:per_page], len(rows) > per_page
    return {
        "objects": [serialize_metadata_field(kept) for kept in shown],
        "page": 1,
        "pages": max(1, math.ceil(total / per_page)),
        "per_page": per_page,
        "total": total,
        "first_url": page_url(call, last_field_name=None, per_page=per_page),
        "last_url": None,
        "next_url": page_url(call, last_field_name=shown[-1].name, per_page=per_page) if more else None,
        "prev_url": page_url(call, last_field_name=None, per_page=per_page) if last_field_name else None,
    }


@routes.get("/fields/{field_name}/")
def get_field(call: Call, field_name: str) -> dict[str, Any]:
    """Return one field."""
    return serialize_metadata_field(find_field(call.session, field_name))


@routes.put(
    "/fields/{field_name}/", SharedEndpoint("put_field", "Change the fields that were sent; absent fields stay.")
)
@routes.patch("/fields/{field_name}/")
def patch_field(call: Call, field_name: str, body: MetadataFieldChangeBody) -> dict[str, Any]:
    """Change the fields that were sent; name and type are immutable."""
    return serialize_metadata_field(update_field(call.session, field_name, body.settings(), call.actor))


@routes.delete("/fields/{field_name}/")
def delete_one_field(call: Call, field_name: str) -> None:
    """Delete a field; its values are kept, hidden."""
    delete_field(call.session, field_name, call.actor)
