"""Encoder settings of a rendition: codec, maximal size, burn-in and audio layout.

Plain values, because they are passed into a sandboxed process; their origin (the built-in profile, the operator's file)
does not matter there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_LONG_SIDE, DEFAULT_SHORT_SIDE = 1920, 1080


@dataclass(frozen=True, slots=True)
class CodecSettings:
    """A video codec with its container and audio codec."""

    encoder: str
    pixel_format: str
    container: str
    extension: str
    audio_encoder: str
    options: Mapping[str, str] = field(default_factory=dict)
    large_options: Mapping[str, str] = field(default_factory=dict)
    """Of pictures larger than HD."""
    tag: str | None = None
    container_options: Mapping[str, str] = field(default_factory=dict)


FASTSTART = {"movflags": "+faststart"}
"""Write the index before the pictures, so that a browser can start to play before it has the whole file."""
RENDITION_CODECS: dict[str, CodecSettings] = {
    "h264": CodecSettings(
        *("libx264", "yuv420p", "mp4", "mp4", "aac"),
        # Every browser and phone decodes this profile and level; a keyframe every two seconds makes seeking fast.
        options={"preset": "veryfast", "crf": "23", "profile": "high"},
        # Of 10 pictures that x264 would look ahead, one of 4K has 25 MB.
        large_options={"rc-lookahead": "6"},
        container_options=FASTSTART,
    ),
    "h265": CodecSettings(
        *("libx265", "yuv420p", "mp4", "mp4", "aac"),
        options={"preset": "fast", "crf": "26", "x265-params": "log-level=none"},
        tag="hvc1",
        container_options=FASTSTART,
    ),
    "prores": CodecSettings("prores_ks", "yuv422p10le", "mov", "mov", "pcm_s16le", options={"profile": "proxy"}),
}


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How a rendition is encoded; `widest` and `highest` apply to landscape pictures, and are swapped for portrait."""

    codec: str = "h264"
    widest: int = DEFAULT_LONG_SIDE
    highest: int = DEFAULT_SHORT_SIDE
    burn: str = "none"
    audio: str = "stereo"

    @property
    def is_large(self) -> bool:
        """Whether pictures may be larger than HD."""
        return self.widest * self.highest > DEFAULT_LONG_SIDE * DEFAULT_SHORT_SIDE

    @property
    def writing(self) -> CodecSettings:
        """Settings of the codec."""
        return RENDITION_CODECS[self.codec]


def fit_size(width: int, height: int, recipe: EncoderSettings) -> tuple[int, int]:
    """Return the size of a picture in a rendition: even, same aspect ratio, never enlarged."""
    box = (recipe.widest, recipe.highest) if width >= height else (recipe.highest, recipe.widest)
    scale = min(1.0, box[0] / width, box[1] / height)
    # Round down: otherwise an odd size would grow, and one at the limit exceed it.
    return max(2, int(width * scale + 1e-6) // 2 * 2), max(2, int(height * scale + 1e-6) // 2 * 2)
