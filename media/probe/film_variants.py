"""Reasons why a film frame (EXR, DPX) has no decoder, read from its header, for the sentence that people see."""

import struct

from media.probe.frame_headers import DPX_MAGICS, EXR_COMPRESSIONS, read_frame_header
from media.sandbox.exr_windows import EXR_DEEP_FLAG, EXR_MAGIC

DECODED_EXR_COMPRESSIONS = EXR_COMPRESSIONS[: EXR_COMPRESSIONS.index("dwab") + 1]
DPX_DESCRIPTORS = {
    0: "undefined components",
    1: "only red",
    2: "only green",
    3: "only blue",
    4: "only alpha",
    6: "only luma",
    7: "only colour difference",
    8: "only depth",
    9: "composite video",
    100: "CbYCrY",
    101: "CbYACrYA",
    102: "CbYCr",
    103: "CbYCrA",
}
"""Components of an image element other than RGB and RGBA, by the code of SMPTE 268."""


def explain_frame(head: bytes) -> str | None:
    """Return why a film frame that no decoder took is special, completing "cannot be shown: …"; None if its header says
    nothing special, or it is no film frame."""
    if head[:4] == EXR_MAGIC:
        return _explain_exr(head)
    if head[:4] in DPX_MAGICS and len(head) >= 2048:
        return _explain_dpx(head, DPX_MAGICS[head[:4]])
    return None


def _explain_exr(head: bytes) -> str | None:
    facts = read_frame_header(head)
    names = facts.get("channel_names", [])
    compression = facts.get("compression")
    if len(head) >= 8 and struct.unpack_from("<I", head, 4)[0] & EXR_DEEP_FLAG:
        return "it holds deep samples, several for each pixel"
    if compression is not None and compression not in DECODED_EXR_COMPRESSIONS:
        return f"it is compressed with {compression}, which has no decoder here"
    if names and not {"R", "G", "B", "Y"} & set(names):
        return f"it has no channel R, G, B or Y, only {', '.join(names[:12])}"
    if {"RY", "BY"} & set(names):
        return "its colours are stored as luminance and chroma, which has no decoder here"
    if names and not {"R", "G", "B"} <= set(names) and "Y" not in names:
        return f"of the channels R, G and B it has only {', '.join(name for name in names if name in 'RGB')}"
    return None


def _explain_dpx(head: bytes, order: str) -> str | None:
    descriptor, bits = head[800], head[803]
    packing, encoding = struct.unpack_from(f"{order}HH", head, 804)
    if encoding == 1:
        return "its DPX data are run-length encoded, which has no decoder here"
    if descriptor in DPX_DESCRIPTORS:
        return f"it holds {DPX_DESCRIPTORS[descriptor]} in {bits} bits, which has no decoder here"
    if packing == 0 and bits in (10, 12):
        return f"its {bits}-bit components are packed without padding, which has no decoder here"
    return None
