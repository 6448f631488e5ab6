"""Request bodies and serialisers of formats, components, file sets and files."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from api.routes.files.answers import ComponentAnswer, FileAnswer, FileSetAnswer, FormatAnswer
from asgi.body_base import Body, JsonObject, LongText, SafeInteger, ShortText, UtcDatetime
from asgi.rendering import format_datetime, optional_id
from models.catalog.asset import Component, ComponentType, FileSet, FileSetType, Format
from models.catalog.file import FileStatus, FileType
from services.catalog.assets.files import FileView

FormatMetadata = JsonObject


class ComponentBody(Body):
    name: ShortText
    type: ComponentType
    metadata: FormatMetadata | None = None

    def new_component(self) -> Component:
        """Return the component to create."""
        return Component(name=self.name, type=self.type, media=self.metadata or {})


class FormatBody(Body):
    name: ShortText
    components: Annotated[list[ComponentBody], Field(fail_fast=True, max_length=1000)] | None = None
    metadata: Annotated[list[FormatMetadata], Field(fail_fast=True, max_length=1000)] | None = None


class FormatChangeBody(Body):
    name: ShortText | None = None


class FileSetBody(Body):
    name: ShortText
    format_id: UUID
    base_dir: LongText | None = None
    component_ids: Annotated[list[UUID], Field(fail_fast=True, max_length=1000)] | None = None
    storage_id: UUID | None = None
    type: FileSetType | None = None


class FileChangeBody(Body):
    directory_path: LongText | None = None
    original_name: ShortText | None = None
    name: ShortText | None = None
    type: FileType | None = None
    status: FileStatus | None = None
    size: Annotated[SafeInteger, Field(ge=0)] | None = None
    checksum: ShortText | None = None
    storage_id: UUID | None = None
    file_date_created: UtcDatetime | None = None
    file_date_modified: UtcDatetime | None = None


class FileBody(FileChangeBody):
    file_set_id: UUID | None = None


GUEST_MEDIA_KEYS = frozenset(
    {
        *("type", "container", "codec", "profile", "language", "duration_milliseconds", "bit_rate", "forced"),
        *("width", "height", "pixel_format", "bits_per_component", "color", "pixel_aspect", "rotation", "scan"),
        *("frame_rate", "frame_count", "sample_rate", "channels", "channel_layout", "sample_format"),
    }
)
"""Technical facts of a stream. What a file says of its origin (place, author, comment, reel, timecode) and what clients
wrote is shown to guests only as a value of a view that the share names."""


def filter_media_for_guest(media: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a component's media metadata that guests see."""
    return {name: value for name, value in media.items() if name in GUEST_MEDIA_KEYS}


def serialize_component(component: Component, *, for_guest: bool = False) -> ComponentAnswer:
    """Serialise a component; the 1.x client rejects metadata that is not an object."""
    media = filter_media_for_guest(component.media) if for_guest else component.media
    metadata = {**media, "flags": component.flags, "language": component.language}
    shown = {name: value for name, value in metadata.items() if value not in (None, [])}
    return {"id": str(component.id), "name": component.name, "type": component.type, "metadata": shown}


def serialize_format(one: Format, components: Sequence[Component], *, for_guest: bool = False) -> FormatAnswer:
    """Serialise a format with its components."""
    of_files = [component.media for component in components if component.type == ComponentType.GENERAL]
    media = one.media.get("metadata") or of_files
    if for_guest:
        media = [filter_media_for_guest(each) for each in media]
    return {
        "id": str(one.id),
        "asset_id": str(one.asset_id),
        "version_id": str(one.version_id),
        "name": one.name,
        "role": one.role,
        "structure": one.structure,
        "status": "ACTIVE",
        "archive_status": "NOT_ARCHIVED",
        "is_online": one.is_online,
        "warnings": one.warnings,
        "metadata": media,
        "storage_methods": ["FILE"],
        "external_references": [],
        "components": [serialize_component(component, for_guest=for_guest) for component in components],
        "user_id": None,
        "date_created": format_datetime(one.date_created),
        "date_modified": format_datetime(one.date_modified),
        "date_deleted": None,
    }


def serialize_file_set(one: FileSet, component_ids: Sequence[UUID]) -> FileSetAnswer:
    """Serialise a file set; missing frames of a sequence are keys that iconik does not have."""
    return {
        "id": str(one.id),
        "asset_id": str(one.asset_id),
        "format_id": str(one.format_id),
        "version_id": str(one.version_id),
        "storage_id": optional_id(one.storage_id),
        "original_storage_id": optional_id(one.storage_id),
        "name": one.name,
        "base_dir": one.base_dir,
        "type": one.type,
        "status": one.status,
        "component_ids": [str(identity) for identity in component_ids],
        "file_count": one.file_count,
        "size": one.size_bytes,
        "label": one.label,
        "frames": one.frames,
        "missing_frames": one.missing_frames,
        "missing": one.missing,
        "note": one.note,
        "is_archive": False,
        "date_created": format_datetime(one.date_created),
        "date_modified": format_datetime(one.date_modified),
        "date_deleted": None,
    }


def serialize_file(file: FileView) -> FileAnswer:
    """Serialise a file; the 1.x client requires a string in `file_set_id`, empty for a file in no file set."""
    return {
        "id": str(file.id),
        "asset_id": optional_id(file.asset_id),
        "version_id": optional_id(file.asset_id),
        "file_set_id": optional_id(file.file_set_id),
        "format_id": optional_id(file.format_id),
        "storage_id": optional_id(file.storage_id),
        "storage_method": "FILE",
        "directory_path": file.directory_path,
        "name": file.name,
        "original_name": file.original_name,
        "type": file.type,
        "status": file.status,
        "size": file.size,
        "checksum": file.checksum,
        "checksums": [
            {
                "algorithm": one.algorithm,
                "checksum": one.digest,
                "date_proven": format_datetime(one.date_proven),
                "proven_by": one.proven_by,
                "lost_bits": one.is_flipped,
            }
            for one in file.checksums
        ],
        "user_id": optional_id(file.user_id),
        "url": None,
        "file_date_created": format_datetime(file.file_date_created),
        "file_date_modified": format_datetime(file.file_date_modified),
        "date_created": format_datetime(file.date_created),
        "date_modified": format_datetime(file.date_modified),
    }
