"""Headers of EXR and DPX frames: timecode, reel, rate and channels, which FFmpeg reports only after decoding.

Decoding one 4K frame costs a hundred times as much as reading its header, and three frames of every sequence are read.
Both formats are plain tables; parsing stops at the first invalid entry and keeps the values before it.
"""

import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from media.sandbox.exr_windows import EXR_MAGIC, iter_exr_attributes, read_exr_text

FRAME_HEADER_BYTES = 64 << 10
DPX_MAGICS = {b"SDPX": ">", b"XPDS": "<"}
MAX_FRAME_HEADER_BYTES = 8 << 20
"""Read of an EXR frame whose header is longer: it may contain a large preview or a whole script."""
EXR_COMPRESSIONS = (
    *("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"),
    *("htj2k256", "htj2k32"),
)
DPX_TRANSFERS = {1: "printing density", 2: "linear", 3: "logarithmic", 5: "smpte274m", 6: "bt709", 7: "bt601"}
MAX_RATE_ROUNDING = 0.0045
"""23.98 is 0.004 from 24000/1001, which is 0.024 from 24."""
DPX_UNDEFINED = 0xFFFFFFFF
DPX_SIZE_OFFSET = 772
MAX_EXR_CHANNELS = 200


def read_frame_head(descriptor: int) -> bytes:
    """Read the first bytes of a file, at least its header if it is an EXR or DPX frame."""
    head = os.pread(descriptor, FRAME_HEADER_BYTES, 0)
    if head[:4] == EXR_MAGIC and len(head) == FRAME_HEADER_BYTES and _exr_end(head) is None:
        return os.pread(descriptor, MAX_FRAME_HEADER_BYTES, 0)
    return head


def read_frame_header(head: bytes) -> dict[str, Any]:
    """Parse the first bytes of an EXR or DPX file; empty for any other format."""
    if head[:4] == EXR_MAGIC:
        return _read_exr(head)
    if head[:4] in DPX_MAGICS:
        return _read_dpx(head, DPX_MAGICS[head[:4]])
    return {}


def fraction_text(rate: Fraction) -> str:
    """Return a rate as written in files: `24000/1001`, `25/1`."""
    return f"{rate.numerator}/{rate.denominator}"


def decode_smpte_timecode(bits: int) -> str | None:
    """Decode SMPTE 12M timecode bits (BCD); None if a digit is invalid."""
    hours, minutes, seconds, frames = (bits >> 24 & 0x3F), (bits >> 16 & 0x7F), (bits >> 8 & 0x7F), bits & 0x3F
    if any(part & 15 > 9 for part in (hours, minutes, seconds, frames)):
        return None
    return f"{hours:02x}:{minutes:02x}:{seconds:02x}{';' if bits & 0x40 else ':'}{frames:02x}"


def _read_exr(head: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, kind, offset, size in iter_exr_attributes(head):
        value = head[offset : offset + size]
        if name == "channels":
            facts["channel_names"] = list(_exr_channels(value))
        elif name == "compression" and value and value[0] < len(EXR_COMPRESSIONS):
            facts["compression"] = EXR_COMPRESSIONS[value[0]]
        elif name == "timeCode" and len(value) == 8:
            facts["timecode_start"] = decode_smpte_timecode(struct.unpack_from("<I", value)[0])
        elif name == "framesPerSecond" and len(value) == 8:
            over, under = struct.unpack("<iI", value)
            if over > 0 and under > 0:
                facts["file_frame_rate"] = fraction_text(Fraction(over, under))
        elif name in ("dataWindow", "displayWindow") and len(value) == 16:
            facts["data_window" if name == "dataWindow" else "display_window"] = list(struct.unpack("<4i", value))
        elif kind == "string" and name in EXR_TEXTS:
            facts[EXR_TEXTS[name]] = value.decode("utf-8", "replace")
        elif name == "multiView" and kind == "stringvector":
            facts["views"] = list(_exr_texts(value))
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def frame_size(head: bytes, facts: dict[str, Any]) -> dict[str, int]:
    """Return the size of a film frame without a decoder: of EXR that of its display window."""
    if "display_window" in facts:
        left, top, right, bottom = facts["display_window"]
        return {"width": right - left + 1, "height": bottom - top + 1}
    if head[:4] in DPX_MAGICS and len(head) >= DPX_SIZE_OFFSET + 8:
        width, height = struct.unpack_from(f"{DPX_MAGICS[head[:4]]}II", head, DPX_SIZE_OFFSET)
        return {"width": width, "height": height} if DPX_UNDEFINED not in (width, height) else {}
    return {}


EXR_TEXTS = {
    "reelName": "reel",
    "owner": "owner",
    "comments": "comments",
    "capDate": "captured_at",
    "cameraModel": "camera",
    "imageCounter": "image_counter",
    "colorInteropID": "color_space",
}


def _exr_end(head: bytes) -> int | None:
    """Return the offset behind the attributes of the first part; None if the header breaks off before."""
    end = max((one.offset + one.size for one in iter_exr_attributes(head)), default=8)
    return end + 1 if end < len(head) and head[end] == 0 else None


def _exr_channels(value: bytes) -> Iterator[str]:
    place = 0
    for _ in range(MAX_EXR_CHANNELS):
        name, place = read_exr_text(value, place)
        if not name:
            return
        yield name
        place += 16


def _exr_texts(value: bytes) -> Iterator[str]:
    place = 0
    while place + 4 <= len(value):
        (size,) = struct.unpack_from("<I", value, place)
        yield value[place + 4 : place + 4 + size].decode("utf-8", "replace")
        place += 4 + size


def _read_dpx(head: bytes, order: str) -> dict[str, Any]:
    if len(head) < 2048:
        return {}
    facts: dict[str, Any] = {
        "creator": _dpx_text(head, 160, 100),
        "input_device": _dpx_text(head, 1556, 32),
    }
    transfer = head[801]
    if transfer in DPX_TRANSFERS:
        facts["file_transfer"] = DPX_TRANSFERS[transfer]
    (bits,) = struct.unpack_from(f"{order}I", head, 1920)
    if bits != DPX_UNDEFINED:
        facts["timecode_start"] = decode_smpte_timecode(bits)
    for place in (1940, 1724):
        (rate,) = struct.unpack_from(f"{order}f", head, place)
        if 1 <= rate <= 1000:  # an undefined one reads as NaN
            facts.setdefault("file_frame_rate", fraction_text(_known_rate(rate)))
    return {name: value for name, value in facts.items() if value not in (None, "", [])}


def _known_rate(rate: float) -> Fraction:
    """Return a rate that was rounded to a decimal: 23.976 is 24000/1001."""
    slowed = Fraction(round(rate * 1.001) * 1000, 1001)
    return slowed if abs(rate - slowed) < MAX_RATE_ROUNDING else Fraction(rate).limit_denominator(1001)


def _dpx_text(head: bytes, place: int, size: int) -> str:
    """Read a text field of fixed size; undefined ones are filled with 0xFF."""
    return head[place : place + size].split(b"\0")[0].replace(b"\xff", b"").decode("ascii", "replace").strip()
