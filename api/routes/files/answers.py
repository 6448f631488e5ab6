"""Responses about formats, components, file sets, files, previews, renditions, storages and readiness."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap
from models.catalog.asset import ComponentType, FileSetStatus, FileSetType, FormatRole, KeyframeType
from models.catalog.file import FileStatus, FileType
from models.catalog.storage import StorageStatus


class ComponentAnswer(TypedDict):
    """A part of a format: a stream, or the container (`GENERAL`)."""

    id: IdText
    name: str
    type: ComponentType
    metadata: JsonMap


class FormatAnswer(TypedDict):
    """One form in which an asset exists: its original, a rendition, or files beside it."""

    id: IdText
    asset_id: IdText
    version_id: IdText
    name: str
    role: FormatRole
    structure: str
    status: Literal["ACTIVE"]
    archive_status: Literal["NOT_ARCHIVED"]
    is_online: bool
    warnings: list[str]
    metadata: list[JsonMap]
    storage_methods: list[Literal["FILE"]]
    external_references: list[JsonMap]
    components: list[ComponentAnswer]
    user_id: None
    date_created: DateText
    date_modified: DateText
    date_deleted: None


class FileSetAnswer(TypedDict):
    """Files of one format that belong together, as the frames of a sequence do."""

    id: IdText
    asset_id: IdText
    format_id: IdText
    version_id: IdText
    storage_id: IdText | None
    original_storage_id: IdText | None
    name: str
    base_dir: str
    type: FileSetType
    status: FileSetStatus
    component_ids: list[IdText]
    file_count: int
    size: int
    label: str
    frames: str | None
    missing_frames: int
    missing: str
    note: str
    is_archive: Literal[False]
    date_created: DateText
    date_modified: DateText
    date_deleted: None


class FileChecksumAnswer(TypedDict):
    """A checksum of a file, and what read it."""

    algorithm: str
    checksum: str
    date_proven: DateText | None
    proven_by: str | None
    lost_bits: bool


class FileAnswer(TypedDict):
    """A file that a watcher saw, or that a client declared."""

    id: IdText
    asset_id: IdText | None
    version_id: IdText | None
    file_set_id: IdText | None
    format_id: IdText | None
    storage_id: IdText | None
    storage_method: Literal["FILE"]
    directory_path: str
    name: str
    original_name: str
    type: FileType
    status: FileStatus
    size: int | None
    checksum: str | None
    checksums: list[FileChecksumAnswer]
    user_id: IdText | None
    url: None
    file_date_created: DateText | None
    file_date_modified: DateText | None
    date_created: DateText
    date_modified: DateText


class FileExistenceAnswer(TypedDict):
    """A file that exists."""

    file_size: int
    status: FileStatus


class DownloadUrlAnswer(TypedDict):
    """A URL that works without headers, for an hour at most."""

    url: str


class PictureSizeAnswer(TypedDict):
    """Size of a picture in pixels."""

    width: int
    height: int


class KeyframeAnswer(TypedDict):
    """A picture of an asset: its poster, or one of its keyframes."""

    id: IdText
    asset_id: IdText
    version_id: IdText
    format_id: IdText
    file_set_id: IdText
    type: KeyframeType
    name: str
    filename: str
    format: str
    size: int
    resolution: PictureSizeAnswer
    rotation: Literal[0]
    status: Literal["CLOSED"]
    storage_id: None
    storage_method: Literal["FILE"]
    is_public: Literal[False]
    is_custom_keyframe: Literal[False]
    time_code: None
    details: JsonMap
    url: str | None
    upload_url: None
    upload_method: None
    date_created: DateText
    date_modified: DateText


class MediaSummaryAnswer(TypedDict):
    """Duration and pictures of an asset, in lists."""

    duration_milliseconds: int | None
    keyframes: list[KeyframeAnswer]


class ProxyAnswer(TypedDict):
    """A rendition of an asset that can be played."""

    id: IdText
    asset_id: IdText
    version_id: IdText
    format_id: IdText
    file_set_id: IdText
    file_id: IdText | None
    name: str
    filename: str
    format: str | None
    codec: str | None
    bit_rate: int | None
    frame_rate: str | None
    resolution: PictureSizeAnswer | None
    audio_bitrate: int | None
    audio_channels: int | None
    is_multichannel: bool
    start_time_code: str | None
    size: int
    status: Literal["CLOSED", "MISSING"]
    storage_id: IdText | None
    storage_method: Literal["FILE"]
    is_public: Literal[False]
    url: str | None
    upload_url: None
    upload_method: None
    date_created: DateText
    date_modified: DateText


class StorageAnswer(TypedDict):
    """A watched folder."""

    id: IdText
    name: str
    description: str
    method: str
    purpose: str
    default: Literal[False]
    settings: JsonMap
    status: StorageStatus
    status_message: str
    scanner_status: Literal["SCANNING", "IDLE"]
    last_scanned: DateText | None
    owner_id: IdText | None
    version: Literal["1"]
    date_created: DateText
    date_modified: DateText


class ReadinessFindingAnswer(TypedDict):
    """A file or folder, and what speaks against it."""

    path: str
    reason: str


class ReadinessAspectAnswer(TypedDict):
    """What is known in one aspect."""

    answer: str | None
    proven: int
    by: dict[str, int]
    fault_count: int
    faults: list[ReadinessFindingAnswer]
    gap_count: int
    gaps: list[ReadinessFindingAnswer]


class ReadinessSumAnswer(TypedDict):
    """The checksum of one file."""

    path: str
    size: int
    algorithm: str
    sum: str


class ReadinessReportAnswer(TypedDict):
    """Whether a folder is whole: proven, refuted or not provable, with the reasons."""

    id: NotRequired[IdText]
    path: str
    storage: str
    folder: str
    answer: str
    exit_code: int
    level: str
    frames: str | None
    against: str | None
    asked_at: DateText
    asked_by: str
    files: int
    size_bytes: int
    structures: list[str]
    extra_files: int
    aspects: dict[str, ReadinessAspectAnswer]
    sum_count: int
    sums: list[ReadinessSumAnswer]


class SignedReportAnswer(TypedDict):
    """A report that was signed off."""

    id: IdText
    date_created: DateText
    storage_id: IdText | None
    path: str
    answer: str
    level: str
    actor: str
    report: dict[str, Any]
