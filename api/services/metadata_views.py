"""Metadata views and their categories: all users read them, administrators create and change them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy import select

from api.call import Answer, Call
from api.routing import Service
from api.services.metadata_bodies import (
    CategoryBody,
    CategoryChangeBody,
    ViewBody,
    ViewChangeBody,
    category_body,
    view_body,
)
from api.services.reindex import EVERYTHING, marked
from models.metadata import MetadataView
from tasks.metadata_categories import (
    categories_of,
    change_category,
    create_category,
    delete_category,
    find_category,
    views_of,
)
from tasks.metadata_forms import view_rows
from tasks.metadata_views import change_view, create_view, delete_view, find_view, mark_values
from tasks.users import require_administrator

routes = Service("metadata")
ALWAYS = ("id", "name", "view_fields")
"""Keys that clients require in every view."""
Names = Annotated[str, Query(max_length=2_000, description="names with commas between them")]


def one(call: Call, view: MetadataView, *, merges: bool = True) -> dict[str, Any]:
    """Serialise one view with its fields."""
    return view_body(view, view_rows(call.session, [view.id]), merges=merges)


@routes.post("/views/")
def post_view(call: Call, body: ViewBody) -> dict[str, Any]:
    """Create a view."""
    return one(call, create_view(call.session, body.new_view(), call.actor))


@routes.get("/views/")
def get_views(call: Call, include_fields: Names = "", exclude_fields: Names = "") -> dict[str, Any]:
    """List all views, optionally only some keys of each."""
    views = call.session.scalars(select(MetadataView).order_by(MetadataView.name, MetadataView.id)).all()
    rows = view_rows(call.session, [view.id for view in views])
    bodies = [view_body(view, rows, merges=False) for view in views]
    return {"objects": [_asked(body, include_fields.split(","), exclude_fields.split(",")) for body in bodies]}


def _asked(body: dict[str, Any], included: list[str], excluded: list[str]) -> dict[str, Any]:
    return {
        name: value
        for name, value in body.items()
        if name in ALWAYS or ((included == [""] or name in included) and name not in excluded)
    }


@routes.get("/views/{view_id}/")
def get_view(call: Call, view_id: UUID, merge_fields: bool = True) -> dict[str, Any]:
    """Return one view, with complete fields or only its overrides of them."""
    return one(call, find_view(call.session, view_id), merges=merge_fields)


@routes.patch("/views/{view_id}/")
def patch_view(call: Call, view_id: UUID, body: ViewChangeBody) -> dict[str, Any]:
    """Change the keys that were sent; a list of fields replaces all fields."""
    return one(call, change_view(call.session, view_id, body.new_view(), call.actor))


@routes.put("/views/{view_id}/")
def put_view(call: Call, view_id: UUID, body: ViewChangeBody) -> dict[str, Any]:
    """Change the keys that were sent; absent keys stay."""
    return patch_view(call, view_id, body)


@routes.delete("/views/{view_id}/")
def delete_one_view(call: Call, view_id: UUID) -> None:
    """Delete a view; fields and values stay."""
    delete_view(call.session, view_id, call.actor)


@routes.post("/views/reindex/")
def post_views_reindex(call: Call) -> Answer:
    """Reindex all objects with metadata values."""
    require_administrator(call.actor, EVERYTHING)
    mark_values(call.session)
    return marked(call)


@routes.post("/views/{view_id}/reindex/")
def post_view_reindex(call: Call, view_id: UUID) -> Answer:
    """Reindex all objects with values in a view's fields."""
    require_administrator(call.actor, EVERYTHING)
    mark_values(call.session, find_view(call.session, view_id).id)
    return marked(call)


@routes.get("/{object_type}/categories/")
def get_categories(call: Call, object_type: str) -> dict[str, Any]:
    """List the categories of an object type."""
    return {"objects": [category_body(category) for category in categories_of(call.session, object_type)]}


@routes.post("/{object_type}/categories/")
def post_category(call: Call, object_type: str, body: CategoryBody) -> dict[str, Any]:
    """Create a category."""
    made = create_category(call.session, object_type, body.name, body.label, body.view_ids or (), call.actor)
    return category_body(made)


@routes.get("/{object_type}/categories/{name}/")
def get_category(call: Call, object_type: str, name: str) -> dict[str, Any]:
    """Return one category."""
    return category_body(find_category(call.session, object_type, name))


@routes.put("/{object_type}/categories/{name}/")
def put_category(call: Call, object_type: str, name: str, body: CategoryChangeBody) -> dict[str, Any]:
    """Set the label, and the views if they were sent."""
    return category_body(change_category(call.session, object_type, name, body.label, body.view_ids, call.actor))


@routes.delete("/{object_type}/categories/{name}/")
def delete_one_category(call: Call, object_type: str, name: str) -> None:
    """Delete a category; its views stay."""
    delete_category(call.session, object_type, name, call.actor)


@routes.get("/{object_type}/categories/{name}/views/")
def get_category_views(call: Call, object_type: str, name: str, writable_only: bool = False) -> dict[str, Any]:
    """Return a category with its complete views, or only with views through which the caller may write."""
    category = find_category(call.session, object_type, name)
    views = views_of(call.session, category.view_ids, writable_by=call.actor if writable_only else None)
    rows = view_rows(call.session, [view.id for view in views])
    return {**category_body(category), "views": [view_body(view, rows, merges=True) for view in views]}
