"""Request bodies and serialisers of assets and collections.

An asset has one shape for a single one, and one with more keys for lists. The 1.x client rejects null in most keys of
collections, so optional keys are left out or empty instead.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast
from uuid import UUID

from pydantic import Field

from api.routes.catalog.answers import (
    AssetAnswer,
    AssetVersionAnswer,
    CollectionAnswer,
    GuestObjectAnswer,
    ListedAssetAnswer,
)
from api.routes.catalog.approval_bodies import load_review_summaries
from api.routes.files.previews import load_media_summaries
from asgi.body_base import Body, Count, ShortText
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from models.access.acl import Guest, ShareRight
from models.catalog.asset import Asset, AssetStatus, AssetType
from models.catalog.collection import Collection
from services.catalog.assets.assets import EDITABLE_ASSET_COLUMNS
from services.catalog.collections.collections import EDITABLE_COLLECTION_COLUMNS
from services.catalog.collections.queries import (
    collection_permissions,
    favorite_ids,
    load_memberships,
    readable_collection_ids,
)
from services.core.errors import ValidationFailed

AssetTitle = Annotated[str, Field(min_length=1, max_length=1_000)]


class AssetBody(Body):
    """Writable fields of an asset; `status`, ids, dates and all other keys are ignored."""

    nullable = frozenset(
        {
            *("external_id", "category", "external_link", "warning", "custom_keyframe", "custom_poster"),
            *("original_asset_id", "original_segment_id", "original_version_id"),
            *("time_start_milliseconds", "time_end_milliseconds"),
        }
    )

    title: AssetTitle | None = None
    type: AssetType | None = None
    external_id: ShortText | None = None
    category: ShortText | None = None
    external_link: ShortText | None = None
    warning: ShortText | None = None
    is_blocked: bool | None = None
    custom_keyframe: UUID | None = None
    custom_poster: UUID | None = None
    original_asset_id: UUID | None = None
    original_segment_id: UUID | None = None
    original_version_id: UUID | None = None
    time_start_milliseconds: Count | None = None
    time_end_milliseconds: Count | None = None

    def changes(self) -> dict[str, Any]:
        """Return the columns and details to set."""
        sent = super().changes()
        if sent.get("is_blocked") is False:
            sent["is_blocked"] = None
        return {name: str(value) if isinstance(value, UUID) else value for name, value in sent.items()}


class NewAssetBody(AssetBody):
    collection_id: UUID | None = None

    def new_asset(self) -> Asset:
        """Return the asset to create."""
        changes = self.changes()
        changes.pop("collection_id", None)
        if "title" not in changes:
            raise ValidationFailed("title", "an asset needs a title")
        columns = {name: changes.pop(name) for name in EDITABLE_ASSET_COLUMNS & changes.keys()}
        details = {name: value for name, value in changes.items() if value is not None}
        return Asset(**columns, details=details)


def serialize_asset(asset: Asset, in_collections: Sequence[UUID] = (), *, favoured: bool | None = None) -> AssetAnswer:
    """Serialise one asset.

    Args:
        in_collections: direct collections that the caller may read, where they were requested.
        favoured: whether the caller marked the asset as a favorite; None leaves the key out.
    """
    details = asset.details
    body: AssetAnswer = {
        "category": details.get("category"),
        "external_link": details.get("external_link"),
        "warning": details.get("warning"),
        "custom_keyframe": details.get("custom_keyframe"),
        "custom_poster": details.get("custom_poster"),
        "original_asset_id": details.get("original_asset_id"),
        "original_segment_id": details.get("original_segment_id"),
        "original_version_id": details.get("original_version_id"),
        "time_start_milliseconds": details.get("time_start_milliseconds"),
        "time_end_milliseconds": details.get("time_end_milliseconds"),
        "is_blocked": bool(details.get("is_blocked")),
        "id": str(asset.id),
        "title": asset.title,
        "type": asset.type,
        "status": asset.status,
        "external_id": asset.external_id,
        "is_online": asset.is_online,
        "analyze_status": "N/A",
        "archive_status": "NOT_ARCHIVED",
        "site_name": None,
        "created_by_user": optional_id(asset.created_by_user),
        "updated_by_user": optional_id(asset.updated_by_user),
        "deleted_by_user": optional_id(asset.deleted_by_user),
        "date_created": format_datetime(asset.date_created),
        "date_imported": format_datetime(asset.date_created),
        "date_modified": format_datetime(asset.date_modified),
        "date_deleted": format_datetime(asset.date_deleted),
        "date_viewed": None,
        "in_collections": [str(each) for each in in_collections],
        "versions": [serialize_asset_version(asset)],
    }
    if favoured is not None:
        body["favoured"] = favoured
    return body


GUEST_VISIBLE_FIELDS = (
    *("id", "title", "object_type", "type", "status", "is_online", "analyze_status", "archive_status", "is_blocked"),
    *("date_created", "date_modified", "time_start_milliseconds", "time_end_milliseconds"),
)


def filter_fields_for_guest(body: Mapping[str, Any]) -> GuestObjectAnswer:
    """Reduce the body of an asset or collection to the fields that guests may see."""
    return cast(GuestObjectAnswer, {name: body[name] for name in GUEST_VISIBLE_FIELDS if name in body})


def serialize_asset_for_guest(asset: Asset, guest: Guest) -> GuestObjectAnswer:
    """Serialise one asset for a guest: without users, owners and collections."""
    body = serialize_asset(asset)
    shown = filter_fields_for_guest(body)
    if guest.is_merged:
        shown["title"] = guest.title
    versions = body["versions"] if ShareRight.VIEW_VERSIONS in guest.allows else []
    shown["versions"] = [{**version, "created_by_user": None} for version in versions]
    return shown


def serialize_asset_version(asset: Asset) -> AssetVersionAnswer:
    """Serialise the only version of an asset; it has the asset's own id."""
    return {
        "id": str(asset.id),
        "version_number": 1,
        "status": "ACTIVE" if asset.status == AssetStatus.ACTIVE else "DELETED",
        "is_online": asset.is_online,
        "analyze_status": "N/A",
        "archive_status": "NOT_ARCHIVED",
        "face_recognition_status": "N/A",
        "transcribe_status": "N/A",
        "transcribed_languages": [],
        "has_unconfirmed_persons": False,
        "person_ids": [],
        "created_by_user": optional_id(asset.created_by_user),
        "date_created": format_datetime(asset.date_created),
    }


