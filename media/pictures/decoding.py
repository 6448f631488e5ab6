"""Decoding pictures with FFmpeg: one thread, and every error as a sentence for people."""

from collections.abc import Iterator

import av

from media.pictures.scaling import prepare_still_decoder
from media.sandbox.ffmpeg_open import is_file_at_fault
from media.sandbox.protocol import NoDecoderError, UnreadableError

MAX_PICTURE_BYTES = 64 << 20
"""Of larger pictures, those of 8K with more than 8 bits, a preview shows keyframes alone: with the pictures that the
others refer to HEVC takes 850 MB."""
DEFAULT_PICTURE_BITS = 12
"""Bits of a pixel of 4:2:0, for pictures of an unknown format."""
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def prepare_decoder(stream: av.VideoStream) -> None:
    """Configure the decoder: one thread, because other work is always waiting."""
    stream.codec_context.thread_count = 1
    if count_picture_bytes(stream.codec_context) > MAX_PICTURE_BYTES:
        stream.codec_context.skip_frame = "NONKEY"
    prepare_still_decoder(stream)


def count_picture_bytes(codec: av.VideoCodecContext) -> int:
    """Return the bytes of a decoded picture."""
    pixels = codec.width * codec.height
    form = codec.format
    if form is None:
        return pixels * DEFAULT_PICTURE_BITS // 8
    sizes = [one.width * one.height * (2 if one.bits > 8 else 1) for one in form.components]
    return sum(sizes) or pixels * DEFAULT_PICTURE_BITS // 8


def decode_pictures(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield decoded pictures up to the first error: the pictures before a damage are usable.

    Raises:
        UnreadableError: the error comes before the first picture, and the file is at fault.
    """
    is_decoded = False
    decoder = make_alpha_decoder(stream)
    try:
        for picture in container.decode(stream) if decoder is None else _decode_packets(container, stream, decoder):
            is_decoded = True
            yield picture
    except av.error.FFmpegError as error:
        if not is_file_at_fault(error):
            raise
        if not is_decoded:
            raise _explain(error, stream.codec_context.name) from None


def make_alpha_decoder(stream: av.VideoStream) -> av.VideoCodecContext | None:
    """Return the decoder of a transparent VP8 or VP9: FFmpeg's own decoders leave alpha out. None for any other."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return None
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    return decoder


def _decode_packets(
    container: av.container.InputContainer, stream: av.VideoStream, decoder: av.VideoCodecContext
) -> Iterator[av.VideoFrame]:
    for packet in container.demux(stream):
        yield from decoder.decode(packet)


def _explain(error: av.error.FFmpegError, codec: str) -> UnreadableError:
    """Explain an error by its kind; decoders also return any negative number, which is no errno then."""
    if isinstance(error, av.error.InvalidDataError | av.error.EOFError):
        return UnreadableError(f"cannot be shown: its {codec} data are damaged or break off")
    if isinstance(error, av.error.PatchWelcomeError):
        return NoDecoderError(f"cannot be shown: its variant of {codec} has no decoder here")
    return UnreadableError(f"cannot be shown: the {codec} decoder refuses it")
