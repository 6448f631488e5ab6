"""What an operator sets per storage: iconik's keys, parsed by one typed object at the edge of the row's JSON."""

from fractions import Fraction
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0, le=86_400)]
FILM_RATES = {23.98: "24000/1001", 29.97: "30000/1001", 47.95: "48000/1001", 59.94: "60000/1001"}
"""What people write in decimals means one of these."""


class StorageSettings(BaseModel):
    """Settings of a FILE storage. Unknown keys are refused by name; keys of later versions never pass silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scan: bool = True
    scan_directories: tuple[str, ...] = ()
    """Folders below the root that are watched; empty means the whole root."""
    scan_ignore: tuple[str, ...] = ()
    """Glob patterns on names or relative paths, beside the built-in junk."""
    scan_interval_seconds: Annotated[float, Field(ge=0.1, le=86_400)] = 5
    growing_files_threshold: Seconds = 5
    """Seconds that size and mtime must stand still; a close or a rename into place shortens it."""
    filename_is_external_id: bool = False
    title_includes_extension: bool = False
    aggregate_identical_files: bool = False
    """A file that is missing on another storage and appears here with the same name, size and mtime keeps its asset.

    iconik's default is true; here a person turns it on, because an asset then changes its storage."""
    enable_collection_directory_mapping: bool = False
    """Collections mirror the folders, and assets are in those of their files' folders."""
    acl_template_id: UUID | None = None
    """Rights that everything ingested gets, beside the storage's own and its owner's."""

    sequence_frame_rate: str = "24"
    """Frames a second of image sequences, whose files have no time of their own: `25`, `24000/1001`."""
    header_fields: dict[str, str] = Field(default_factory=dict)
    """Metadata fields by the header's words, beside the built-in table: `{"reel": "camera_roll"}`."""
    metadata_view_id: UUID | None = None
    """The view through which sidecars write; without one they write any field."""
    sidecar_metadata_required: bool = False
    """Nothing is taken in before a sidecar with metadata is beside it."""
    folder_name_tags_metadata_field_name: str | None = None
    """The field, a tag cloud, that gets the names of an asset's folders below the root when it is ingested."""
    folder_name_tags_metadata_view_id: UUID | None = None
    """The view that has to show this field."""
    sidecar_fields: dict[str, str] = Field(default_factory=dict)
    """Metadata fields by the sidecars' words, beside the built-in table: `{"dc:rights": "copyright"}`."""
    local_keyframe_creation: bool = True
    """Whether posters, strips and waveforms are made of what comes in."""

    transcode_profiles: tuple[str, ...] = ()
    """Profiles of which everything that comes in gets a rendition."""

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
