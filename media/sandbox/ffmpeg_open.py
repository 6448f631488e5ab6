"""Open files with FFmpeg safely: one open descriptor, no other protocol, and only demuxers that read a single file.

A playlist (HLS, concat, DASH, an image pattern, an IMF composition) names other files and URLs, which its demuxer
opens. None of these demuxers is allowed, and only the descriptor can be opened.
"""

import errno
import importlib
import io
import os
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av

from media.sandbox.exr_windows import move_exr_to_origin
from media.sandbox.protocol import DEVICE_ERRNOS, UnreadableError

CONTAINER_FORMATS = """
aac ac3 aiff amr ape asf au av1 avi caf cine dnxhd dsf dts dtshd dv eac3 evc filmstrip flac flv gxf h261
h263 h264 hevc iff ivf loas lxf m4v matroska mjpeg mlp mov mp3 mpc mpc8 mpeg mpegts mpegvideo mv mxf nut obu ogg oma
qcp qoa r3d rm shn sox swf tak truehd tta vc1 vivo vob voc vvc w64 wav webm wtv wv xwma yuv4mpegpipe
"""
STILL_FORMATS = """
apng bmp_pipe dds_pipe dpx_pipe exr_pipe fits gem_pipe gif gif_pipe hdr_pipe ico j2k_pipe jpeg_pipe jpegls_pipe
jpegxl_anim jpegxl_pipe jpegxs_pipe pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgx_pipe phm_pipe photocd_pipe
pictor_pipe png_pipe ppm_pipe psd_pipe qoi_pipe sgi_pipe sunrast_pipe tiff_pipe webp_pipe xbm_pipe xpm_pipe xwd_pipe
"""
DEMUXERS = ",".join(sorted((CONTAINER_FORMATS + STILL_FORMATS).split()))
STILL_DEMUXERS = frozenset(STILL_FORMATS.split()) - {"apng", "gif", "jpegxl_anim"}
DOCUMENT_STARTS = (b"%PDF", b"%!PS", b"\xc5\xd0\xd3\xc6")
"""PDF and PostScript, in which FFmpeg would find a JPEG and take it for a video."""
RAW_PICTURE_FORMATS = frozenset(("mpegvideo", "h261", "h263", "h264", "hevc", "m4v", "vc1", "vvc", "evc"))
"""Streams of pictures without a container, and so without times."""
LAST_READ_BYTES = 1 << 20
MAX_STREAMS = 256
MAX_FRAME_RATE = 1_000
FFMPEG_TIME_BASE = 1_000_000
"""AV_TIME_BASE, the unit of container durations."""


def load_ffmpeg() -> None:
    """Load all of PyAV: it imports parts lazily, which a sandboxed process cannot do.

    A test reads one stream of every kind, to detect parts that are loaded in another way.
    """
    for found in pkgutil.walk_packages(av.__path__, "av."):
        if not found.name.endswith((".__main__", ".datasets")):
            importlib.import_module(found.name)


@contextmanager
def open_container(descriptor: int, demuxer: str | None = None) -> Iterator[av.container.InputContainer]:
    """Open a container over an open file, with the demuxer of that name or the one that its content suggests.

    UnreadableError if FFmpeg does not recognise the content.
    """
    av.logging.set_level(None)
    if os.pread(descriptor, 4, 0) in DOCUMENT_STARTS:
        raise UnreadableError("is a document: pictures inside it are not shown")
    os.lseek(descriptor, 0, os.SEEK_SET)
    options = {
        "fd": str(descriptor),
        "protocol_whitelist": "fd",
        "format_whitelist": DEMUXERS,
        "max_streams": str(MAX_STREAMS),
    }
    moved = move_exr_to_origin(descriptor)
    try:
        if moved is None:
            container = av.open("fd:", "r", format=demuxer, options=options, metadata_errors="surrogateescape")
        else:
            container = av.open(io.BytesIO(moved), "r", format="exr_pipe")
    except av.error.ArgumentError:  # FFmpeg's error for a demuxer that is not on the allowlist
        raise UnreadableError("is of a kind that is never opened, such as a playlist") from None
    except av.error.FFmpegError as error:
        if not is_file_at_fault(error) and not (error.errno == errno.EIO and can_be_read(descriptor)):
            raise
        raise UnreadableError("holds nothing that can be read as media, or breaks off in its header") from None
    with container:
        yield container


def is_still(container: av.container.Container) -> bool:
    """Whether the container is a still picture."""
    return container.format.name in STILL_DEMUXERS


def is_file_at_fault(error: av.error.FFmpegError) -> bool:
    """Whether an error is about the content of a file. Demuxers and decoders return any number for it: EPERM, which is
    -1, is their most frequent one and says nothing about permissions."""
    return error.errno not in DEVICE_ERRNOS


def can_be_read(descriptor: int) -> bool:
    """Whether the disk gives what is at and before the position of a file. The demuxer of Matroska says EIO, the error
    of a disk, of a header that breaks off."""
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.pread(descriptor, 2 * LAST_READ_BYTES, max(0, place - LAST_READ_BYTES))
    except OSError:
        return False
    return True


def pick_frame_rate(stream: av.VideoStream) -> Fraction | None:
    """Return the frame rate of a stream: the average one, unless that is none, as in raw DV (60,000), or the demuxer's
    default, as in streams without a container: there the pictures say it, if anything does."""
    has_container = stream.container.format.name not in RAW_PICTURE_FORMATS
    own = None if has_container or stream.codec_context is None else stream.codec_context.framerate
    for rate in (own, stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= MAX_FRAME_RATE:
            return Fraction(rate)
    return None
