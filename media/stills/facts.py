"""Facts of a still picture, in the words of all headers: container, codec, size as shown, pixel format, colour."""

import io
from fractions import Fraction
from functools import lru_cache
from typing import Any

from PIL import ImageCms

from media.probe.frame_headers import fraction_text
from media.probe.header_values import clean_text, without_empty
from media.stills.picture import StillPicture
from media.stills.tags import read_still_tags

StillFacts = dict[str, Any]
MAX_KEPT_PROFILES = 32
MAX_COUNTED_PIXELS = 200_000_000
"""Pixels of an animation that are decoded for its duration: a second or two of processor time."""


def describe_still(still: StillPicture) -> StillFacts:
    """Return the facts of a picture."""
    width, height = still.shown_size
    stream = {
        "index": 0,
        "type": "VIDEO" if still.frames else "IMAGE",
        "codec": still.codec,
        "width": width,
        "height": height,
        "rotation": still.orientation.degrees or None,
        "mirrored": still.orientation.is_mirrored or None,
        "pixel_format": still.pixel_format,
        "bits_per_component": still.bits,
        "color": without_empty({"profile": profile_name(still.profile)}),
    }
    timing = describe_timing(still)
    facts = {
        "container": still.container,
        "pages": still.pages if still.pages > 1 else None,
        "is_animated": still.is_animated or None,
        "duration_milliseconds": timing.get("duration_milliseconds"),
        **read_still_tags(still),
    }
    return without_empty(facts) | {"streams": [without_empty(stream | timing)]}


def describe_timing(still: StillPicture) -> StillFacts:
    """Return number, duration and rate of the pictures of an animation; without duration if it takes long to count."""
    if still.frames is None:
        return {}
    facts: StillFacts = {"frame_count": still.frame_count}
    if still.frame_count * still.width * still.height > MAX_COUNTED_PIXELS:
        return facts
    duration = 0
    for _, milliseconds, _ in still.frames():
        duration += milliseconds
    rate = Fraction(1000 * still.frame_count, duration).limit_denominator(1001)
    return facts | {"duration_milliseconds": duration, "frame_rate": fraction_text(rate)}


@lru_cache(MAX_KEPT_PROFILES)
def profile_name(profile: bytes | None) -> str | None:
    """Return the description of an ICC profile, such as "Adobe RGB (1998)"."""
    if profile is None:
        return None
    try:
        return clean_text(ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))))
    except (ImageCms.PyCMSError, OSError):
        return None
