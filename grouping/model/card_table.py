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
        ("sidecar", r"CONTENTS/(?:CLIP|PROXY)/(?P<id>[^/]{6})\.(?:XML|XMP|BIN)"),
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
        ("sidecar", r"CLIP/(?P<id>[^/]+?)(?:[MRI]\d\d)?\.(?:XML|XMP|BIM|PPN|KLV)"),
        ("sidecar", r"THMBNL/(?P<id>[^/]+)T\d\d\.JPG"),
    ),
    _card(
        "XDCAM disc",
        "xdroot",
        ("part", r"CLIP/(?P<id>[^/]+)\.MXF"),
        ("part", r"CLIP/(?-i:(?P<id>[A-Z0-9_-]*\d{4}))\.MP4"),
        ("rendition", r"SUB/(?P<id>[^/]+)S\d\d\.(?:MXF|MP4)"),
        ("sidecar", r"(?:CLIP|LOCAL)/(?P<id>[^/]+?)(?:[CMRI]\d\d)?\.(?:XML|XMP|KLV|BIM|PPN|SMI)"),
        ("sidecar", r"(?:THMBNL|SUB)/(?P<id>[^/]+)[TM]\d\d\.(?:JPG|XML)"),
    ),
    _card(
        "XDCAM EX card",
        "bpav",
        ("part", r"CLPR/(?P<id>[^/]+)/(?P=id)\.(?:MP4|MXF)"),
        ("sidecar", r"CLPR/(?P<id>[^/]+)/(?P=id)(?:[MRI]\d\d)?\.(?:SMI|XML|XMP|BIM|PPN)"),
    ),
    _card(
        "AVCHD card",
        "bdmv",
        ("part", r"STREAM/(?P<id>\d{5})\.(?:MTS|M2TS)"),
        ("sidecar", r"CLIPINF/(?P<id>\d{5})\.(?:CPI|CLPI)"),
    ),
)

XDCAM_DISC = next(card for card in CARD_LAYOUTS if card.name == "XDCAM disc")
"""Its folder names are common words: without XDROOT or M4ROOT above, only a clip with a second file is recognised."""
LOOSE_CARD_DIRS = frozenset(b"clip sub thmbnl".split())
"""Its folders that also mean something without the folder above them, where a card was copied in part."""

FLAT_CARD = _card(
    "card without its folders",
    "",
    ("part", r"(?P<id>VTS_\d\d)_\d\.VOB"),
    ("sidecar", r"(?P<id>VTS_\d\d)_0\.(?:IFO|BUP)"),
    ("rendition", r"(?-i:(?P<id>[A-Z0-9_-]*\d{4})S0\d)\.(?:MXF|MP4)"),
    ("sidecar", r"(?-i:(?P<id>[A-Z0-9_-]*\d{4})T\d\d)\.JPG"),
    ("sound", r"(?-i:(?P<id>\d{4}[0-9A-Z]{2})\d\d)\.MXF"),
)
"""Names that mean the same in any folder: a DVD's title sets, and what belongs to the clip `id` of Sony and P2."""
FLAT_CARD_EXTENSIONS = frozenset({b".vob", b".ifo", b".bup", b".mxf"})
FLAT_CARD_CLIPS = frozenset({b".mxf", b".mp4"})

CARD_PAPERS = re.compile(
    rb"(?:mediapro|discmeta|cueup|discinfo|alias)\.(?:xml|bup)|lastclip\.txt|status\.bin|index\.(?:mif|bdmv?)|journal\d*\.mif"
    rb"|video_ts\.(?:ifo|bup)|movieobj(?:ect)?\.bdmv?|sonycard\.ind|(?-i:INDEX(?:\.(?:XML|BUP|RSV))?)|.+\.(?:mhl|ale)",
    re.IGNORECASE | re.DOTALL,
)
"""Files about a whole card, disc or reel."""
PAPER_EXTENSIONS = frozenset(b"ale bdm bdmv bin bup clpi cpi ifo ind index mhl mif mpl mpls rsv txt xml".split())
"""Extensions of papers; a name without one counts as its own extension."""
BDMV_PAPERS = re.compile(rb".*bdmv/(?:(?:backup|auxdata|meta)/.*|playlist/[^/]*\.mpls?)", re.IGNORECASE | re.DOTALL)
PAPER_DIR = b"ascmhl"
"""A folder of manifests about the folder that holds it."""

CAMERA_VIDEO_NAMES = re.compile(
    rb"(?P<gopro>G(?P<codec>[HXS])\d\d(?P<gopro_id>\d{4})\.(?:mp4|360|mov))"
    rb"|(?P<old_gopro>(?:GOPR|GP\d\d)(?P<old_id>\d{4})\.mp4)"
    rb"|(?P<gopro_3d>3D_(?P<eye>[LR])(?P<eye_id>\d{4}\.(?:mp4|jpg)))"
    rb"|(?P<insta360>(?P<take>(?:PRO_)?VID_\d{8}_\d{6})_(?P<lens>00|10)(?P<serial>_\d+)\.insv)"
    rb"|(?P<tesla>(?P<time>\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d)-"
    rb"(?P<camera>front|back|left_repeater|right_repeater|left_pillar|right_pillar)\.mp4)",
    re.IGNORECASE,
)
RED_PART = re.compile(rb"(?P<id>.+)_\d{3}\.r3d", re.IGNORECASE | re.DOTALL)
RED_REFERENCE = re.compile(rb"(?P<id>.+?)(?:_\d{3}|_[FHMP])?\.(?:mov|mxf|mp4)", re.IGNORECASE | re.DOTALL)
RED_SIDECAR = re.compile(rb"(?P<id>.+?)(?:_\d{3})?\.(?:rmd|rtn|cdl|cube)", re.IGNORECASE | re.DOTALL)
GOPRO_SIDECAR = re.compile(rb"G(?P<codec>[HXSL])\d\d(?P<id>\d{4})\.(?:thm|lrv)", re.IGNORECASE)
OLD_GOPRO_SIDECAR = re.compile(rb"(?:GOPR|GP\d\d)(?P<id>\d{4})\.(?:thm|lrv)", re.IGNORECASE)
INSTA360_LOW = re.compile(
    rb"(?P<pro>(?:PRO_)?)LRV(?P<time>_\d{8}_\d{6})_\d\d(?P<serial>_\d+)\.(?:insv|mp4|lrv)", re.IGNORECASE
)
TESLA_SIDECAR = b"event.json"
