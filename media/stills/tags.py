"""Tags inside stills: EXIF, IPTC and XMP, as facts of the file.

Where several say the same, XMP wins, then IPTC: editors write those, and leave EXIF as the camera wrote it.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from media.probe.camera_facts import build_location, camera_name, parse_moment
from media.probe.header_values import clean_nested, clean_text, without_empty
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import parse_xml
from media.sidecars.xmp import is_xmp, read_xmp
from media.stills.picture import StillPicture

EXIF_DIRECTORY, GPS_DIRECTORY = 0x8769, 0x8825
MAX_KEYWORDS = 500
MAX_XMP_BYTES = 4 << 20
IPTC_TEXTS = {
    "title": (2, 5),
    "keywords": (2, 25),
    "creator": (2, 80),
    "city": (2, 90),
    "country": (2, 101),
    "headline": (2, 105),
    "credit": (2, 110),
    "rights": (2, 116),
    "description": (2, 120),
}
XMP_TEXTS = {
    "title": "dc:title",
    "keywords": "dc:subject",
    "creator": "dc:creator",
    "city": "photoshop:City",
    "country": "photoshop:Country",
    "headline": "photoshop:Headline",
    "credit": "photoshop:Credit",
    "rights": "dc:rights",
    "description": "dc:description",
    "rating": "xmp:Rating",
    "label": "xmp:Label",
}
EXIF_TEXTS = {"description": 270, "creator": 315, "rights": 33432}
LISTED = ("keywords",)
IPTC_UTF8 = b"\x1b%G"


def read_still_tags(still: StillPicture) -> dict[str, Any]:
    """Return what the tags say: camera, lens, exposure, time and place, and texts below `tags`."""
    try:
        exif = {**still.exif, **still.exif.get_ifd(EXIF_DIRECTORY)}
        place = still.exif.get_ifd(GPS_DIRECTORY)
    except Exception:  # a damaged directory raises errors of any type, and hides no picture
        exif, place = {}, {}
    texts = {
        **{name: text for name, text in still.texts.items() if name.lower() in ("title", "description", "comment")},
        **{name: _text(exif.get(tag)) for name, tag in EXIF_TEXTS.items() if _text(exif.get(tag))},
        **_read_iptc(still.iptc),
        **_read_xmp(still.xmp),
    }
    return without_empty({**_read_camera(exif), "location": _read_place(place), "tags": _clean_texts(texts)})


def _clean_texts(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Clean texts and lists of texts by lower-case name."""
    return without_empty({name.lower(): clean_nested(value) for name, value in texts.items()})


def _read_camera(exif: Mapping[int, Any]) -> dict[str, Any]:
    make, model = _text(exif.get(271)), _text(exif.get(272))
    exposure = _number(exif.get(33434))
    moment = _text(exif.get(36867)) or _text(exif.get(36868)) or _text(exif.get(306))
    iso = exif.get(34855)
    return {
        "camera": camera_name(make, model),
        "camera_make": make,
        "camera_model": model,
        "lens": _text(exif.get(42036)),
        "exposure_time": _exposure_text(exposure),
        "f_number": _rounded(_number(exif.get(33437))),
        "iso": int(_number(iso[0] if isinstance(iso, tuple) and iso else iso) or 0) or None,
        "focal_length": _rounded(_number(exif.get(37386))),
        "captured_at": parse_moment(moment, _text(exif.get(36881)) or _text(exif.get(36880))),
    }


def _read_place(gps: Mapping[int, Any]) -> dict[str, float] | None:
    latitude, longitude = _degrees(gps.get(2)), _degrees(gps.get(4))
    if latitude is None or longitude is None:
        return None
    latitude *= -1 if _text(gps.get(1)).upper() == "S" else 1
    longitude *= -1 if _text(gps.get(3)).upper() == "W" else 1
    altitude = _number(gps.get(6))
    is_below = gps.get(5) in (1, b"\x01")
    return build_location(latitude, longitude, -altitude if altitude is not None and is_below else altitude)


def _degrees(parts: Any) -> float | None:
    """Return degrees of degrees, minutes and seconds."""
    numbers = [_number(part) for part in parts] if isinstance(parts, tuple) else []
    if not numbers or any(number is None for number in numbers):
        return None
    return float(sum((number or 0.0) / 60**place for place, number in enumerate(numbers[:3])))


def _number(value: Any) -> float | None:
    """Return a number; None for rationals over zero, and what is no number."""
    try:
        found = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None


def _rounded(value: float | None) -> float | None:
    return None if not value else round(value, 2)


def _exposure_text(seconds: float | None) -> str | None:
    """Return an exposure time as cameras show it: `1/250`, `2.5`."""
    if not seconds or seconds < 0:
        return None
    if seconds < 0.4:
        return f"1/{round(1 / seconds)}"
    return f"{Fraction(seconds).limit_denominator(10).__float__():g}"


def _text(value: Any) -> str:
    found = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return clean_text(found.split("\0")[0]) if isinstance(found, str) else ""


def _read_iptc(iptc: Mapping[tuple[int, int], Any]) -> dict[str, Any]:
    is_utf8 = iptc.get((1, 90)) == IPTC_UTF8
    found: dict[str, Any] = {}
    for name, key in IPTC_TEXTS.items():
        values = iptc.get(key)
        texts = [_iptc_text(one, is_utf8) for one in (values if isinstance(values, list) else [values]) if one]
        if texts:
            found[name] = texts[:MAX_KEYWORDS] if name in LISTED else ", ".join(texts)
    return found


def _iptc_text(value: bytes, is_utf8: bool) -> str:
    """Decode a text, which is UTF-8 more often than its record says."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8" if is_utf8 else "latin-1", "replace")


def _read_xmp(packet: bytes) -> dict[str, Any]:
    if not packet or len(packet) > MAX_XMP_BYTES:
        return {}
    try:
        root = parse_xml(packet.strip(b"\0 \t\r\n"))
        words: Mapping[str, Any] = read_xmp(root).words if is_xmp(root) else {}
    except UnreadableError:
        return {}
    found: dict[str, Any] = {}
    for name, key in XMP_TEXTS.items():
        texts = [str(one) for one in words.get(key, ()) if one not in (None, "")]
        if texts:
            found[name] = texts[:MAX_KEYWORDS] if name in LISTED else ", ".join(texts)
    return found
