"""Responses about assets, collections, relations and history."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.routes.catalog.approval_answers import ApprovalRequestAnswer
from api.routes.files.answers import KeyframeAnswer
from api.routes.permissions.answers import PermissionText
from asgi.answers import DateText, IdText, JsonMap
from models.catalog.asset import AssetStatus, AssetType
from models.catalog.collection import CollectionStatus
from models.catalog.history import Operation


class AssetVersionAnswer(TypedDict):
    """The only version of an asset, which has the asset's own id."""

    id: IdText
    version_number: Literal[1]
    status: Literal["ACTIVE", "DELETED"]
    is_online: bool
    analyze_status: Literal["N/A"]
    archive_status: Literal["NOT_ARCHIVED"]
    face_recognition_status: Literal["N/A"]
    transcribe_status: Literal["N/A"]
    transcribed_languages: list[str]
    has_unconfirmed_persons: Literal[False]
    person_ids: list[IdText]
    created_by_user: IdText | None
    date_created: DateText


class AssetAnswer(TypedDict):
    """An asset."""

    category: str | None
    external_link: str | None
    warning: str | None
    custom_keyframe: IdText | None
    custom_poster: IdText | None
    original_asset_id: IdText | None
    original_segment_id: IdText | None
    original_version_id: IdText | None
    time_start_milliseconds: int | None
    time_end_milliseconds: int | None
    is_blocked: bool
    id: IdText
    title: str
    type: AssetType
    status: AssetStatus
    external_id: str | None
    is_online: bool
    analyze_status: Literal["N/A"]
    archive_status: Literal["NOT_ARCHIVED"]
    site_name: None
    created_by_user: IdText | None
    updated_by_user: IdText | None
    deleted_by_user: IdText | None
    date_created: DateText
    date_imported: DateText
    date_modified: DateText
    date_deleted: DateText | None
    date_viewed: None
    in_collections: list[IdText]
    versions: list[AssetVersionAnswer]
    favoured: NotRequired[bool]


class RelationAnswer(TypedDict):
    """A relation between two assets."""

    id: IdText
    asset_id: IdText
    relation_type: str
    related_to_asset_id: IdText
    description: str
    date_created: DateText
    date_modified: DateText


class ListedRelationAnswer(RelationAnswer):
    """A relation of an asset in a list of related assets."""

    related_from_asset_id: IdText


class ListedAssetAnswer(AssetAnswer):
    """An asset in a list."""

    object_type: Literal["assets"]
    versions_number: Literal[1]
    duration_milliseconds: int | None
    keyframes: list[KeyframeAnswer]
    approval: ApprovalRequestAnswer
    comments_count: int
    ancestor_collections: list[IdText]


class PlacedAssetAnswer(ListedAssetAnswer):
    """An asset in a collection."""

    position: int


class RelatedAssetAnswer(ListedAssetAnswer):
    """An asset that is related to another, with its relations to that one."""

    relations: list[ListedRelationAnswer]


class RelationTypeAnswer(TypedDict):
    """A kind of relation."""

    name: str
    source_label: str
    destination_label: str
    description: str
    is_directional: bool
    is_system: bool
    date_created: DateText
    date_modified: DateText


class CollectionAnswer(TypedDict):
    """A collection, with the ancestors that the caller may read."""

    id: IdText
    object_type: Literal["collections"]
    title: str
    status: CollectionStatus
    category: str | None
    external_id: str | None
    custom_keyframe: IdText | None
    custom_poster: IdText | None
    keyframe_asset_ids: list[IdText]
    keyframes: list[JsonMap]
    storage_id: IdText | None
    parent_id: IdText | None
    parents: list[IdText]
    in_collections: list[IdText]
    ancestor_collections: list[IdText]
    is_root: bool
    position: int
    permissions: list[PermissionText]
    favoured: bool
    metadata: JsonMap
    created_by_user: NotRequired[IdText]
    deleted_by_user: IdText | None
    date_created: DateText
    date_modified: DateText
    date_deleted: DateText | None
    date_viewed: None


class GuestObjectAnswer(TypedDict):
    """An asset or collection as guests see it: without users, owners and collections."""

    id: IdText
    title: str
    status: AssetStatus | CollectionStatus
    date_created: DateText
    date_modified: DateText
    object_type: NotRequired[str]
    type: NotRequired[AssetType]
    is_online: NotRequired[bool]
    analyze_status: NotRequired[Literal["N/A"]]
    archive_status: NotRequired[Literal["NOT_ARCHIVED"]]
    is_blocked: NotRequired[bool]
    time_start_milliseconds: NotRequired[int | None]
    time_end_milliseconds: NotRequired[int | None]
    versions: NotRequired[list[AssetVersionAnswer]]


class CollectionRestoreAnswer(TypedDict):
    """A restored collection; no job is needed for it."""

    status: CollectionStatus
    job_id: None


class StorageContentAnswer(TypedDict):
    """What a collection holds on one storage."""

    storage_id: IdText
    assets_count: int
    file_count: int
    total_size: int
    total_duration_milliseconds: int


class CollectionInfoAnswer(TypedDict):
    """Count, size and duration of what a collection holds."""

    title: str
    assets_count: int
    collections_count: int
    total_size: int
    total_proxy_size: int
    total_duration_milliseconds: int
    storage_info: list[StorageContentAnswer]


class CollectionContentAnswer(TypedDict):
    """An object that was put into a collection."""

    collection_id: IdText
    object_id: IdText
    object_type: str
    date_created: NotRequired[DateText]


class ContentPositionAnswer(TypedDict):
    """The position of an object in the order of its collection."""

    position: int | None


class FavoritesAnswer(TypedDict):
    """Objects that were added to the caller's favorites."""

    object_ids: list[IdText]
    object_type: Literal["assets", "collections"]


class HistoryEntryAnswer(TypedDict):
    """An entry of the history of an asset; `actor` is a display name, also of entries without a user."""

    id: IdText
    asset_id: IdText
    version_id: IdText
    operation_type: Operation
    operation_description: str
    actor: str
    user_id: IdText | None
    job_id: IdText | None
    share_id: IdText | None
    share_user_id: IdText | None
    date_created: DateText
    date_modified: DateText
