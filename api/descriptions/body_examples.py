"""An example for each body of a request, by the name of its schema: what a client that wants one thing sends."""

from collections.abc import Mapping
from typing import Any

_ASSET, _OTHER_ASSET = "01930000-0000-7000-8000-0000c1a5e7b0", "01930000-0000-7000-8000-0000c1a5e7b1"
_COLLECTION, _FORMAT, _FILE = (f"01930000-0000-7000-8000-0000c1a5e7b{digit}" for digit in "234")
_USER, _GROUP, _JOB, _STORAGE = (f"01930000-0000-7000-8000-0000c1a5e7b{digit}" for digit in "5678")
_SEGMENT, _VIEW, _SHARE, _FILE_SET = (f"01930000-0000-7000-8000-0000c1a5e7b{digit}" for digit in "9abc")
_DELIVERY, _STEP = (f"01930000-0000-7000-8000-0000c1a5e7b{digit}" for digit in "de")
_PASSWORD = "correct horse battery staple"

_GRANT = {"object_keys": [_ASSET], "permissions": ["read"], "user_ids": [_USER]}
_CONTENT = {"include_assets": True, "include_collections": True, "object_ids": [_COLLECTION], "user_ids": [_USER]}
_MARKER = {"segment_type": "MARKER", "time_start_milliseconds": 62_500, "segment_text": "too dark"}
_VALUES = {
    "camera": {"field_values": [{"value": "A"}]},
    "tags": {"mode": "append", "field_values": [{"value": "rain"}]},
}
_JOB_STEP = {"label": "pack", "status": "IN_PROGRESS"}
_SHARE_FLAGS = {"allow_comments": True, "allow_download": False, "expires": "2026-04-01T00:00:00+00:00"}
_VIEW_FIELDS = [{"name": "camera"}, {"name": "tags", "label": "Tags"}]
_CRITERIA = {
    "query": "interview kitchen",
    "doc_types": ["assets"],
    "filter": {"operator": "AND", "terms": [{"name": "media_type", "value": "video"}]},
    "facets": ["media_type"],
    "sort": [{"name": "date_created", "order": "desc"}],
}
_HOOK = {"url": "https://hooks.example.org/tapeless", "event_type": "assets", "operation": "create"}

