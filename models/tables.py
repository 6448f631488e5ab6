"""All tables in one place, for migrations: importing this registers every one on `Base.metadata`."""

from models.acl import AclEntry, AclTemplate
from models.approval import Approval, ApprovalVote
from models.asset import Asset, Component, FileSet, FileSetFile, Format
from models.audit import AuditEntry
from models.base import Base
from models.collection import Collection, CollectionAsset, Favorite
from models.declared_file import DeclaredFile
from models.file import File, Folder, FrameBucket
from models.history import History
from models.idempotency import KeptAnswer
from models.index_build import IndexBuild
from models.index_mark import IndexMark, SearchDocument
from models.island import Island
from models.job import Job
from models.job_step import JobStep
from models.look_request import LookRequest
from models.mail import Mail
from models.media import Keyframe, MediaWork
from models.metadata import (
    MetadataBulkObject,
    MetadataCategory,
    MetadataField,
    MetadataValue,
    MetadataView,
    MetadataViewField,
)
from models.pin import Pin
from models.relation import Relation, RelationType
from models.saved_search import SavedSearch, SearchHistory
from models.segment import Segment
from models.share import Share, ShareToken, ShareUser
from models.sidecar import FileChecksum, SidecarValue
from models.storage import ProfileRevision, Storage
from models.user import App, Membership, SignInLimit, Token, User, UserGroup
from models.webhook import Event, Webhook, WebhookDelivery

__all__ = [
    "AclEntry",
    "AclTemplate",
    "App",
    "Approval",
    "ApprovalVote",
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
    "FileSet",
    "FileSetFile",
    "Folder",
    "Format",
    "FrameBucket",
    "History",
    "IndexBuild",
    "IndexMark",
    "Island",
    "Job",
    "JobStep",
    "KeptAnswer",
    "Keyframe",
    "LookRequest",
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
    "ProfileRevision",
    "Relation",
    "RelationType",
    "SavedSearch",
    "SearchDocument",
    "SearchHistory",
    "Segment",
    "Share",
    "ShareToken",
    "ShareUser",
    "SidecarValue",
    "SignInLimit",
    "Storage",
    "Token",
    "User",
    "UserGroup",
    "Webhook",
    "WebhookDelivery",
]
