"""Card layouts of camera makers: patterns that assign paths to clips. Data to read and extend.

Paths are matched case-insensitively below the card's root. `id` names the clip; `place`, where a maker numbers clips
per folder, distinguishes equal ids. Roles: `part` of the picture, `sound`, `rendition`, `sidecar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardPathPattern:
    """Pattern of one kind of path on a card."""

    role: str
    pattern: re.Pattern[bytes]


@dataclass(frozen=True, slots=True)
class CardLayout:
    """Card layout of one maker."""

    name: str
    root: bytes
    """The card root's own name or the first folder below it, in lower case; `*.rdc` for a suffix."""
    rows: tuple[CardPathPattern, ...]


def _card(name: str, root: str, *rows: tuple[str, str]) -> CardLayout:
    compiled = (
        CardPathPattern(role, re.compile(pattern.encode(), re.IGNORECASE | re.DOTALL)) for role, pattern in rows
    )
    return CardLayout(name, root.encode(), tuple(compiled))


CARD_LAYOUTS: tuple[CardLayout, ...] = (
    _card(
        "P2 card",
        "contents",
        ("part", r"CONTENTS/VIDEO/(?P<id>[^/]{6})\.(?:MXF|MP4|MOV)"),
        ("sound", r"CONTENTS/AUDIO/(?P<id>[^/]{6})\d\d\.(?:MXF|WAV)"),
        ("rendition", r"CONTENTS/PROXY/(?P<id>[^/]{6})\.(?:MP4|MOV|MXF)"),
        ("sidecar", r"CONTENTS/(?:CLIP|PROXY)/(?P<id>[^/]{6})\.(?:XML|BIN)"),
        ("sidecar", r"CONTENTS/ICON/(?P<id>[^/]{6})\.(?:BMP|JPG|PNG)"),
        ("sidecar", r"CONTENTS/VOICE/(?P<id>[^/]{6})\d\d\.(?:WAV|MXF)"),
    ),
    _card(
        "Canon XF card",
        "contents",
        ("part", r"CONTENTS/(?P<place>CLIPS\d{3})/(?P<id>[^/]{6})/(?P=id)\d\d\.(?:MXF|MP4)"),
        ("sidecar", r"CONTENTS/(?P<place>CLIPS\d{3})/(?P<id>[^/]{6})/(?P=id)(?:\d\d)?\.(?!MXF|MP4)[^./]+"),
    ),
    _card(
        "Sony XAVC card",
        "m4root",
        ("part", r"CLIP/(?P<id>[^/]+)\.(?:MP4|MXF)"),
        ("rendition", r"SUB/(?P<id>[^/]+)S\d\d\.(?:MP4|MXF)"),
        ("sidecar", r"CLIP/(?P<id>[^/]+?)(?:[MRI]\d\d)?\.(?:XML|BIM|PPN|KLV)"),
        ("sidecar", r"THMBNL/(?P<id>[^/]+)T\d\d\.JPG"),
    ),
    _card(
        "XDCAM disc",
        "xdroot",
        ("part", r"CLIP/(?P<id>[^/]+)\.MXF"),
        ("rendition", r"SUB/(?P<id>[^/]+)S\d\d\.(?:MXF|MP4)"),
        ("sidecar", r"CLIP/(?P<id>[^/]+?)(?:[MRI]\d\d)?\.(?:XML|KLV|BIM|PPN|SMI)"),
        ("sidecar", r"(?:THMBNL|SUB)/(?P<id>[^/]+)[TM]\d\d\.(?:JPG|XML)"),
    ),
    _card(
        "XDCAM EX card",
        "bpav",
        ("part", r"CLPR/(?P<id>[^/]+)/(?P=id)\.(?:MP4|MXF)"),
        ("sidecar", r"CLPR/(?P<id>[^/]+)/(?P=id)(?:[MRI]\d\d)?\.(?:SMI|XML|BIM|PPN)"),
    ),
    _card(
        "AVCHD card",
        "bdmv",
        ("part", r"STREAM/(?P<id>\d{5})\.(?:MTS|M2TS)"),
        ("sidecar", r"CLIPINF/(?P<id>\d{5})\.(?:CPI|CLPI)"),
    ),
)

XDCAM_DISC = next(card for card in CARD_LAYOUTS if card.name == "XDCAM disc")
"""Its folder names are common words: without XDROOT above, only a clip with a second file is recognised."""

CAMERA_VIDEO_NAMES = re.compile(
    rb"(?P<gopro>G(?P<codec>[HXS])\d\d(?P<gopro_id>\d{4})\.(?:mp4|360|mov))"
    rb"|(?P<old_gopro>(?:GOPR|GP\d\d)(?P<old_id>\d{4})\.mp4)"
    rb"|(?P<gopro_3d>3D_(?P<eye>[LR])(?P<eye_id>\d{4}\.(?:mp4|jpg)))"
    rb"|(?P<tesla>(?P<time>\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)-"
    rb"(?P<camera>front|back|left_repeater|right_repeater|left_pillar|right_pillar)\.mp4)",
    re.IGNORECASE,
)
RED_PART = re.compile(rb"(?P<id>.+)_\d{3}\.r3d", re.IGNORECASE | re.DOTALL)
RED_REFERENCE = re.compile(rb"(?P<id>.+?)(?:_\d{3}|_[FHMP])?\.(?:mov|mxf|mp4)", re.IGNORECASE | re.DOTALL)
RED_SIDECAR = re.compile(rb"(?P<id>.+?)(?:_\d{3})?\.(?:rmd|rtn|cdl|cube)", re.IGNORECASE | re.DOTALL)
GOPRO_SIDECAR = re.compile(rb"G(?P<codec>[HXSL])\d\d(?P<id>\d{4})\.(?:thm|lrv)", re.IGNORECASE)
OLD_GOPRO_SIDECAR = re.compile(rb"(?:GOPR|GP\d\d)(?P<id>\d{4})\.(?:thm|lrv)", re.IGNORECASE)
TESLA_SIDECAR = b"event.json"