CATALOG_BODIES: Mapping[str, Any] = {
    "NewAssetBody": {"title": "Interview", "category": "interview", "collection_id": _COLLECTION},
    "AssetBody": {"title": "Interview, second take", "external_id": "EDL-0042"},
    "AssetMergeBody": {"asset_ids": [_OTHER_ASSET]},
    "AssetFilesMoveBody": {"file_ids": [_FILE]},
    "AssetSplitBody": {"file_ids": [_FILE], "title": "Interview, second camera"},
    "HistoryEntryBody": {"operation_type": "CUSTOM", "operation_description": "sent to the lab"},
    "RelationBody": {"related_to_asset_id": _OTHER_ASSET, "relation_type": "source", "description": "cut from it"},
    "RelationDescriptionBody": {"description": "cut from it"},
    "RelationTypeBody": {
        "name": "trailer",
        "source_label": "has the trailer",
        "destination_label": "is a trailer of",
        "is_directional": True,
    },
    "CollectionBody": {"title": "Day 7", "parent_id": _COLLECTION},
    "CollectionContentBody": {"object_id": _ASSET, "object_type": "assets"},
    "ContentPositionBody": {"position": 1},
    "DeleteQueueIdsBody": {"ids": [_ASSET]},
    "DeleteQueueBulkBody": {"object_ids": [_COLLECTION], "object_type": "collections"},
    "FavoritesBody": {"object_ids": [_ASSET], "object_type": "assets"},
    "ReindexBulkBody": {"object_ids": [_COLLECTION], "object_type": "collections", "include_assets": True},
    "AssetSegmentsReindexBody": {"asset_ids": [_ASSET]},
    "ApprovalVoteBody": {"status": "APPROVED"},
    "ApprovalBulkVoteBody": {"object_ids": [_ASSET], "object_type": "assets", "status": "APPROVED"},
    "ApprovalBulkBody": {"object_ids": [_ASSET], "object_type": "assets"},
    "ApprovalRequestBody": {"users": [_USER], "externals": ["ann@example.org"], "min_number": 2},
    "SegmentBody": _MARKER,
    "SegmentBulkBody": {"objects": [_MARKER]},
    "SegmentEditBody": {"id": _SEGMENT, "segment_checked": True},
    "SegmentBulkEditBody": {"objects": [{"id": _SEGMENT, "segment_checked": True}]},
    "SegmentDeleteBody": {"segment_ids": [_SEGMENT]},
    "SegmentMatchBody": {"name": "segment_type", "value": "MARKER", "operator": "eq"},
    "SegmentReindexBody": {"segment_ids": [_SEGMENT]},
    "CaptionImportBody": {"file_id": _FILE},
}
SHARE_BODIES: Mapping[str, Any] = {
    "NewShareBody": {"emails": ["ann@example.org"], **_SHARE_FLAGS},
    "ShareBody": {"title": "For the lab", "password": _PASSWORD, **_SHARE_FLAGS},
    "ShareSignInBody": {"hash": "q1Yx7c0d…", "password": _PASSWORD},
    "ShareBulkRevokeBody": {"share_ids": [_SHARE]},
    "ShareUserBody": {"email": "ann@example.org"},
    "ShareUserChangeBody": {"first_name": "Ann", "last_name": "Archer"},
    "MagicLinkBody": {"email": "ann@example.org"},
    "MagicLinkSignInBody": {"email": "ann@example.org", "hash": "q1Yx7c0d…"},
}
PEOPLE_BODIES: Mapping[str, Any] = {
    "AppBody": {"name": "Dailies report"},
    "PasswordSignInBody": {"email": "ada@example.org", "password": _PASSWORD, "app_name": "Dailies report"},
    "UserBody": {"email": "ann@example.org", "first_name": "Ann", "last_name": "Archer", "type": "STANDARD"},
    "UserGroupBody": {"name": "Editors"},
    "AclCheckBody": {"object_type": "assets", "object_keys": [_ASSET], "permissions": ["read", "write"]},
    "AclBulkCheckBody": {"objects": [{"object_type": "assets", "object_keys": [_ASSET], "permissions": ["read"]}]},
    "AclTemplateBody": {"name": "Readable for editors"},
    "AclGrantBody": _GRANT,
    "TypedAclGrantBody": {"object_type": "assets", **_GRANT},
    "AclBulkBody": {"objects": [{"object_type": "assets", **_GRANT}]},
    "AclRevokeBody": {"object_keys": [_ASSET], "user_ids": [_USER]},
    "AclContentGrantBody": {**_CONTENT, "permissions": ["read"]},
    "AclContentRevokeBody": _CONTENT,
    "AclEntryBody": {"permissions": ["read", "write"]},
    "ObjectKeysBody": {"object_keys": [_ASSET]},
    "ShareAclBody": {"permissions": ["read"]},
}
FILE_BODIES: Mapping[str, Any] = {
    "FormatBody": {"name": "EDIT", "components": [{"name": "V1", "type": "VIDEO"}]},
    "FormatChangeBody": {"name": "EDIT"},
    "ComponentBody": {"name": "V1", "type": "VIDEO"},
    "FileSetBody": {"name": "A001_C003", "format_id": _FORMAT, "base_dir": "day_07/A001"},
    "FileBody": {"original_name": "A001_C003.mov", "directory_path": "day_07/A001", "file_set_id": _FILE_SET},
    "FileChangeBody": {"status": "CLOSED", "size": 184_320_000},
    "FileExistenceBody": {"directory_path": "day_07/A001", "file_name": "A001_C003.mov"},
    "StorageFileBody": {"original_name": "A001_C003.mov", "directory_path": "day_07/A001"},
    "StorageBody": {"name": "rushes", "method": "FILE", "purpose": "FILES", "settings": {"mount_point": "/mnt/rushes"}},
    "StorageScanBody": {"paths": ["day_07"]},
    "MediaReadBody": {"priority": 5},
    "MediaRebuildBody": {"asset_ids": [_ASSET], "only_missing": True},
    "SignOffBody": {"path": "/mnt/rushes/day_07", "level": "content"},
    "TranscodeBody": {"profile": "web"},
}
WORK_BODIES: Mapping[str, Any] = {
    "JobBody": {"title": "Send to the lab", "type": "CUSTOM", "status": "STARTED", "progress_total": 4},
    "JobChangeBody": {"status": "STARTED", "progress_processed": 2, "message": "two of four reels"},
    "JobIdsBody": {"job_ids": [_JOB]},
    "JobPriorityBody": {"job_ids": [_JOB], "priority": 9},
    "JobStateBody": {"job_ids": [_JOB], "action": "RESTART"},
    "JobRelatedObjectBody": {"object_type": "assets", "object_id": _ASSET},
    "JobStepBody": _JOB_STEP,
    "JobStepsBody": {"steps": [_JOB_STEP, {"label": "send", "status": "WAITING"}]},
    "JobStepChangeBody": {"status": "DONE"},
    "BacklogRetryBody": {"keys": [_JOB]},
    "BacklogDiscardBody": {"keys": [_JOB], "reason": "delivered by hand"},
    "WebhookBody": _HOOK,
    "WebhookChangeBody": {"status": "DISABLED"},
    "DeliveryRetryBody": {"ids": [_DELIVERY]},
}
SEARCH_AND_METADATA_BODIES: Mapping[str, Any] = {
    "SearchCriteriaBody": _CRITERIA,
    "SearchSuggestBody": {"field_name": "title", "query": "inter"},
    "SavedSearchBody": {"name": "Interviews", "criteria": {"query": "interview"}},
    "MetadataValuesBody": {"metadata_values": _VALUES},
    "MetadataBulkValuesBody": {"object_ids": [_ASSET, _OTHER_ASSET], "metadata_values": _VALUES},
    "MetadataFieldBody": {
        "name": "camera",
        "label": "Camera",
        "field_type": "drop_down",
        "options": [{"label": "Camera A", "value": "A"}, {"label": "Camera B", "value": "B"}],
    },
    "MetadataFieldChangeBody": {"label": "Camera", "required": True},
    "FieldOptionBody": {"label": "Camera A", "value": "A"},
    "MetadataViewBody": {"name": "Dailies", "view_fields": _VIEW_FIELDS},
    "MetadataViewChangeBody": {"name": "Dailies"},
    "MetadataViewFieldBody": {"name": "camera", "required": True},
    "MetadataCategoryBody": {"name": "dailies", "label": "Dailies", "view_ids": [_VIEW]},
    "MetadataCategoryChangeBody": {"label": "Dailies", "view_ids": [_VIEW]},
}

BODY_EXAMPLES: Mapping[str, Any] = {
    **CATALOG_BODIES,
    **SHARE_BODIES,
    **PEOPLE_BODIES,
    **FILE_BODIES,
    **WORK_BODIES,
    **SEARCH_AND_METADATA_BODIES,
}
