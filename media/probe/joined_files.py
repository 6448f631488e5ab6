"""Files that were joined end to end, of which a header, and mostly the demuxer too, knows the first part alone."""

import os
import re

from media.probe.truncation import CHUNK_FILES, EBML_MAGIC, LONG_CHUNK_FILES, find_chunks_end, find_segment_end

MAX_JOINED_BOXES = 256
"""Outermost boxes of an MP4 that are looked at: a recording in fragments has two for each second."""
STARTS = re.compile(
    rb"""
    fLaC\x00\x00\x00\x22 | TTA1\x01\x00 | OggS\x00\x02\x00{8} | FLV\x01[\x01\x04\x05]\x00{3}\x09
    | \x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c
    """,
    re.VERBOSE,
)
"""Beginnings of FLAC, TTA, Ogg, FLV and ASF, long enough to be in no content."""
OGG_START, OGG_FURTHER_PAGE = b"OggS\x00\x02", re.compile(rb"OggS\x00[^\x02]", re.DOTALL)
"""The first pages of all streams are at the beginning of a file."""
SUN_AUDIO_START, SUN_AUDIO_UNKNOWN_SIZE = b".snd", 0xFFFFFFFF
MXF_START = bytes.fromhex("060e2b34020501010d0102010102")
MAX_MXF_FOOTER_BYTES = 4 << 20
END_BYTES = 32
"""A byte fills a file up to an even place, and sizes of chunks may count their own header."""
MAX_SEARCHED_BYTES = 256 << 20
"""Of a file that does not say where it ends."""
SEARCH_READ_BYTES = 1 << 20


def count_joined_bytes(descriptor: int, head: bytes, demuxer: str, size: int) -> int:
    """Return how many bytes at the end of a file are another file of its kind; 0 if none, or unknown."""
    if start := STARTS.match(head):
        further = OGG_FURTHER_PAGE.search(head) if head.startswith(OGG_START) else start
        begin = _search(descriptor, start[0], further.start() + 1 if further else len(head), size)
    elif head.startswith(SUN_AUDIO_START):
        begin = _find_start(descriptor, _find_sun_audio_end(head), SUN_AUDIO_START)
    elif head.startswith(MXF_START):
        begin = _find_mxf(descriptor, head)
    elif "mov" in demuxer.split(","):
        begin = _find_movie(descriptor, size)
    elif head.startswith(EBML_MAGIC):
        begin = _find_start(descriptor, find_segment_end(head), EBML_MAGIC)
    elif head[:4] in CHUNK_FILES or head.startswith(LONG_CHUNK_FILES):
        begin = _find_start(descriptor, find_chunks_end(head), head[:4], head[8:12])
    else:
        begin = 0
    return max(0, size - begin) if begin else 0


def _find_start(descriptor: int, end: int, magic: bytes, form: bytes = b"") -> int:
    """Return where another file begins behind the end of the first, or a few bytes later; else 0."""
    found = os.pread(descriptor, END_BYTES, end) if end else b""
    place = found.find(magic)
    return end + place if place >= 0 and found[place + 8 : place + 12].startswith(form) else 0


def _find_sun_audio_end(head: bytes) -> int:
    """Return where the samples of an `.au` end; 0 if that is unknown."""
    begin, size = (int.from_bytes(head[place : place + 4], "big") for place in (4, 8))
    return 0 if size == SUN_AUDIO_UNKNOWN_SIZE else begin + size


def _find_movie(descriptor: int, size: int) -> int:
    """Return where a second box `ftyp` begins behind a movie; else 0."""
    place, has_movie = 0, False
    for _ in range(MAX_JOINED_BOXES):
        head = os.pread(descriptor, 16, place)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if kind == b"ftyp" and has_movie:
            return place
        has_movie = has_movie or kind == b"moov"
        place += length
        if length < 8 or place >= size:
            return 0
    return 0


def _find_mxf(descriptor: int, head: bytes) -> int:
    """Return where a second MXF file begins behind the footer of the first; else 0."""
    length_bytes = 1 + (head[16] & 0x7F if head[16] & 0x80 else 0)
    footer = int.from_bytes(head[16 + length_bytes + 24 : 16 + length_bytes + 32], "big")
    return _search(descriptor, MXF_START, footer, footer + MAX_MXF_FOOTER_BYTES) if footer else 0


def _search(descriptor: int, start: bytes, place: int, end: int) -> int:
    """Return where the beginning of a file is between two places; else 0."""
    kept = b""
    for at in range(place, min(end, place + MAX_SEARCHED_BYTES), SEARCH_READ_BYTES):
        read = kept + os.pread(descriptor, SEARCH_READ_BYTES, at)
        found = read.find(start)
        if found >= 0:
            return at - len(kept) + found
        kept = read[1 - len(start) :]
    return 0
