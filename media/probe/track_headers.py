"""Headers of tracks that FFmpeg keeps to itself: orientation, and code and size of pictures without a decoder.

PyAV shows the size of a stream only through its decoder, and a display matrix only with a decoded picture. MOV and MP4
have both in a few boxes; AVI and Matroska have code and size.
"""

import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from media.probe.orientation import Orientation, orientation_of_matrix

MAX_MOVIE_BYTES = 16 << 20
"""Of the box that describes a movie; that of two hours takes five."""
HEAD_BYTES = 64 << 10
MAX_TOP_BOXES = 200
HOLDERS = (b"trak", b"mdia", b"minf", b"stbl")
EBML_SEGMENT, EBML_TRACKS, EBML_TRACK, EBML_CODEC = 0x18538067, 0x1654AE6B, 0xAE, 0x86
EBML_VIDEO, EBML_WIDTH, EBML_HEIGHT = 0xE0, 0xB0, 0xBA
EBML_PROJECTION, EBML_YAW, EBML_ROLL = 0x7670, 0x7673, 0x7675
ORIENTATIONS_BY_ROLL = {
    (0, 0): Orientation.UPRIGHT,
    (0, 90): Orientation.COUNTERCLOCKWISE,
    (0, -90): Orientation.CLOCKWISE,
    (0, 180): Orientation.HALF_TURN,
    (0, -180): Orientation.HALF_TURN,
    (180, 0): Orientation.MIRROR,
    (180, 90): Orientation.TRANSPOSE,
    (180, -90): Orientation.TRANSVERSE,
    (180, 180): Orientation.FLIP,
    (180, -180): Orientation.FLIP,
}
"""Orientation by yaw and roll in degrees, as FFmpeg writes a display matrix into Matroska."""


@dataclass(slots=True)
class TrackHeader:
    """What the container says about a track."""

    code: str = ""
    width: int = 0
    height: int = 0
    orientation: Orientation = Orientation.UPRIGHT

    @property
    def size(self) -> dict[str, int]:
        """Width and height as facts, if they are known."""
        return {"width": self.width, "height": self.height} if self.width and self.height else {}


def read_track_headers(descriptor: int, container: str) -> list[TrackHeader]:
    """Return the tracks of a file in their order; none of a container that is not read here."""
    if "mov" in container:
        return _read_movie(descriptor)
    if container == "avi":
        return _read_avi(os.pread(descriptor, HEAD_BYTES, 0))
    if "matroska" in container:
        return _read_matroska(os.pread(descriptor, HEAD_BYTES, 0))
    return []


def _read_movie(descriptor: int) -> list[TrackHeader]:
    place, end = 0, os.fstat(descriptor).st_size
    for _ in range(MAX_TOP_BOXES):
        head = os.pread(descriptor, 16, place)
        if len(head) < 8:
            return []
        size, kind = struct.unpack_from(">I4s", head)
        size = struct.unpack_from(">Q", head, 8)[0] if size == 1 and len(head) == 16 else size or end - place
        if kind == b"moov":
            movie = os.pread(descriptor, min(size, MAX_MOVIE_BYTES), place)
            return [_read_track(movie, *track) for kind, *track in _boxes(movie, 8, len(movie)) if kind == b"trak"]
        if size < 8:
            return []
        place += size
    return []


def _boxes(data: bytes, place: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, beginning and end of each box's content."""
    while place + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, place)
        if size < 8 or place + size > end:
            return
        yield kind, place + 8, place + size
        place += size


def _read_track(data: bytes, begin: int, end: int) -> TrackHeader:
    track = TrackHeader()
    pending = [(begin, end)]
    while pending:
        for kind, start, stop in _boxes(data, *pending.pop()):
            if kind in HOLDERS:
                pending.append((start, stop))
            elif kind == b"tkhd":
                matrix = start + (52 if data[start] == 1 else 40)
                if matrix + 20 <= stop:
                    a, b, _, c, d = struct.unpack_from(">5i", data, matrix)
                    track.orientation = orientation_of_matrix(a, b, c, d)
            elif kind == b"stsd" and start + 52 <= stop:
                track.code = _code_text(data[start + 12 : start + 16])
                track.width, track.height = struct.unpack_from(">HH", data, start + 40)
    return track


def _code_text(code: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 else "" for byte in code)


def _read_avi(head: bytes) -> list[TrackHeader]:
    tracks: list[TrackHeader] = []
    place = head.find(b"strh")
    while 0 <= place <= len(head) - 12:
        (size,) = struct.unpack_from("<I", head, place + 4)
        form = place + 8 + size
        track = TrackHeader()
        if head[place + 8 : place + 12] == b"vids" and head[form : form + 4] == b"strf" and len(head) >= form + 28:
            track.width, height = struct.unpack_from("<ii", head, form + 12)
            track.height, track.code = abs(height), _code_text(head[form + 24 : form + 28])
        tracks.append(track)
        place = head.find(b"strh", place + 4)
    return tracks


def _read_matroska(head: bytes) -> list[TrackHeader]:
    segment = next((span for code, *span in _elements(head, 0, len(head)) if code == EBML_SEGMENT), None)
    if segment is None:
        return []
    tracks = next((span for code, *span in _elements(head, *segment) if code == EBML_TRACKS), None)
    found: list[TrackHeader] = []
    for code, *span in _elements(head, *tracks) if tracks is not None else ():
        if code == EBML_TRACK:
            track = TrackHeader()
            for part, start, stop in _elements(head, *span):
                if part == EBML_CODEC:
                    track.code = _code_text(head[start:stop])
                if part == EBML_VIDEO:
                    parts = {one: (at, to) for one, at, to in _elements(head, start, stop)}
                    sizes = {one: int.from_bytes(head[slice(*span)], "big") for one, span in parts.items()}
                    track.width, track.height = sizes.get(EBML_WIDTH, 0), sizes.get(EBML_HEIGHT, 0)
                    track.orientation = _read_projection(head, *parts.get(EBML_PROJECTION, (0, 0)))
            found.append(track)
    return found


def _read_projection(head: bytes, place: int, end: int) -> Orientation:
    angles = {one: _read_float(head[at:to]) for one, at, to in _elements(head, place, end)}
    key = round(angles.get(EBML_YAW, 0.0)), round(angles.get(EBML_ROLL, 0.0))
    return ORIENTATIONS_BY_ROLL.get(key, Orientation.UPRIGHT)


def _read_float(data: bytes) -> float:
    """Return a float of four or eight bytes; 0 for any other, and for those that are no number."""
    value = struct.unpack({4: ">f", 8: ">d"}[len(data)], data)[0] if len(data) in (4, 8) else 0.0
    return float(value) if math.isfinite(value) else 0.0


def _elements(data: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield code, beginning and end of each EBML element; the last one may be cut."""
    while place < end:
        code_bytes = 9 - data[place].bit_length()
        size_place = place + code_bytes
        if code_bytes > 4 or size_place >= end:
            return
        size_bytes = 9 - data[size_place].bit_length()
        begin = size_place + size_bytes
        if size_bytes > 8 or begin > end:
            return
        size = int.from_bytes(data[size_place:begin], "big") & ((1 << 7 * size_bytes) - 1)
        yield int.from_bytes(data[place:size_place], "big"), begin, min(end, begin + size)
        place = begin + size
