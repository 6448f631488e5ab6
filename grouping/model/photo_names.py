"""Names that cameras, phones and screen grabbers give to photographs. Data to read and extend.

A name alone decides whether a numbered picture is a photograph or a frame, never its neighbours, so that no arrival
turns one into the other.
"""

from __future__ import annotations

import re
from functools import lru_cache

from grouping.model import extensions
from grouping.model.islands import card_root

COMMON_PREFIXES = "IMG_ IMG_E IMG- DSC DSC_ DSCF DSCN _DSC PXL_ DJI_ GOPR MVIMG_"
MAKER_PREFIXES = """
_IMG _MG_ CRW_ STA_ STB_ STC_ DSCR _DSF _NIK IMGP _IGP PANA SAM_ SDC SNC HPIM CIMG PICT RIMG SDIM _SDI SANY KICX KIF_
EPSN GEDC FLIR DCP_ IMAG GPFR GPBK GS__ MAX_ YUN PANO_ WP_ FB_IMG_ received_ Snapchat-
"""
"""What stands before the number in names of cameras and phones; the common ones are also written in lower case."""


def _any_of(words: str) -> bytes:
    return b"|".join(re.escape(word.encode()) for word in words.split())


_COMMON_NAME = re.compile(rb"(?:%s)\d{3}|P[0-9A-C]\d{6}(?!\d)" % _any_of(COMMON_PREFIXES), re.IGNORECASE)
_MAKER_NAME = re.compile(
    # Panasonic, Olympus and Leica count the month or the folder behind a letter; GoPro its bursts, Canon its bodies.
    rb"(?:%s)\d{3}|[PL_][0-9A-C]\d{6}(?!\d)|[BGR]\d{7}(?!\d)|[A-Z0-9_][A-Z0-9]\dA\d{4}(?!\d)"
    % _any_of(COMMON_PREFIXES + MAKER_PREFIXES)
)
_DATE_AND_TIME = re.compile(
    rb"(?<!\d)(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])(?:[-_. T]{0,3}|[ _-]at[ _-])"
    rb"(?:[01]\d|2[0-3])[-_.: ]?[0-5]\d[-_.: ]?[0-5]\d(?:\d{3})?\D*\Z",
    re.IGNORECASE,
)
_OTHER_PHOTO = re.compile(
    rb"-WA\d{4}|\(\d+\)\Z|screen[ _-]?(?:shot|cap|grab)|^(?:vlcsnap|mpv-shot|scr-\d{8})"
    + "|bildschirmfoto|capture d.{1,3}écran|captura de |schermata|schermafbeelding|zrzut ekranu|skärm(?:avbild|bild)"
    "|skærmbillede|snímek obrazovky|снимок экрана|スクリーンショット|截屏|截图|屏幕截图|屏幕快照|스크린샷".encode(),
    re.IGNORECASE,
)
_DCF_FILE = re.compile(rb"[A-Z0-9_]{4}\d{4}")
_DCF_FOLDER = re.compile(rb"[1-9]\d\d[A-Za-z0-9_]{5}")
_DCF_MAKERS = re.compile(
    rb"[1-9]\d\d(?:CANON|MSDCF|NIKON|NCD..|OLYMP|_FUJI|_PANA|APPLE|GOPRO|PENTX|LEICA|SIGMA|RICOH|CASIO|HASBL|PHOTO)"
)
_PAGE = re.compile(rb"(?<![a-z])(?:page|scan|folio|sheet)s?[ ._#-]*\Z", re.IGNORECASE)
MIN_JPEG_FRAME_DIGITS = 4
"""`Wedding-001.jpg` is a photograph, `render_0001.jpg` a frame."""


@lru_cache(maxsize=65536)
def holds_stills(folder: bytes, photos: str) -> bool:
    """Return whether a folder's images are photographs (DCF) or a card's own pictures, never frames."""
    if card_root(folder) is not None:
        return True
    above, _, last = folder.rpartition(b"/")
    is_dcf = _DCF_FOLDER if above.rpartition(b"/")[2].upper() == b"DCIM" else _DCF_MAKERS
    return photos != "sequences" and is_dcf.fullmatch(last) is not None


@lru_cache(maxsize=65536)
def _is_below_dcim(folder: bytes) -> bool:
    return b"DCIM" in folder.upper().split(b"/")


@lru_cache(maxsize=65536)
def is_page_prefix(prefix: bytes) -> bool:
    """Return whether the number after this text counts pages."""
    return _PAGE.search(prefix) is not None


def is_photograph_name(folder: bytes, stem: bytes, prefix: bytes, width: int, extension: bytes) -> bool:
    """Return whether a numbered picture is a photograph by its name.

    Args:
        prefix: the stem before its last number, which has `width` digits.
    """
    if extension in extensions.PHOTO_ONLY_EXTENSIONS or is_page_prefix(prefix):
        return True
    if extension not in extensions.PHOTO_BY_NAME_EXTENSIONS:
        return False
    is_dotted = prefix.endswith((b".", b".-"))
    is_jpeg = extension in extensions.JPEG_EXTENSIONS
    if not is_dotted and (
        (is_jpeg and width < MIN_JPEG_FRAME_DIGITS)
        or _MAKER_NAME.match(stem) is not None
        # Renderers write `img_0001.png`, cameras `IMG_0001.PNG`; both write `img_0001.jpg`.
        or ((is_jpeg or extension == b"dng") and _COMMON_NAME.match(stem) is not None)
    ):
        return True
    if extension == b"dng":
        # Cinema cameras write frames as DNG, under names with a date too.
        return _DCF_FILE.fullmatch(stem) is not None or _OTHER_PHOTO.search(stem) is not None
    return _is_below_dcim(folder) or _DATE_AND_TIME.search(stem) is not None or _OTHER_PHOTO.search(stem) is not None
