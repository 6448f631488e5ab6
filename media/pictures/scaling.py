"""Decoded pictures as they are shown: upright, square pixels, limited width."""

import ctypes
import gc
import struct
from fractions import Fraction
from typing import Any, cast

import av
from av.dictionary import Dictionary
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideDataType
from PIL import Image

from media.pictures.thumbnails import fit_sides, flatten_to_srgb, make_upright
from media.probe.orientation import Orientation, orientation_of_matrix
from media.sandbox.ffmpeg_open import is_still

DISPLAY_MATRIX_BYTES = 36
UPRIGHT_FILTERS: dict[Orientation, tuple[tuple[str, str | None], ...]] = {
    Orientation.MIRROR: (("hflip", None),),
    Orientation.HALF_TURN: (("hflip", None), ("vflip", None)),
    Orientation.FLIP: (("vflip", None),),
    Orientation.TRANSPOSE: (("transpose", "cclock_flip"),),
    Orientation.CLOCKWISE: (("transpose", "clock"),),
    Orientation.TRANSVERSE: (("transpose", "clock_flip"),),
    Orientation.COUNTERCLOCKWISE: (("transpose", "cclock"),),
}
FILM_CODECS = ("exr", "dpx")
"""Film frames: their files tell the shape of pixels. Their colours are multiplied with alpha, and shown over black."""
PICTURE_TIME_BASE = Fraction(1, 25)
COLORSPACE_UNSPECIFIED, HD_MIN_LINES = 2, 720


def _take_for_another(_kind: type[SideDataType], _number: object) -> SideDataType:
    return SideDataType.PANSCAN


# PyAV (18.1) fails with "31 is not a valid Type" at side data that it does not know, such as EXIF of FFmpeg 8 (31).
# They are taken for a kind that nothing here reads.
setattr(SideDataType, "_missing_", classmethod(_take_for_another))  # noqa: B010


class UprightFilter:
    """Turns and mirrors consecutive pictures of one size."""

    def __init__(self, orientation: Orientation) -> None:
        self.swaps_sides = orientation.swaps_sides
        self._steps = UPRIGHT_FILTERS.get(orientation, ())
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def apply(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return the picture upright."""
        if not self._steps:
            return picture
        if self._graph is None:
            self._graph = build_picture_filter(picture, *self._steps)
        picture.pts, picture.time_base = self._count, PICTURE_TIME_BASE
        self._count += 1
        self._graph.vpush(picture)
        return self._graph.vpull()


class WhiteBackground:
    """Lays consecutive transparent pictures of one size over white."""

    pixel_format = "yuva444p"

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def apply(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return the picture without transparency."""
        if self._graph is None:
            self._graph = self._build(picture)
        colors = picture.color_range, picture.colorspace
        picture.pts, picture.time_base = self._count, PICTURE_TIME_BASE
        self._count += 1
        self._graph.vpush(picture)
        made = self._graph.vpull()
        made.color_range, made.colorspace = colors
        return made

    def _build(self, first: av.VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=PICTURE_TIME_BASE
        )
        both, white = graph.add("split"), graph.add("drawbox", "color=white:thickness=fill:replace=1")
        over, end = graph.add("overlay", "format=yuv444"), graph.add("buffersink")
        source.link_to(both)
        both.link_to(white, 0, 0)
        white.link_to(over, 0, 0)
        both.link_to(over, 1, 1)
        over.link_to(end)
        graph.configure()
        return graph


def has_alpha(picture: av.VideoFrame, codec: str) -> bool:
    """Whether a picture is transparent; film frames are shown over black, with which their colours are multiplied."""
    return codec not in FILM_CODECS and any(one.is_alpha for one in picture.format.components)


def orientation_of_frame(picture: av.VideoFrame) -> Orientation:
    """Return the orientation of a decoded picture, as its file says."""
    matrix = _side_data(picture, SideDataType.DISPLAYMATRIX)
    if matrix is None or len(matrix) != DISPLAY_MATRIX_BYTES:
        return Orientation.UPRIGHT
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    return orientation_of_matrix(a, b, c, d)


def _side_data(picture: av.VideoFrame, kind: SideDataType) -> bytes | None:
    """Return side data of a picture.

    PyAV (18.1) has two faults here. `picture.side_data` keeps itself and its picture, of 8K 100 MB, in a cycle. And the
    names of side data, which belong to the picture, are freed twice: so they are kept, 64 bytes of each.
    """
    entries: list[Any] = list(cast("Any", SideDataContainer)(picture))  # typed as a mapping, but iterates its values
    for names in (one for entry in entries for one in gc.get_referents(entry) if isinstance(one, Dictionary)):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(names))
    return next((bytes(one) for one in entries if one.type is kind), None)


def build_picture_filter(first: av.VideoFrame, *steps: tuple[str, str | None]) -> av.filter.Graph:
    """Build a chain of FFmpeg filters for pictures like `first`."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=PICTURE_TIME_BASE)
    graph.link_nodes(source, *(graph.add(*step) for step in steps), graph.add("buffersink")).configure()
    return graph


def prepare_still_decoder(stream: av.VideoStream) -> None:
    """Configure the decoder: linear-light EXR gets a display curve."""
    if stream.codec_context.name == "exr":
        stream.codec_context.options = {"apply_trc": "iec61966_2_1"}


def guess_colorspace(picture: av.VideoFrame) -> int | None:
    """Return the matrix that players assume where a picture names none; None if it names one."""
    if int(picture.colorspace) != COLORSPACE_UNSPECIFIED:
        return None
    matrix = av.video.reformatter.Colorspace
    return matrix.ITU709 if picture.height >= HD_MIN_LINES else matrix.ITU601


def pixel_aspect_ratio(stream: av.VideoStream) -> Fraction:
    """Return the pixel aspect ratio of the stream; square if unspecified, and of stills, whose files tell the density
    of a print."""
    if is_still(stream.container) and stream.codec_context.name not in FILM_CODECS:
        return Fraction(1)
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(ratio) if ratio else Fraction(1)


def make_thumbnail(picture: av.VideoFrame, aspect: Fraction, codec: str, widest: int) -> Image.Image:
    """Return a decoded picture as a browser shows it: upright, square pixels, at most `widest`, sRGB, opaque.

    `aspect` is the pixel aspect ratio of the source.
    """
    size = fit_sides(max(1.0, float(picture.width * aspect)), picture.height, widest)
    mode, target = ("RGBA", "rgba") if has_alpha(picture, codec) else ("RGB", "rgb24")
    if picture.format.name.startswith(
        "grayf"
    ):  # swscale (FFmpeg 8.1) expands it on the way to RGB, as if it were video
        mode, target = "L", "yuv444p"
    # One thread: each of a strip's 60 pictures keeps the threads that scaled it, 8 MB per processor of the machine.
    scaled = picture.reformat(*size, target, src_colorspace=guess_colorspace(picture), threads=1)
    plane = scaled.planes[0]
    shown = Image.frombuffer(mode, size, bytes(plane), "raw", mode, plane.line_size, 1)
    flat = flatten_to_srgb(shown, _side_data(picture, SideDataType.ICC_PROFILE))
    return make_upright(flat, orientation_of_frame(picture))
