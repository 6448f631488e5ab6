"""Request bodies and serialisers of collections. The 1.x client rejects null in most keys, so optional keys are left
out or empty instead."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from api.bodies import Body, Name
from api.call import Call
from api.rendering import key, stamp
from api.services.asset_bodies import Title
from models.collection import Collection
from tasks.collection_facts import favorites_among, permissions_among, readable_among
from tasks.collections import COLUMNS, NewCollection
from tasks.refusals import Invalid


class CollectionBody(Body):
    """Writable fields of a collection; `status`, ids, dates and all other keys are ignored."""

    title: Title | None = None
    category: Name | None = None
    external_id: Name | None = None
    custom_keyframe: UUID | None = None
    custom_poster: UUID | None = None
    keyframe_asset_ids: list[UUID] | None = None
    storage_id: UUID | None = None
    parent_id: UUID | None = None
    is_root: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return the columns and details to set, without the place in the tree."""
        sent = {name: value for name, value in self.sent().items() if name not in PLACE}
        if sent.get("title") is None:
            sent.pop("title", None)
        if "keyframe_asset_ids" in sent:
            sent["keyframe_asset_ids"] = [str(each) for each in sent["keyframe_asset_ids"] or ()] or None
        return {name: str(value) if name in IDS and value is not None else value for name, value in sent.items()}

    def new_collection(self) -> NewCollection:
        """Return the collection to create."""
        changes = self.changes()
        if "title" not in changes:
            raise Invalid("title", "a collection needs a title")
        if self.is_root and self.parent_id is not None:
            raise Invalid("is_root", "a collection with a parent_id is no root")
        columns = {name: changes.pop(name) for name in COLUMNS & changes.keys()}
        details = {name: value for name, value in changes.items() if value is not None}
        return NewCollection(**columns, parent_id=self.parent_id, details=details)


PLACE = frozenset({"parent_id", "is_root"})
IDS = frozenset({"custom_keyframe", "custom_poster"})


def in_list(call: Call) -> Callable[[Sequence[Collection]], list[dict[str, Any]]]:
    """Return a function that serialises collections for the caller, in three queries."""

    def render(rows: Sequence[Collection]) -> list[dict[str, Any]]:
        ids = [row.id for row in rows]
        permissions = permissions_among(call.session, call.actor, ids) if ids else {}
        favorites = favorites_among(call.session, call.actor, "collections", ids) if ids else set()
        known = readable_among(call.session, call.actor, {step for row in rows for step in row.path[:-1]})
        return [
            _body(row, [step for step in row.path[:-1] if step in known], permissions.get(row.id, []), favorites)
            for row in rows
        ]

    return render


def collection_body(call: Call, collection: Collection) -> dict[str, Any]:
    """Serialise one collection."""
    return in_list(call)([collection])[0]


def _body(
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
        "storage_id": key(collection.storage_id),
        "parent_id": direct[0] if direct else None,
        "parents": [str(each) for each in parents],
        "in_collections": direct,
        "ancestor_collections": [str(each) for each in parents],
        "is_root": collection.parent_id is None,
        "position": collection.position or 0,
        "permissions": list(permissions),
        "favoured": collection.id in favorites,
        "metadata": {},
        **({"created_by_user": key(collection.created_by_user)} if collection.created_by_user else {}),
        "deleted_by_user": key(collection.deleted_by_user),
        "date_created": stamp(collection.date_created),
        "date_modified": stamp(collection.date_modified),
        "date_deleted": stamp(collection.date_deleted),
        "date_viewed": None,
    }
