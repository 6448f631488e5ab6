"""Metadata views and the categories that they are in: everybody reads them, administrators make and change them."""

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
"""What clients cannot read a view without."""
Names = Annotated[str, Query(max_length=2_000, description="names with commas between them")]


def one(call: Call, view: MetadataView, *, merges: bool = True) -> dict[str, Any]:
    """One view with its fields."""
    return view_body(view, view_rows(call.session, [view.id]), merges=merges)


@routes.post("/views/")
def post_view(call: Call, body: ViewBody) -> dict[str, Any]:
    """Make a view."""
    return one(call, create_view(call.session, body.new_view(), call.actor))


@routes.get("/views/")
def get_views(call: Call, include_fields: Names = "", exclude_fields: Names = "") -> dict[str, Any]:
    """All views; of each only what is asked for, where that is said."""
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
    """One view, its fields whole or with what the view says of them alone."""
    return one(call, find_view(call.session, view_id), merges=merge_fields)


@routes.patch("/views/{view_id}/")
def patch_view(call: Call, view_id: UUID, body: ViewChangeBody) -> dict[str, Any]:
    """Set what was sent; fields that are sent are all the fields then."""
    return one(call, change_view(call.session, view_id, body.new_view(), call.actor))


@routes.put("/views/{view_id}/")
def put_view(call: Call, view_id: UUID, body: ViewChangeBody) -> dict[str, Any]:
    """Set what was sent; what is absent stays."""
    return patch_view(call, view_id, body)


@routes.delete("/views/{view_id}/")
def delete_one_view(call: Call, view_id: UUID) -> None:
    """Remove a view; fields and values stay."""
    delete_view(call.session, view_id, call.actor)


@routes.post("/views/reindex/")
def post_views_reindex(call: Call) -> Answer:
    """Have the documents of all objects with values made anew."""
    require_administrator(call.actor, EVERYTHING)
    mark_values(call.session)
    return marked(call)


@routes.post("/views/{view_id}/reindex/")
def post_view_reindex(call: Call, view_id: UUID) -> Answer:
    """Have the documents of all objects with values in a view's fields made anew."""
    require_administrator(call.actor, EVERYTHING)
    mark_values(call.session, find_view(call.session, view_id).id)
    return marked(call)


@routes.get("/{object_type}/categories/")
def get_categories(call: Call, object_type: str) -> dict[str, Any]:
    """The categories of a kind of object."""
    return {"objects": [category_body(category) for category in categories_of(call.session, object_type)]}


@routes.post("/{object_type}/categories/")
def post_category(call: Call, object_type: str, body: CategoryBody) -> dict[str, Any]:
    """Make a category."""
    made = create_category(call.session, object_type, body.name, body.label, body.view_ids or (), call.actor)
    return category_body(made)


@routes.get("/{object_type}/categories/{name}/")
def get_category(call: Call, object_type: str, name: str) -> dict[str, Any]:
    """One category."""
    return category_body(find_category(call.session, object_type, name))


@routes.put("/{object_type}/categories/{name}/")
def put_category(call: Call, object_type: str, name: str, body: CategoryChangeBody) -> dict[str, Any]:
    """Set the label, and the views where they are sent."""
    return category_body(change_category(call.session, object_type, name, body.label, body.view_ids, call.actor))


@routes.delete("/{object_type}/categories/{name}/")
def delete_one_category(call: Call, object_type: str, name: str) -> None:
    """Remove a category; its views stay."""
    delete_category(call.session, object_type, name, call.actor)


@routes.get("/{object_type}/categories/{name}/views/")
def get_category_views(call: Call, object_type: str, name: str, writable_only: bool = False) -> dict[str, Any]:
    """A category with its views whole, or with those alone through which the caller may write."""
    category = find_category(call.session, object_type, name)
    views = views_of(call.session, category.view_ids, writable_by=call.actor if writable_only else None)
    rows = view_rows(call.session, [view.id for view in views])
    return {**category_body(category), "views": [view_body(view, rows, merges=True) for view in views]}
