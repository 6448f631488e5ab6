"""Files that break off: their container says how long it is, and the file ends before that.

An index at the front hides it: the header of half an MP4 has the duration of the whole. Nothing is read but the heads
of the outermost parts.
"""

import os

MAX_BOXES_LOOKED_AT = 64
BOX_HEADER_BYTES = 16
CHUNK_FILES = {b"RIFF": "little", b"RIFX": "big", b"FORM": "big"}
"""Beginnings of files in chunks, and the order of bytes in the size that follows."""
LONG_CHUNK_FILES = (b"RF64", b"BW64")
LONG_SIZE_PLACE = 20
UNKNOWN_CHUNK_SIZES = (0, 0xFFFFFFFF, 0x7FFFFFFF)
"""What recorders leave there that never came to write it."""
MAX_CHUNK_SURPLUS_BYTES = 8
"""Some programs count the size with its own header."""
EBML_MAGIC, MATROSKA_SEGMENT_START = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def count_missing_bytes(descriptor: int, head: bytes, demuxer: str, size: int) -> int:
    """Return how many bytes a file of `size` bytes lacks at its end, as its container says; 0 if none, or unknown."""
    if head[:4] in CHUNK_FILES or head.startswith(LONG_CHUNK_FILES):
        end = find_chunks_end(head)
    elif head.startswith(EBML_MAGIC):
        end = find_segment_end(head)
    elif "mov" in demuxer.split(","):
        end = _boxes_end(descriptor, size)
    else:
        end = 0
    return max(0, end - size)


def find_chunks_end(head: bytes) -> int:
    """Return where the chunks of a RIFF or IFF file end, at the least; 0 if that is unknown."""
    if head.startswith(LONG_CHUNK_FILES):
        return int.from_bytes(head[LONG_SIZE_PLACE : LONG_SIZE_PLACE + 8], "little")
    said = int.from_bytes(head[4:8], "big" if CHUNK_FILES[head[:4]] == "big" else "little")
    return 0 if said in UNKNOWN_CHUNK_SIZES else said + 8 - MAX_CHUNK_SURPLUS_BYTES


def _boxes_end(descriptor: int, size: int) -> int:
    """Return where the last of the outermost boxes ends."""
    place = 0
    for _ in range(MAX_BOXES_LOOKED_AT):
        head = os.pread(descriptor, BOX_HEADER_BYTES, place)
        if len(head) < 8:
            return 0
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == BOX_HEADER_BYTES:
            length = int.from_bytes(head[8:], "big")
        if length < 8 or not head[4:8].isalnum():  # 0: up to the end of the file
            return 0
        place += length
        if place >= size:
            return place
    return 0


def find_segment_end(head: bytes) -> int:
    """Return where the segment of a Matroska file ends; 0 if its size is unknown, as in a live recording."""
    place = head.find(MATROSKA_SEGMENT_START, 0, 256) + len(MATROSKA_SEGMENT_START)
    first = head[place] if len(MATROSKA_SEGMENT_START) <= place < len(head) else 0
    length = 9 - first.bit_length()
    number = head[place : place + length]
    if length > 8 or len(number) < length:
        return 0
    unknown = (1 << 7 * length) - 1
    value = int.from_bytes(number, "big") & unknown
    return 0 if value == unknown else place + length + value
