"""Request bodies and serialisers of collections. The 1.x client rejects null in most keys, so optional keys are left
out or empty instead."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.routes.catalog.asset_bodies import AssetTitle
from asgi.request_context import Body, Call, ShortText, format_datetime, optional_id
from models.catalog.collection import Collection
from services.catalog.collections.collections import EDITABLE_COLLECTION_COLUMNS, NewCollection
from services.catalog.collections.queries import collection_permissions, favorite_ids, readable_collection_ids
from services.core.errors import ValidationFailed


class CollectionBody(Body):
    """Writable fields of a collection; `status`, ids, dates and all other keys are ignored."""

    title: AssetTitle | None = None
    category: ShortText | None = None
    external_id: ShortText | None = None
    custom_keyframe: UUID | None = None
    custom_poster: UUID | None = None
    keyframe_asset_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=100)] | None = None
    storage_id: UUID | None = None
    parent_id: UUID | None = None
    is_root: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return the columns and details to set, without the place in the tree."""
        sent = {name: value for name, value in self.sent().items() if name not in COLLECTION_PLACE_FIELDS}
        if sent.get("title") is None:
            sent.pop("title", None)
        if "keyframe_asset_ids" in sent:
            sent["keyframe_asset_ids"] = [str(each) for each in sent["keyframe_asset_ids"] or ()] or None
        return {
            name: str(value) if name in COLLECTION_ID_FIELDS and value is not None else value
            for name, value in sent.items()
        }

    def new_collection(self) -> NewCollection:
        """Return the collection to create."""
        changes = self.changes()
        if "title" not in changes:
            raise ValidationFailed("title", "a collection needs a title")
        if self.is_root and self.parent_id is not None:
            raise ValidationFailed("is_root", "a collection with a parent_id is no root")
        columns = {name: changes.pop(name) for name in EDITABLE_COLLECTION_COLUMNS & changes.keys()}
        details = {name: value for name, value in changes.items() if value is not None}
        return NewCollection(**columns, parent_id=self.parent_id, details=details)


COLLECTION_PLACE_FIELDS = frozenset({"parent_id", "is_root"})
COLLECTION_ID_FIELDS = frozenset({"custom_keyframe", "custom_poster"})


def serialize_collections(call: Call, rows: Sequence[Collection]) -> list[dict[str, Any]]:
    """Serialise collections for the caller, in three queries."""
    ids = [row.id for row in rows]
    permissions = collection_permissions(call.session, call.actor, ids) if ids else {}
    favorites = favorite_ids(call.session, call.actor, "collections", ids) if ids else set()
    known = readable_collection_ids(call.session, call.actor, {step for row in rows for step in row.path[:-1]})
    return [
        _serialize_collection_row(
            row, [step for step in row.path[:-1] if step in known], permissions.get(row.id, []), favorites
        )
        for row in rows
    ]


def serialize_collection(call: Call, collection: Collection) -> dict[str, Any]:
    """Serialise one collection."""
    return serialize_collections(call, [collection])[0]


def _serialize_collection_row(
    collection: Collection, parents: Sequence[UUID], permissions: Sequence[str], favorites: set[UUID]
) -> dict[str, Any]:
    direct = [str(each) for each in parents if each == collection.parent_id]
    return {
        "id": str(collection.id),
        "object_type": "collections",
        "title": collection.title,
        "status": collection.status,
        "category": collection.details.get("category"),
        "external_id": collection.external_id,
        "custom_keyframe": collection.details.get("custom_keyframe"),
        "custom_poster": collection.details.get("custom_poster"),
        "keyframe_asset_ids": collection.details.get("keyframe_asset_ids", []),
        "keyframes": [],
        "storage_id": optional_id(collection.storage_id),
        "parent_id": direct[0] if direct else None,
        "parents": [str(each) for each in parents],
        "in_collections": direct,
        "ancestor_collections": [str(each) for each in parents],
        "is_root": collection.parent_id is None,
        "position": collection.position or 0,
        "permissions": list(permissions),
        "favoured": collection.id in favorites,
        "metadata": {},
        **({"created_by_user": optional_id(collection.created_by_user)} if collection.created_by_user else {}),
        "deleted_by_user": optional_id(collection.deleted_by_user),
        "date_created": format_datetime(collection.date_created),
        "date_modified": format_datetime(collection.date_modified),
        "date_deleted": format_datetime(collection.date_deleted),
        "date_viewed": None,
    }
