"""EXR frames whose display window does not begin at 0,0, of which FFmpeg decodes black pictures.

FFmpeg (8.1) places pixels by their coordinates, but makes the picture as large as the display window. So such a frame
is handed to it with all coordinates moved: those of both windows, and the line that each block of lines begins with.
"""

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

EXR_MAGIC = b"\x76\x2f\x31\x01"
EXR_TILED_FLAG, EXR_DEEP_FLAG, EXR_PARTS_FLAG = 0x200, 0x800, 0x1000
"""Of the version field. Tiles count from the corner of the data window, so nothing but the windows is moved."""
EXR_HEAD_BYTES = 64 << 10
LINES_OF_BLOCK = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Lines in a block, by the code of the compression."""


class ExrAttribute(NamedTuple):
    """An attribute of a header, and where its value is."""

    name: str
    kind: str
    offset: int
    size: int


def iter_exr_attributes(head: bytes) -> Iterator[ExrAttribute]:
    """Yield the attributes of the first part, up to the first that is invalid or cut."""
    place = 8
    while place < len(head):
        name, place = read_exr_text(head, place)
        kind, after = read_exr_text(head, place)
        if not name or not kind or after + 4 > len(head):
            return
        (size,) = struct.unpack_from("<I", head, after)
        if after + 4 + size > len(head):
            return
        yield ExrAttribute(name, kind, after + 4, size)
        place = after + 4 + size


def read_exr_text(data: bytes, place: int) -> tuple[str, int]:
    """Return the text up to a NUL within 256 bytes and the offset behind it; empty if there is no NUL."""
    end = data.find(b"\0", place, place + 256)
    return ("", len(data)) if end < 0 else (data[place:end].decode("utf-8", "replace"), end + 1)


def move_exr_to_origin(descriptor: int) -> bytes | None:
    """Return the frame with its display window at 0,0; None if it is there already, or is no frame of one part."""
    head = os.pread(descriptor, EXR_HEAD_BYTES, 0)
    if head[:4] != EXR_MAGIC or len(head) < 8:
        return None
    (version,) = struct.unpack_from("<I", head, 4)
    attributes = {one.name: one for one in iter_exr_attributes(head)}
    windows = [attributes.get(name) for name in ("displayWindow", "dataWindow", "compression")]
    if version & (EXR_DEEP_FLAG | EXR_PARTS_FLAG) or None in windows:
        return None
    display, data, compression = (one for one in windows if one is not None)
    if (display.size, data.size, compression.size) != (16, 16, 1):
        return None
    left, top, _, _ = struct.unpack_from("<4i", head, display.offset)
    if left == top == 0:
        return None
    content = bytearray(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    _, first, _, last = struct.unpack_from("<4i", content, data.offset)
    if top and not version & EXR_TILED_FLAG:
        lines = LINES_OF_BLOCK.get(content[compression.offset], 1)
        end = max(one.offset + one.size for one in attributes.values()) + 1
        _move_blocks(content, end, -(-(last - first + 1) // lines), top)
    for window in (display, data):
        x0, y0, x1, y1 = struct.unpack_from("<4i", content, window.offset)
        struct.pack_into("<4i", content, window.offset, x0 - left, y0 - top, x1 - left, y1 - top)
    return bytes(content)


def _move_blocks(content: bytearray, table: int, count: int, by: int) -> None:
    """Subtract from the line of each block that the table of offsets names."""
    for place in range(table, min(table + 8 * count, len(content) - 7), 8):
        (offset,) = struct.unpack_from("<Q", content, place)
        if table <= offset <= len(content) - 4:
            (line,) = struct.unpack_from("<i", content, offset)
            struct.pack_into("<i", content, offset, line - by)
