"""What a rendition is made like: its codec, its greatest size, what is burnt into it, how it sounds.

Plain values, because they cross into a confined process; where they come from (the built-in profile, the operator's
file) is no concern of that process.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

LONG_SIDE, SHORT_SIDE = 1920, 1080


@dataclass(frozen=True, slots=True)
class Codec:
    """A way to write pictures, with the container and the sound that go with it."""

    encoder: str
    pixel_format: str
    container: str
    extension: str
    audio_encoder: str
    options: Mapping[str, str] = field(default_factory=dict)
    tag: str | None = None
    container_options: Mapping[str, str] = field(default_factory=dict)


FASTSTART = {"movflags": "+faststart"}
"""The index goes before the pictures, so that a browser starts to play before it has the end."""
CODECS: dict[str, Codec] = {
    "h264": Codec(
        *("libx264", "yuv420p", "mp4", "mp4", "aac"),
        # Profile and level are what every browser and phone decodes; a whole picture every two seconds is for seeking.
        options={"preset": "veryfast", "crf": "23", "profile": "high"},
        container_options=FASTSTART,
    ),
    "h265": Codec(
        *("libx265", "yuv420p", "mp4", "mp4", "aac"),
        options={"preset": "fast", "crf": "26", "x265-params": "log-level=none"},
        tag="hvc1",
        container_options=FASTSTART,
    ),
    "prores": Codec("prores_ks", "yuv422p10le", "mov", "mov", "pcm_s16le", options={"profile": "proxy"}),
}
BURNS = ("none", "frame", "timecode")
LAYOUTS = ("stereo", "mono", "5.1", "none")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a rendition is encoded; `widest` and `highest` are of a picture that lies, and turn with one that stands."""

    codec: str = "h264"
    widest: int = LONG_SIDE
    highest: int = SHORT_SIDE
    burn: str = "none"
    audio: str = "stereo"

    @property
    def writing(self) -> Codec:
        """How the codec is written."""
        return CODECS[self.codec]

    def to_json(self) -> dict[str, Any]:
        """As a request carries it."""
        return asdict(self)


def fitted(width: int, height: int, recipe: Recipe) -> tuple[int, int]:
    """The size of a picture in a rendition: even, with its aspect, never larger than it was."""
    box = (recipe.widest, recipe.highest) if width >= height else (recipe.highest, recipe.widest)
    scale = min(1.0, box[0] / width, box[1] / height)
    # Rounded down: an odd picture would otherwise grow, and one at the limit go beyond it.
    return max(2, int(width * scale + 1e-6) // 2 * 2), max(2, int(height * scale + 1e-6) // 2 * 2)