def serialize_assets(call: Call, assets: Sequence[Asset]) -> list[ListedAssetAnswer]:
    """Serialise assets of a list for the caller, in a fixed number of queries."""
    ids = [asset.id for asset in assets]
    places = load_memberships(call.session, call.actor, ids)
    favorites = favorite_ids(call.session, call.actor, "assets", ids)
    media = load_media_summaries(call, ids)
    said = load_review_summaries(call, ids)
    return [
        {
            **serialize_asset(asset, places.direct.get(asset.id, ()), favoured=asset.id in favorites),
            "object_type": "assets",
            "versions_number": 1,
            **media[asset.id],
            **said[asset.id],
            "ancestor_collections": [str(each) for each in places.above.get(asset.id, ())],
        }
        for asset in assets
    ]


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

    def new_collection(self) -> Collection:
        """Return the collection to create."""
        changes = self.changes()
        if "title" not in changes:
            raise ValidationFailed("title", "a collection needs a title")
        if self.is_root and self.parent_id is not None:
            raise ValidationFailed("is_root", "a collection with a parent_id is no root")
        columns = {name: changes.pop(name) for name in EDITABLE_COLLECTION_COLUMNS & changes.keys()}
        details = {name: value for name, value in changes.items() if value is not None}
        return Collection(**columns, parent_id=self.parent_id, details=details)


COLLECTION_PLACE_FIELDS = frozenset({"parent_id", "is_root"})
COLLECTION_ID_FIELDS = frozenset({"custom_keyframe", "custom_poster"})


def serialize_collections(call: Call, rows: Sequence[Collection]) -> list[CollectionAnswer]:
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


def serialize_collection(call: Call, collection: Collection) -> CollectionAnswer:
    """Serialise one collection."""
    return serialize_collections(call, [collection])[0]


def _serialize_collection_row(
    collection: Collection, parents: Sequence[UUID], permissions: Sequence[str], favorites: set[UUID]
) -> CollectionAnswer:
    direct = [str(each) for each in parents if each == collection.parent_id]
    body: CollectionAnswer = {
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
        "deleted_by_user": optional_id(collection.deleted_by_user),
        "date_created": format_datetime(collection.date_created),
        "date_modified": format_datetime(collection.date_modified),
        "date_deleted": format_datetime(collection.date_deleted),
        "date_viewed": None,
    }
    if collection.created_by_user:
        body["created_by_user"] = str(collection.created_by_user)
    return body
