"""All tables in one place, for migrations: importing this registers every one on `Base.metadata`."""

from models.access.acl import AclEntry, AclTemplate
from models.access.audit_log import AuditEntry
from models.access.share import Share, ShareToken, ShareUser
from models.access.user import App, Membership, SignInLimit, Token, User, UserGroup
from models.catalog.approval import Approval, ApprovalVote
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format, Keyframe
from models.catalog.collection import Collection, CollectionAsset, Favorite
from models.catalog.evidence import ArrivalCheck, FileDigest, FileSetCopies, ReadinessReport
from models.catalog.file import DeclaredFile, File, Folder, FrameBucket
from models.catalog.history import History
from models.catalog.metadata import (
    MetadataBulkObject,
    MetadataCategory,
    MetadataField,
    MetadataValue,
    MetadataView,
    MetadataViewField,
)
from models.catalog.pin import Pin
from models.catalog.relation import Relation, RelationType
from models.catalog.saved_search import SavedSearch, SearchHistory
from models.catalog.segment import Segment
from models.catalog.sidecar_results import FileChecksum, SidecarValue
from models.catalog.storage import ProfileRevision, Storage
from models.core.base import Base
from models.core.idempotency import IdempotencyKey
from models.core.process_report import ProcessReport, SystemIdentity
from models.core.system_sample import SystemSample
from models.queues.index_build import IndexBuild
from models.queues.index_mark import IndexMark, SearchDocument
from models.queues.island import Island
from models.queues.job import Job, JobStep
from models.queues.media_queue import MediaWork
from models.queues.outbox import Event, Mail, Webhook, WebhookDelivery
from models.queues.scan_request import ScanRequest

__all__ = [
    "AclEntry",
    "AclTemplate",
    "App",
    "Approval",
    "ApprovalVote",
    "ArrivalCheck",
    "Asset",
    "AuditEntry",
    "Base",
    "Collection",
    "CollectionAsset",
    "Component",
    "DeclaredFile",
    "Event",
    "Favorite",
    "File",
    "FileChecksum",
    "FileDigest",
    "FileSet",
    "FileSetCopies",
    "FileSetFile",
    "Folder",
    "Format",
    "FrameBucket",
    "History",
    "IdempotencyKey",
    "IndexBuild",
    "IndexMark",
    "Island",
    "Job",
    "JobStep",
    "Keyframe",
    "Mail",
    "MediaWork",
    "Membership",
    "MetadataBulkObject",
    "MetadataCategory",
    "MetadataField",
    "MetadataValue",
    "MetadataView",
    "MetadataViewField",
    "Pin",
    "ProcessReport",
    "ProfileRevision",
    "ReadinessReport",
    "Relation",
    "RelationType",
    "SavedSearch",
    "ScanRequest",
    "SearchDocument",
    "SearchHistory",
    "Segment",
    "Share",
    "ShareToken",
    "ShareUser",
    "SidecarValue",
    "SignInLimit",
    "Storage",
    "SystemIdentity",
    "SystemSample",
    "Token",
    "User",
    "UserGroup",
    "Webhook",
    "WebhookDelivery",
]
