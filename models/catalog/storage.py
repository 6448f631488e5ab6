"""Storages: a watched root with the last status from its watcher, and its settings: iconik's keys, parsed into a typed
object from the row's JSON."""

import uuid
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Float, ForeignKey, text, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column

from models.core.base import Base, BigInt, CreatedMixin, IdMixin, TextEnum, TimestampsMixin, checked_text
from models.core.mounts import is_in_media_folder, resolve_mount

PURPOSE_FILES, PURPOSE_PROXIES = "FILES", "PROXIES"
"""Purposes of a storage: FILES are watched, PROXIES contain renditions written by Tapeless."""
MAX_WATCHER_AGE_SECONDS = 15.0
"""A watcher shows signs of life every two seconds, and another takes over before this."""
WATCHER_AGE = text("extract(epoch FROM now() - coalesce(storage.watcher_seen_at, storage.date_created))")


class StorageStatus(TextEnum):
    ACTIVE = "ACTIVE"
    FAILING = "FAILING"
    INACTIVE = "INACTIVE"


class ProfileRevision(CreatedMixin, Base):
    """A former profile of a storage: islands not grouped since then still follow it."""

    __tablename__ = "profile_revision"

    storage_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("storage.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Storage(IdMixin, TimestampsMixin, Base):
    """One watched root. Users write the upper half of the columns, only its watcher the lower half."""

    __tablename__ = "storage"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(server_default="")
    method: Mapped[str] = mapped_column(server_default="FILE")
    purpose: Mapped[str] = mapped_column(server_default="FILES")
    root: Mapped[bytes] = mapped_column(unique=True)
    """Real path of the mount point, as bytes because a path need not be UTF-8; relative if below the media folder."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    profile_revision: Mapped[int] = mapped_column(server_default="1")
    owner_id: Mapped[uuid.UUID | None]
    """Creator of ingested assets; an administrator if null."""
    scan_requested_at: Mapped[datetime | None]
    accept_requested_at: Mapped[datetime | None]
    deletions_confirmed_at: Mapped[datetime | None]
    """When a person confirmed last that what is missing was deleted: files that were missing then are no problem."""
    removed_at: Mapped[datetime | None]
    """It is shown nowhere any more; its files are missing, until they come back here or on another storage."""

    status: Mapped[StorageStatus] = mapped_column(checked_text(StorageStatus), server_default="ACTIVE")
    status_message: Mapped[str] = mapped_column(server_default="")
    frozen_reason: Mapped[str | None]
    """Why deletions are frozen; null if they are not."""
    root_device: Mapped[BigInt | None]
    root_inode: Mapped[BigInt | None]
    watcher_id: Mapped[BigInt | None]
    """The watcher that leads it, as the key of its advisory lock (`watch.leader_election`) …"""
    watcher_host: Mapped[str | None]
    """… the machine that this one, or the last one, runs on …"""
    watcher_until: Mapped[datetime | None]
    """… and the end of its lease."""
    watcher_seen_at: Mapped[datetime | None]
    """When the thread that watches it last showed signs of life."""
    watcher_restarts: Mapped[BigInt] = mapped_column(server_default="0")
    """How often its watcher ended with an error and started again."""
    watcher_error: Mapped[str | None]
    """Why it did last; null once it has done everything that was due since."""
    writer_check: Mapped[str | None]
    """How its watcher finds out that a file is no longer written (`watch.disk.settling`)."""
    blocking_version: Mapped[int | None]
    """Version of the blocking keys of all its files (`grouping.blocking`); null until they are complete."""
    marked_at: Mapped[datetime | None]
    """When the marker of a storage for renditions was written; a root without it is another folder since then."""
    scan_started_at: Mapped[datetime | None]
    last_scanned: Mapped[datetime | None]
    scan_seconds: Mapped[float] = mapped_column(server_default="0")
    scan_entries: Mapped[BigInt] = mapped_column(server_default="0")
    """Entries walked so far by the current scan, or by the last one."""
    scan_expected: Mapped[BigInt] = mapped_column(server_default="0")
    """Entries of the last full walk: the total of the progress bar."""
    unsettled: Mapped[BigInt] = mapped_column(server_default="0")
    """Files on disk that have not settled yet."""
    events_lost: Mapped[BigInt] = mapped_column(server_default="0")
    """Number of overflows of the kernel's event queue and of watches that could not be set; each caused a scan."""

    watcher_age_seconds: Mapped[float] = column_property(type_coerce(WATCHER_AGE, Float))
    """How long ago its watcher was seen, or it was created, by the clock of the database when the row was read."""

    @property
    def place(self) -> bytes:
        """The local path of its root."""
        return resolve_mount(self.root)

    @property
    def absolute_root(self) -> bytes:
        """Its root as the watcher's machine names it; one below the media folder as this machine does."""
        return self.place if is_in_media_folder(self.root) else self.root

    @property
    def is_watched(self) -> bool:
        """Whether its watcher was seen lately, or it needs none."""
        if self.status is StorageStatus.INACTIVE or self.purpose != PURPOSE_FILES:
            return True
        return self.watcher_age_seconds <= MAX_WATCHER_AGE_SECONDS


Seconds = Annotated[float, Field(ge=0, le=86_400)]
FILM_RATES = {23.98: "24000/1001", 29.97: "30000/1001", 47.95: "48000/1001", 59.94: "60000/1001"}
"""Exact rates for the usual decimal notations."""


class StorageSettings(BaseModel):
    """Settings of a FILE storage. Unknown keys are rejected by name, so that keys of later versions are never silently
    ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan: bool = True
    scan_directories: tuple[str, ...] = ()
    """Folders below the root to watch; empty means the whole root."""
    scan_ignore: tuple[str, ...] = ()
    """Glob patterns on names or relative paths, beside the built-in ignore list."""
    scan_interval_seconds: Annotated[float, Field(ge=0.1, le=86_400)] = 5
    growing_files_threshold: Seconds = 5
    """Seconds without a change of size and mtime until a file is settled; shorter after a close or a rename into
    place."""
    filename_is_external_id: bool = False
    title_includes_extension: bool = False
    aggregate_identical_files: bool = False
    """A file that is missing on another storage and appears here with the same name, size and mtime keeps its asset.

    iconik's default is true; here it is opt-in, because the asset then changes its storage.
    """
    enable_collection_directory_mapping: bool = False
    """Collections mirror the folders, and contain the assets with files in them."""
    acl_template_id: UUID | None = None
    """ACL template applied to ingested assets, beside the rights from the storage and its owner."""

    sequence_frame_rate: str = "24"
    """Frames per second of image sequences, because their files carry no timing: `25`, `24000/1001`."""
    header_fields: dict[str, str] = Field(default_factory=dict)
    """Metadata fields by header key, beside the built-in table: `{"reel": "camera_roll"}`."""
    metadata_view_id: UUID | None = None
    """Restricts sidecars to the fields of this view; without it they may write any field."""
    sidecar_metadata_required: bool = False
    """Files are not ingested until a sidecar with metadata is beside them."""
    folder_name_tags_metadata_field_name: str | None = None
    """Tag cloud field that receives the names of the folders below the root when an asset is ingested."""
    folder_name_tags_metadata_view_id: UUID | None = None
    """The view that must contain this field."""
    sidecar_fields: dict[str, str] = Field(default_factory=dict)
    """Metadata fields by sidecar key, beside the built-in table: `{"dc:rights": "copyright"}`."""
    local_keyframe_creation: bool = True
    """Whether to create posters, strips and waveforms of ingested files."""

    check_arrivals: bool = False
    """Cards, packages and folders with lists are judged once they are there and read."""
    fixity_days: Annotated[int, Field(ge=0, le=36_500)] = 0
    """Every file is read whole again within so many days; 0 reads none."""
    fixity_megabytes_per_second: Annotated[float, Field(ge=1, le=100_000)] = 20
    """How fast files are read for that."""
    checksum_algorithms: tuple[Literal["md5", "sha1", "sha256", "sha512", "xxh64", "c4"], ...] = ()
    """Sums that files get beside XXH128 when they are read for that."""

    transcode_profiles: tuple[str, ...] = ()
    """Transcode profiles for which every ingested asset gets a rendition."""

    @property
    def frame_rate(self) -> Fraction:
        """`sequence_frame_rate` as a number."""
        return Fraction(self.sequence_frame_rate)

    @field_validator("sequence_frame_rate", mode="before")
    @classmethod
    def _be_a_rate(cls, value: object) -> str:
        try:
            rate = Fraction(str(value)).limit_denominator(10_000)
        except (ValueError, ZeroDivisionError):
            rate = Fraction(0)
        if not 0 < rate <= 1_000:
            raise ValueError(f'"{value}" is no frame rate: write 24, 23.976 or 24000/1001')
        return FILM_RATES.get(round(float(rate), 2), str(rate))

    @field_validator("scan_directories")
    @classmethod
    def _stay_below_the_root(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        for folder in folders:
            if folder.startswith("/") or ".." in folder.split("/") or "\0" in folder:
                raise ValueError(f'scan directory "{folder}" must be a path below the root, without ".."')
        return tuple(folder.strip("/") for folder in folders)
