"""Metadata views and their categories: all users read them, administrators create and change them."""

from collections.abc import Mapping
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Query
from sqlalchemy import select

from api.routes.metadata.answers import (
    CategoryViewsAnswer,
    ListedViewAnswer,
    MetadataCategoryAnswer,
    MetadataViewAnswer,
)
from api.routes.metadata.bodies import (
    MetadataCategoryBody,
    MetadataCategoryChangeBody,
    MetadataViewBody,
    MetadataViewChangeBody,
    serialize_metadata_category,
    serialize_metadata_view_row,
)
from api.routes.search.reindex import REINDEX_ALL_ACTION
from asgi.answers import ObjectListAnswer
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.catalog.metadata import MetadataView
from services.core.errors import require_administrator
from services.metadata.forms import load_view_fields
from services.metadata.views import (
    create_category,
    create_view,
    delete_category,
    delete_view,
    find_category,
    find_view,
    list_categories,
    list_views_by_ids,
    mark_objects_with_values,
    update_category,
    update_view,
)

routes = RouteGroup("metadata")
REQUIRED_VIEW_KEYS = ("id", "name", "view_fields")
"""Keys that clients require in every view."""
ViewKeysParam = Annotated[str, Query(max_length=2_000)]


def serialize_metadata_view(call: Call, view: MetadataView, *, merges: bool = True) -> MetadataViewAnswer:
    """Serialise one view with its fields."""
    return serialize_metadata_view_row(view, load_view_fields(call.session, [view.id]), merges=merges)


@routes.post("/views/")
def post_view(call: Call, body: MetadataViewBody) -> MetadataViewAnswer:
    """Create a view."""
    return serialize_metadata_view(call, create_view(call.session, body.new_view(), call.actor))


@routes.get("/views/")
def get_views(
    call: Call, include_fields: ViewKeysParam = "", exclude_fields: ViewKeysParam = ""
) -> ObjectListAnswer[ListedViewAnswer]:
    """List all views, optionally only some keys of each."""
    views = call.session.scalars(select(MetadataView).order_by(MetadataView.name, MetadataView.id)).all()
    rows = load_view_fields(call.session, [view.id for view in views])
    bodies = [serialize_metadata_view_row(view, rows, merges=False) for view in views]
    return {"objects": [_select_keys(body, include_fields.split(","), exclude_fields.split(",")) for body in bodies]}


def _select_keys(body: Mapping[str, Any], included: list[str], excluded: list[str]) -> ListedViewAnswer:
    kept = {
        name: value
        for name, value in body.items()
        if name in REQUIRED_VIEW_KEYS or ((included == [""] or name in included) and name not in excluded)
    }
    return cast(ListedViewAnswer, kept)


@routes.get("/views/{view_id}/")
def get_view(call: Call, view_id: UUID, merge_fields: bool = True) -> MetadataViewAnswer:
    """Return one view, with complete fields or only its overrides of them."""
    return serialize_metadata_view(call, find_view(call.session, view_id), merges=merge_fields)


@routes.put("/views/{view_id}/", SharedEndpoint("put_view", "Change the keys that were sent; absent keys stay."))
@routes.patch("/views/{view_id}/")
def patch_view(call: Call, view_id: UUID, body: MetadataViewChangeBody) -> MetadataViewAnswer:
    """Change the keys that were sent; a list of fields replaces all fields."""
    return serialize_metadata_view(call, update_view(call.session, view_id, body.new_view(), call.actor))


@routes.delete("/views/{view_id}/")
def delete_one_view(call: Call, view_id: UUID) -> None:
    """Delete a view; fields and values stay."""
    delete_view(call.session, view_id, call.actor)


@routes.post("/views/reindex/")
def post_views_reindex(call: Call) -> None:
    """Reindex all objects with metadata values."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    mark_objects_with_values(call.session)


@routes.post("/views/{view_id}/reindex/")
def post_view_reindex(call: Call, view_id: UUID) -> None:
    """Reindex all objects with values in a view's fields."""
    require_administrator(call.actor, REINDEX_ALL_ACTION)
    mark_objects_with_values(call.session, find_view(call.session, view_id).id)


@routes.get("/{object_type}/categories/", never_gives=(404,))
def get_categories(call: Call, object_type: str) -> ObjectListAnswer[MetadataCategoryAnswer]:
    """List the categories of an object type."""
    return {
        "objects": [serialize_metadata_category(category) for category in list_categories(call.session, object_type)]
    }


@routes.post("/{object_type}/categories/", never_gives=(404,))
def post_category(call: Call, object_type: str, body: MetadataCategoryBody) -> MetadataCategoryAnswer:
    """Create a category."""
    made = create_category(call.session, object_type, body.name, body.label, body.view_ids or (), call.actor)
    return serialize_metadata_category(made)


@routes.get("/{object_type}/categories/{name}/")
def get_category(call: Call, object_type: str, name: str) -> MetadataCategoryAnswer:
    """Return one category."""
    return serialize_metadata_category(find_category(call.session, object_type, name))


@routes.put("/{object_type}/categories/{name}/")
def put_category(call: Call, object_type: str, name: str, body: MetadataCategoryChangeBody) -> MetadataCategoryAnswer:
    """Set the label, and the views if they were sent."""
    return serialize_metadata_category(
        update_category(call.session, object_type, name, body.label, body.view_ids, call.actor)
    )


@routes.delete("/{object_type}/categories/{name}/")
def delete_one_category(call: Call, object_type: str, name: str) -> None:
    """Delete a category; its views stay."""
    delete_category(call.session, object_type, name, call.actor)


@routes.get("/{object_type}/categories/{name}/views/")
def get_category_views(call: Call, object_type: str, name: str, writable_only: bool = False) -> CategoryViewsAnswer:
    """Return a category with its complete views, or only with views through which the caller may write."""
    category = find_category(call.session, object_type, name)
    views = list_views_by_ids(call.session, category.view_ids, writable_by=call.actor if writable_only else None)
    rows = load_view_fields(call.session, [view.id for view in views])
    return {
        **serialize_metadata_category(category),
        "views": [serialize_metadata_view_row(view, rows, merges=True) for view in views],
    }
