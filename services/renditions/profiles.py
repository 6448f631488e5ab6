"""Transcode profiles: the built-in one, and those of the operator's file.

The file is TOML or equivalent JSON with one table per profile. Missing keys default to those of `web`; a table named
`web` replaces the built-in profile.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from media.renditions.encoder_settings import DEFAULT_LONG_SIDE, DEFAULT_SHORT_SIDE, EncoderSettings
from services.core.errors import ValidationFailed

WEB_PROFILE = "web"
MAX_SIDE_PIXELS = 16_384
PROFILE_NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{0,39}"

ProfileName = Annotated[str, Field(pattern=f"^{PROFILE_NAME_PATTERN}$")]
SidePixels = Annotated[int, Field(ge=16, le=MAX_SIDE_PIXELS)]


class TranscodeProfilesError(Exception):
    """The profiles file is invalid; the text names the file, the profile and the key."""


class TranscodeProfile(BaseModel):
    """Settings of one kind of rendition. Unknown keys are rejected by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    codec: Literal["h264", "h265", "prores"] = "h264"
    width: SidePixels = DEFAULT_LONG_SIDE
    """With `height` the maximum size of a landscape picture, swapped for portrait; pictures are never enlarged."""
    height: SidePixels = DEFAULT_SHORT_SIDE
    burn_in: Literal["none", "frame", "timecode"] = "none"
    audio: Literal["stereo", "mono", "5.1", "none"] = "stereo"

    @property
    def recipe(self) -> EncoderSettings:
        """Encoder settings of the profile."""
        return EncoderSettings(self.codec, self.width, self.height, self.burn_in, self.audio)


TranscodeProfiles = Mapping[str, TranscodeProfile]
BUILT_IN_PROFILES: TranscodeProfiles = MappingProxyType({WEB_PROFILE: TranscodeProfile()})
PROFILES_ADAPTER = TypeAdapter(dict[ProfileName, TranscodeProfile])


def load_transcode_profiles(path: Path | None) -> TranscodeProfiles:
    """Load the built-in profile and those of a file. Raises TranscodeProfilesError if the file is invalid."""
    if path is None:
        return BUILT_IN_PROFILES
    try:
        content = path.read_bytes()
        said = json.loads(content) if path.suffix.lower() == ".json" else tomllib.loads(content.decode())
        return MappingProxyType({**BUILT_IN_PROFILES, **PROFILES_ADAPTER.validate_python(said)})
    except OSError as error:
        raise TranscodeProfilesError(f'profiles "{path}": cannot be read ({error.strerror})') from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise TranscodeProfilesError(f'profiles "{path}": {problems}') from None
    except ValueError as error:
        raise TranscodeProfilesError(f'profiles "{path}": {error}') from None


def find_transcode_profile(profiles: TranscodeProfiles, name: str) -> TranscodeProfile:
    """Return the profile of this name. Raises ValidationFailed if it does not exist."""
    if name not in profiles:
        raise ValidationFailed(
            "profile", f'"{name[:80]}" is no rendition profile; known are {", ".join(sorted(profiles))}'
        )
    return profiles[name]
