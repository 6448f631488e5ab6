"""Grouping profile of a storage: every table of the rules that operators can change, with its default.

A profile is stored with its storage, or passed to the dry run as a file. Validation rejects unknown keys, because a
misspelt key without effect would be noticed only months later, in the catalogue.
"""

from __future__ import annotations

import json
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from grouping.model import islands, tokens
from grouping.model.extensions import ORIGINAL_RANK, class_of_extensions

MediaClass = Literal["video", "image", "audio", "caption", "sidecar", "document", "other"]


class ProfileError(ValueError):
    """Invalid profile; the message names the file, the key and the fault."""


def _as_words(value: object) -> object:
    """Convert lists of words to lower case; extensions may have a dot."""
    if isinstance(value, str):
        value = value.split()
    if isinstance(value, (list, tuple)):
        return tuple(word.lower().lstrip(".") if isinstance(word, str) else word for word in value)
    return value


def _as_ranks(value: object) -> object:
    """Convert ranks: a list of extensions, a plain string as a rank of its own, `mxf/mov` as a rank of two."""
    if isinstance(value, (list, tuple)):
        return tuple(_as_words(rank.replace("/", " ") if isinstance(rank, str) else rank) for rank in value)
    return value


def _as_tracks(value: object) -> object:
    """Convert a plain list of track words to audio words; video keeps its defaults."""
    return {"audio": value} if isinstance(value, (list, tuple)) else value


LowercaseWords = Annotated[tuple[str, ...], BeforeValidator(_as_words)]


class TrackTokens(BaseModel):
    """Words before a track's number, such as the V of `news_V1` and the A of `news_A1`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    video: LowercaseWords = tokens.VIDEO_TRACK_TOKENS
    audio: LowercaseWords = tokens.AUDIO_TRACK_TOKENS


class Profile(BaseModel):
    """Rules of one storage; every key is optional, and a given list replaces the default list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extensions: dict[MediaClass, LowercaseWords] = Field(default_factory=dict)
    """Extensions by class, beside the built-in table: `{"video": ["foo"]}` adds or moves `.foo`."""
    case_sensitive: bool = True
    """Whether names that differ only in case are different names, as on POSIX."""
    min_frames: int = Field(default=2, ge=1)
    """Minimum of numbered images in a sequence; fewer are stills."""
    photos: Literal["stills", "auto", "sequences"] = "auto"
    """`auto`: pictures with a format or name of photo cameras are stills; `stills`: all photo formats; `sequences`: no
    picture."""
    hidden: Literal["ignored", "files"] = "ignored"
    """Whether names with a leading dot are ignored, or files like any other."""
    subframes: bool = True
    """Whether `name.0001.25.ext` is one sequence where both numbers vary."""
    eye_tokens: tuple[Annotated[tuple[str, str], BeforeValidator(_as_words)], ...] = tokens.EYE_TOKENS
    """Pairs of words, the left eye first."""
    camera_tokens: LowercaseWords = tokens.CAMERA_TOKENS
    """Words before a camera's letter or number."""
    track_tokens: Annotated[TrackTokens, BeforeValidator(_as_tracks)] = TrackTokens()
    """Words before a track's number, for `video` and `audio`."""
    rendition_tokens: LowercaseWords = tokens.RENDITION_TOKENS
    """Words that mark renditions, the best first."""
    rendition_dirs: LowercaseWords = islands.RENDITION_DIRS
    """Names of folders with renditions of the files beside the folder."""
    caption_dirs: LowercaseWords = islands.CAPTION_DIRS
    """Names of folders with captions of the files beside the folder."""
    original_rank: Annotated[tuple[LowercaseWords, ...], BeforeValidator(_as_ranks)] = ORIGINAL_RANK
    """Containers from camera to web; those of equal rank are in one list."""
    cards: bool = True
    """Whether camera cards and camera names are read."""
    packages: bool = True
    """Whether IMF and DCP packages are read."""
    versions: Literal["separate", "asset"] = "separate"
    """`asset`: versions of one name (`_v03`, `_v04`) are formats of one asset, the latest first."""
    parts: Literal["separate", "asset"] = "separate"
    """`asset`: `part1`, `part2` (or `cd1`, `cd2`) of one name are one recording."""
    settle_seconds: float = Field(default=0.3, ge=0)
    """Quiet time before an island is grouped."""
    orphan_after_seconds: float = Field(default=60, ge=0)
    """Time that a caption or sidecar waits for its host before it becomes an asset."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load a profile from a JSON or TOML file; raises ProfileError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ProfileError(f"profile {str(path)!r}: {error.strerror}") from error
        try:
            text = content.decode()
            values = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
        except ValueError as error:
            raise ProfileError(f"profile {str(path)!r} is neither JSON nor TOML: {error}") from error
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ProfileError(f"profile {str(path)!r}: {describe_profile_faults(error)}") from error

    @cached_property
    def class_of(self) -> dict[bytes, str]:
        """Media class by extension (lower case, without dot)."""
        table = class_of_extensions()
        for media_class, words in self.extensions.items():
            table.update((word.encode(), media_class) for word in words)
        return table

    @cached_property
    def attached_dirs(self) -> frozenset[bytes]:
        """Folder names of renditions, captions and views in this profile."""
        eyes = (eye for pair in self.eye_tokens for eye in pair)
        return frozenset(word.encode() for word in (*self.rendition_dirs, *self.caption_dirs, *eyes))

    @cached_property
    def rank_of(self) -> dict[bytes, int]:
        """Rank by container extension; lower is closer to the original."""
        return {word.encode(): rank for rank, words in enumerate(self.original_rank) for word in words}


def describe_profile_faults(error: ValidationError) -> str:
    """Return the faults of a profile, each with its key."""
    faults = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        known = f" (known: {', '.join(sorted(Profile.model_fields))})" if "." not in key else ""
        if fault["type"] == "extra_forbidden":
            faults.append(f"unknown key {key!r}{known}")
        else:
            faults.append(f"key {key!r}: {fault['msg']}")
    return "; ".join(faults)


DEFAULT_PROFILE = Profile()
