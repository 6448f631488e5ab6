"""Scaling and rotation of pictures: upright, square pixels, limited width; as JPEG or PNG for browsers."""

import base64
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

from media.sandbox.protocol import UnreadableError

JPEG_PIXEL_FORMAT = "yuvj420p"
JPEG_MIN_QUANTISER, JPEG_MAX_QUANTISER = 2, 5
"""JPEG quantisers, about quality 90 in editors."""
WAVE_WIDTH, WAVE_HEIGHT = 1280, 320
WAVE_COLOR = "0x4a90d9"
TRANSPOSE_DIRECTIONS = {90: "clock", -270: "clock", 270: "cclock", -90: "cclock"}
PICTURE_TIME_BASE = Fraction(1, 25)
COLORSPACE_UNSPECIFIED, HD_MIN_LINES = 2, 720


class Rotation:
    """Rotates consecutive pictures of one size, from a camera held sideways."""

    def __init__(self, degrees: int) -> None:
        self.keeps_orientation = abs(degrees) == 180
        self._steps: list[tuple[str, str | None]] = (
            [("hflip", None), ("vflip", None)]
            if self.keeps_orientation
            else [("transpose", TRANSPOSE_DIRECTIONS[degrees])]
        )
        self._graph: av.filter.Graph | None = None
        self._count = 0

    def turned(self, picture: av.VideoFrame) -> av.VideoFrame:
        """Return the picture upright."""
        if self._graph is None:
            self._graph = build_picture_filter(picture, *self._steps)
        picture.pts, picture.time_base = self._count, PICTURE_TIME_BASE
        self._count += 1
        self._graph.vpush(picture)
        return self._graph.vpull()


def find_rotation(picture: av.VideoFrame) -> Rotation | None:
    """Return the rotation that makes a picture upright, as flagged in its file; None if it is already."""
    degrees = -round(picture.rotation)
    return Rotation(degrees) if degrees in TRANSPOSE_DIRECTIONS or abs(degrees) == 180 else None


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
    """Return the pixel aspect ratio of the stream; square if unspecified."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(ratio) if ratio else Fraction(1)


def scale_picture(picture: av.VideoFrame, aspect: Fraction, widest: int) -> av.VideoFrame:
    """Return the picture upright and scaled down to `widest`, in JPEG color: full range, BT.601.

    `aspect` is the pixel aspect ratio of the source; the result has square pixels.
    """
    width, height = _scaled_size(picture, aspect, widest)
    # One thread: each of a strip's 60 pictures keeps the threads that scaled it, 8 MB per processor of the machine.
    scaled = picture.reformat(
        width=width,
        height=height,
        format=JPEG_PIXEL_FORMAT,
        src_colorspace=guess_colorspace(picture),
        dst_colorspace=av.video.reformatter.Colorspace.ITU601,
        threads=1,
    )
    rotation = find_rotation(picture)
    return scaled if rotation is None else rotation.turned(scaled)


def _scaled_size(picture: av.VideoFrame, aspect: Fraction, widest: int) -> tuple[int, int]:
    """Return an even size; portrait pictures are limited in height as landscape ones in width."""
    wide = max(1, round(picture.width * aspect))
    scale = min(1.0, widest / max(wide, picture.height))
    return (_even(wide * scale), _even(picture.height * scale))


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)


def tile_pictures(tiles: Sequence[av.VideoFrame], columns: int) -> av.VideoFrame:
    """Tile pictures into one, row by row; a picture of another size is scaled to fit."""
    width, height = tiles[0].width, tiles[0].height
    fitting = [
        tile
        if (tile.width, tile.height) == (width, height)
        else tile.reformat(width, height, JPEG_PIXEL_FORMAT, threads=1)
        for tile in tiles
    ]
    graph = build_picture_filter(fitting[0], ("tile", f"{columns}x{-(-len(tiles) // columns)}"))
    for place, picture in enumerate(fitting):
        picture.pts, picture.time_base = place, PICTURE_TIME_BASE
        graph.vpush(picture)
    graph.vpush(None)
    return graph.vpull()


def encode_jpeg(picture: av.VideoFrame) -> bytes:
    """Encode as JPEG."""
    codec = av.CodecContext.create("mjpeg", "w")
    codec.qmin, codec.qmax, codec.color_range = JPEG_MIN_QUANTISER, JPEG_MAX_QUANTISER, 2
    return _encode_still(codec, picture, JPEG_PIXEL_FORMAT)


def draw_waveform(container: av.container.InputContainer, stream: av.AudioStream) -> dict[str, Any]:
    """Draw the waveform of the whole sound, on a transparent background."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    drawn = graph.add("showwavespic", f"s={WAVE_WIDTH}x{WAVE_HEIGHT}:colors={WAVE_COLOR}")
    graph.link_nodes(source, drawn, graph.add("buffersink")).configure()
    heard = 0
    try:
        for sound in container.decode(stream):
            graph.push(sound)
            heard += sound.samples
    except av.error.InvalidDataError:
        pass  # draw the part before the damage
    if not heard:
        raise UnreadableError("holds no sound that can be decoded")
    graph.push(None)
    return {
        "type": "POSTER",
        "media_type": "image/png",
        "width": WAVE_WIDTH,
        "height": WAVE_HEIGHT,
        "details": {"waveform": True},
        "data": base64.b64encode(_encode_still(av.CodecContext.create("png", "w"), graph.vpull(), "rgba")).decode(),
    }


def _encode_still(codec: av.VideoCodecContext, picture: av.VideoFrame, pixel_format: str) -> bytes:
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, pixel_format
    codec.time_base = PICTURE_TIME_BASE
    picture.pts, picture.time_base = 0, PICTURE_TIME_BASE
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])
