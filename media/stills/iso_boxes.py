"""Boxes of ISO files (HEIF, AVIF, CR3, JPEG XL): brands, and boxes by their type."""

import struct
from collections.abc import Iterator

from media.probe.orientation import Orientation

SEQUENCE_BRANDS = (b"msf1", b"hevc", b"hevx", b"hevm", b"hevs")
MAX_BOXES = 1_000
MAX_META_BYTES = 256 << 10
QUARTERS = {1: Orientation.COUNTERCLOCKWISE, 2: Orientation.HALF_TURN, 3: Orientation.CLOCKWISE}


def find_brand(head: bytes) -> str:
    """Return the container of an ISO file of pictures: avif, heic, heif or cr3."""
    brands = _list_brands(head)
    if brands[0] == b"crx ":
        return "cr3"
    if any(brand in (b"avif", b"avis") for brand in brands):
        return "avif"
    return "heic" if any(brand[:2] == b"he" for brand in brands) else "heif"


def has_sequence(head: bytes) -> bool:
    """Whether an ISO file of pictures says that it has a sequence of them beside its main picture."""
    return any(brand in SEQUENCE_BRANDS for brand in _list_brands(head))


def _list_brands(head: bytes) -> list[bytes]:
    (size,) = struct.unpack_from(">I", head)
    return [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)) - 3, 4))]


def find_orientation(head: bytes) -> Orientation:
    """Return the rotation of a HEIF picture by its property `irot`, in counter-clockwise quarters."""
    place = head.find(b"\0\0\0\x09irot")
    return QUARTERS.get(head[place + 8] & 3, Orientation.UPRIGHT) if 0 <= place < len(head) - 8 else Orientation.UPRIGHT


def iter_boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of each box; stops at the first invalid one."""
    place, end = start, len(data) if end is None else end
    for _ in range(MAX_BOXES):
        if place + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, place)
        begin = place + 8
        if size == 1 and place + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, begin)
            begin += 8
        stop = end if size == 0 else place + size
        if stop > end or stop < begin:
            return
        yield kind, data[begin:stop]
        place = stop
