"""Scaling for browsers: upright, square pixels, limited width, as JPEG or PNG."""

import base64
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from media.sandbox.protocol import UnreadableError

if TYPE_CHECKING:
    import av

JPEG_PIXEL_FORMAT = "yuvj420p"
JPEG_MIN_QUANTISER, JPEG_MAX_QUANTISER = 2, 5
"""JPEG quantisers, about quality 90 in editors."""
WAVE_WIDTH, WAVE_HEIGHT = 1280, 320
WAVE_COLOR = "0x4a90d9"
TRANSPOSE_DIRECTIONS = {90: "clock", -270: "clock", 270: "cclock", -90: "cclock"}
PICTURE_TIME_BASE = Fraction(1, 25)


def pixel_aspect_ratio(stream: "av.VideoStream") -> Fraction:
    """Return the pixel aspect ratio of the stream; square if unspecified."""
    ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return Fraction(ratio) if ratio else Fraction(1)


def scale_picture(picture: "av.VideoFrame", aspect: Fraction, widest: int) -> "av.VideoFrame":
    """Return the picture upright and scaled down to `widest`, in JPEG color: full range, BT.601.

    `aspect` is the pixel aspect ratio of the source; the result has square pixels.
    """
    import av  # noqa: PLC0415

    width, height = _scaled_size(picture, aspect, widest)
    matrix = av.video.reformatter.Colorspace
    unsaid = int(picture.colorspace) == COLORSPACE_UNSPECIFIED
    source = None if not unsaid else (matrix.ITU709 if picture.height >= HD_MIN_LINES else matrix.ITU601)
    # One thread: each of a strip's 60 pictures keeps the threads that scaled it, 8 MB per processor of the machine.
    scaled = picture.reformat(
        width=width,
        height=height,
        format=JPEG_PIXEL_FORMAT,
        src_colorspace=source,
        dst_colorspace=matrix.ITU601,
        threads=1,
    )
    return _rotate(scaled, -round(picture.rotation)) if picture.rotation else scaled


COLORSPACE_UNSPECIFIED, HD_MIN_LINES = 2, 720


def _scaled_size(picture: "av.VideoFrame", aspect: Fraction, widest: int) -> tuple[int, int]:
    """Return an even size; portrait pictures are limited in height as landscape ones in width."""
    wide = max(1, round(picture.width * aspect))
    scale = min(1.0, widest / max(wide, picture.height))
    return (_even(wide * scale), _even(picture.height * scale))


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)


def _rotate(picture: "av.VideoFrame", degrees: int) -> "av.VideoFrame":
    if degrees in TRANSPOSE_DIRECTIONS:
        return _apply_filter([picture], "transpose", TRANSPOSE_DIRECTIONS[degrees])
    if abs(degrees) == 180:
        return _apply_filter([_apply_filter([picture], "hflip", "")], "vflip", "")
    return picture


def tile_pictures(tiles: Sequence["av.VideoFrame"], columns: int) -> "av.VideoFrame":
    """Tile pictures into one, row by row; a picture of another size is scaled to fit."""
    width, height = tiles[0].width, tiles[0].height
    fitting = [
        tile
        if (tile.width, tile.height) == (width, height)
        else tile.reformat(width, height, JPEG_PIXEL_FORMAT, threads=1)
        for tile in tiles
    ]
    return _apply_filter(fitting, "tile", f"{columns}x{-(-len(tiles) // columns)}")


def _apply_filter(pictures: Sequence["av.VideoFrame"], name: str, arguments: str) -> "av.VideoFrame":
    """Apply an FFmpeg filter to pictures of one size."""
    import av  # noqa: PLC0415

    first = pictures[0]
    graph = av.filter.Graph()
    pixels = av.VideoFormat(JPEG_PIXEL_FORMAT)
    source = graph.add_buffer(width=first.width, height=first.height, format=pixels, time_base=PICTURE_TIME_BASE)
    step, sink = graph.add(name, arguments or None), graph.add("buffersink")
    source.link_to(step)
    step.link_to(sink)
    graph.configure()
    for place, picture in enumerate(pictures):
        picture.pts, picture.time_base = place, PICTURE_TIME_BASE
        graph.vpush(picture)
    graph.vpush(None)
    return graph.vpull()


def encode_jpeg(picture: "av.VideoFrame") -> bytes:
    """Encode as JPEG."""
    import av  # noqa: PLC0415

    codec = av.CodecContext.create("mjpeg", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, JPEG_PIXEL_FORMAT
    codec.time_base, codec.qmin, codec.qmax, codec.color_range = (
        PICTURE_TIME_BASE,
        JPEG_MIN_QUANTISER,
        JPEG_MAX_QUANTISER,
        2,
    )
    picture.pts, picture.time_base = 0, PICTURE_TIME_BASE
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])


def draw_waveform(container: "av.container.InputContainer", stream: "av.AudioStream") -> dict[str, Any]:
    """Draw the waveform of the whole sound, on a transparent background."""
    import av  # noqa: PLC0415

    graph = av.filter.Graph()
    source = graph.add_abuffer(template=stream)
    drawn = graph.add("showwavespic", f"s={WAVE_WIDTH}x{WAVE_HEIGHT}:colors={WAVE_COLOR}")
    sink = graph.add("buffersink")
    source.link_to(drawn)
    drawn.link_to(sink)
    graph.configure()
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
        "data": base64.b64encode(_encode_png(graph.vpull())).decode(),
    }


def _encode_png(picture: "av.VideoFrame") -> bytes:
    import av  # noqa: PLC0415

    codec = av.CodecContext.create("png", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = picture.width, picture.height, "rgba", PICTURE_TIME_BASE
    return b"".join(bytes(packet) for packet in [*codec.encode(picture), *codec.encode(None)])
