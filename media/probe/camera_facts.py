"""Facts about how something was recorded, in one form for stills and clips: camera, lens, time and place."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from media.probe.header_values import clean_text, without_empty

ISO_6709 = re.compile(r"^([+-]\d{2}(?:\.\d+)?)([+-]\d{3}(?:\.\d+)?)([+-]\d+(?:\.\d+)?)?")
CLIP_TAGS = {
    "make": ("com.apple.quicktime.make", "make", "com.android.manufacturer"),
    "model": ("com.apple.quicktime.model", "model", "com.android.model"),
    "lens": ("com.apple.quicktime.camera.lens_model", "lens", "lens_model"),
    "captured_at": ("com.apple.quicktime.creationdate", "date_recorded", "date"),
    "location": ("com.apple.quicktime.location.iso6709", "location", "com.android.location"),
}
"""Tags of QuickTime, MP4 and Matroska by what they say, in the order of preference; in lower case."""


def camera_name(make: str, model: str) -> str:
    """Return one name of a camera; models often begin with the name of their maker."""
    is_repeated = model.lower().startswith(make.lower().split(" ")[0]) if make else True
    return clean_text(model if model and is_repeated else f"{make} {model}")


def read_clip_tags(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return camera, lens, time and place out of the tags of a clip."""
    by_name = {name.lower(): value for name, value in tags.items()}
    found = {
        fact: next((by_name[name] for name in names if by_name.get(name)), "") for fact, names in CLIP_TAGS.items()
    }
    return without_empty(
        {
            "camera": camera_name(found["make"], found["model"]),
            "camera_make": found["make"],
            "camera_model": found["model"],
            "lens": found["lens"],
            "captured_at": parse_moment(found["captured_at"]),
            "location": parse_iso_6709(found["location"]),
        }
    )


def parse_iso_6709(text: str) -> dict[str, float] | None:
    """Return the place of a text such as `+48.1374+011.5755+519/`; None if it is none on Earth."""
    found = ISO_6709.match(text)
    if found is None:
        return None
    latitude, longitude, altitude = (float(part) if part else None for part in found.groups())
    assert latitude is not None
    assert longitude is not None
    return build_location(latitude, longitude, altitude)


def build_location(latitude: float, longitude: float, altitude: float | None) -> dict[str, float] | None:
    """Return a place in degrees and metres; None if it is none on Earth."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None
    place = {"latitude": round(latitude, 7), "longitude": round(longitude, 7)}
    return place if altitude is None or math.isnan(altitude) else place | {"altitude": round(altitude, 2)}


def parse_moment(text: str, zone: str = "") -> str | None:
    """Return a time in ISO 8601, with its zone if it is known; None for a text that is no whole time.

    EXIF separates the date with colons, and names the zone elsewhere.
    """
    text = text.strip().rstrip("\0")
    if re.match(r"^\d{4}:\d{2}:\d{2} ", text):
        text = text[:10].replace(":", "-") + "T" + text[11:]
    try:
        found = datetime.fromisoformat(text)
        with_zone = found if found.tzinfo or not zone.strip() else datetime.fromisoformat(f"{text}{zone.strip()}")
    except ValueError:
        return None
    return None if len(text) < len("2026-01-02T03:04") else with_zone.isoformat()
