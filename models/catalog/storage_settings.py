"""Settings of a storage: iconik's keys, parsed into a typed object from the row's JSON."""

from fractions import Fraction
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
