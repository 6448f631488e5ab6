"""History of assets: append-only, written in the transaction of the change itself."""

import uuid
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.core.base import Base, CreatedMixin, IdMixin, TextEnum, checked_text


class Operation(TextEnum):
    """iconik's closed list: clients reject any other value, so creation is recorded as VERSION_CREATE."""

    ADD_FORMAT = "ADD_FORMAT"
    ANALYZE = "ANALYZE"
    APPROVE = "APPROVE"
    ARCHIVE = "ARCHIVE"
    CUSTOM = "CUSTOM"
    DELETE = "DELETE"
    DELETE_FILE = "DELETE_FILE"
    DELETE_FILESET = "DELETE_FILESET"
    DELETE_FORMAT = "DELETE_FORMAT"
    DOWNLOAD = "DOWNLOAD"
    EXPORT = "EXPORT"
    FACE_RECOGNITION = "FACE_RECOGNITION"
    METADATA = "METADATA"
    MODIFY_FILESET = "MODIFY_FILESET"
    PUBLISH = "PUBLISH"
    PUBLISH_SAVE_DRAFT = "PUBLISH_SAVE_DRAFT"
    PUBLISH_SCHEDULED = "PUBLISH_SCHEDULED"
    REJECT = "REJECT"
    RESTORE = "RESTORE"
    RESTORE_ARCHIVE = "RESTORE_ARCHIVE"
    RESTORE_FILESET = "RESTORE_FILESET"
    RESTORE_FORMAT = "RESTORE_FORMAT"
    RESTORE_FROM_GLACIER = "RESTORE_FROM_GLACIER"
    TRANSCODE = "TRANSCODE"
    TRANSCRIPTION = "TRANSCRIPTION"
    TRANSFER = "TRANSFER"
    UNLINK_SUBCLIP = "UNLINK_SUBCLIP"
    VERSION_CREATE = "VERSION_CREATE"
    VERSION_DELETE = "VERSION_DELETE"
    VERSION_PROMOTE = "VERSION_PROMOTE"
    VERSION_UPDATE = "VERSION_UPDATE"


class History(IdMixin, CreatedMixin, Base):
    """One entry. There is no foreign key to the asset because history outlives it; the trigger `history_is_append_only`
    refuses UPDATE and DELETE."""

    __tablename__ = "history"
    __table_args__ = (Index(None, "asset_id", "id"),)

    asset_id: Mapped[uuid.UUID]
    version_id: Mapped[uuid.UUID]
    operation_type: Mapped[Operation] = mapped_column(checked_text(Operation))
    operation_description: Mapped[str]
    operation_id: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    """Set where a caller may retry: the same operation is recorded once."""
    actor: Mapped[str]
    """Display name of the actor: a user, a storage's watcher, a guest of a share."""
    user_id: Mapped[uuid.UUID | None]
    job_id: Mapped[uuid.UUID | None]
    share_id: Mapped[uuid.UUID | None]
    share_user_id: Mapped[uuid.UUID | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    """Data for undo; never shown."""
