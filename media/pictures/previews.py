"""Render previews of video, sound and film frames in the sandbox: `python -m media.pictures.previews`.

Of pictures a poster, a thumbnail and a strip; of sound a waveform. They are returned as bytes in the answer: the
process that decodes an untrusted file cannot write anywhere.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import av

from media.pictures.decoding import decode_pictures, prepare_decoder
from media.pictures.exr_layers import read_exr_layer
from media.pictures.moments import iter_moments
from media.pictures.preview_set import MAX_TILES, NO_PICTURE, PreviewSet, ThumbnailMaker
from media.pictures.scaling import make_thumbnail, pixel_aspect_ratio
from media.pictures.thumbnails import encode_thumbnail, load_pillow, shrink_picture
from media.probe.default_streams import find_audio_stream, find_video_stream
from media.probe.durations import read_duration, stream_milliseconds
from media.probe.film_variants import explain_frame
from media.probe.frame_headers import read_frame_head
from media.sandbox.ffmpeg_open import is_file_at_fault, is_still, load_ffmpeg, open_container
from media.sandbox.protocol import NoDecoderError, UnreadableError, handle_items, serve_requests
from media.sound.waveform import draw_waveform

TILES_PER_SECOND = 4


def render_previews(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return the pictures of an item: of a sequence if the request has frame numbers, else of its one file."""
    try:
        return {"pictures": _render_sequence(asked, files) if asked.get("numbers") else _render_file(files[0])}
    except UnreadableError:
        variant = explain_frame(read_frame_head(files[0]))
        if variant is None:
            raise
        raise NoDecoderError(f"cannot be shown: {variant}") from None
    except MemoryError:
        raise UnreadableError("cannot be shown: it needs more memory than a reader may take") from None
    except av.error.FFmpegError as error:  # such as of a filter or a scaler, which do not take every picture or sound
        if not is_file_at_fault(error):
            raise
        raise UnreadableError(f"cannot be shown: FFmpeg refuses it ({error.strerror})") from None


def _render_sequence(asked: Mapping[str, Any], files: Sequence[int]) -> list[dict[str, Any]]:
    """Render the frames of a sequence, one per file; a frame that cannot be decoded leaves a gap in the strip."""
    previews = PreviewSet(has_strip=len(files) > 1)
    rate, whole = Fraction(asked["rate"]), max(1, asked["milliseconds"])
    for number, descriptor in zip(asked["numbers"], files, strict=True):
        at = round((number - asked["first"]) / rate / asked["step"] * 1000)
        try:
            previews.add(at, _frame_maker(descriptor), Fraction(at, whole))
        except (UnreadableError, IndexError):
            continue
    return previews.render()


DISCARD_CORRUPT = 0x0100
"""AVFMT_FLAG_DISCARD_CORRUPT: a damaged picture is no poster."""


def _frame_maker(descriptor: int) -> ThumbnailMaker:
    """Return how the one picture of a file is shown."""
    try:
        with open_container(descriptor) as container:
            container.flags |= DISCARD_CORRUPT
            stream = container.streams.video[0]
            return _thumbnail_maker(_first_picture(container, stream), stream)
    except UnreadableError:
        layer = read_exr_layer(descriptor)
        if layer is None:
            raise
        return partial(shrink_picture, layer)


def _render_file(descriptor: int) -> list[dict[str, Any]]:
    with open_container(descriptor) as container:
        container.flags |= DISCARD_CORRUPT
        picture, sound = find_video_stream(container), find_audio_stream(container)
        if picture is not None and not is_still(container):
            return _render_video(container, picture, descriptor)
        if sound is not None:
            return _render_sound(container, sound)
        if not container.streams.video and container.streams.audio:
            raise NoDecoderError("cannot be shown: its sound is of a codec that has no decoder here")
        if not container.streams.video:
            raise UnreadableError("shows no picture and holds no sound that can be decoded")
        if all(one.codec_context is None for one in container.streams.video):
            raise NoDecoderError("cannot be shown: its pictures are of a codec that has no decoder here")
    previews = PreviewSet()
    previews.add(0, _frame_maker(descriptor))
    return previews.render()


def _first_picture(container: av.container.InputContainer, stream: av.VideoStream) -> av.VideoFrame:
    prepare_decoder(stream)
    for picture in decode_pictures(container, stream):
        return picture
    raise UnreadableError(NO_PICTURE)


def _thumbnail_maker(picture: av.VideoFrame, stream: av.VideoStream) -> ThumbnailMaker:
    """Return how a picture is shown. Some decoders know the pixel aspect ratio only after decoding."""
    return partial(make_thumbnail, picture, pixel_aspect_ratio(stream), stream.codec_context.name)


def _render_video(
    container: av.container.InputContainer, stream: av.VideoStream, descriptor: int
) -> list[dict[str, Any]]:
    """Render pictures at even intervals; one where no duration is known."""
    whole = _clip_milliseconds(container, stream, descriptor)
    prepare_decoder(stream)
    if not whole or stream.time_base is None:
        previews = PreviewSet()
        previews.add(0, _thumbnail_maker(_first_picture(container, stream), stream))
        return previews.render()
    count = max(1, min(MAX_TILES, round(whole / 1000 * TILES_PER_SECOND)))
    times = [round((place + 0.5) * whole / count) for place in range(count)]
    previews = PreviewSet(has_strip=count > 1)
    for at, picture in iter_moments(container, stream, whole, times):
        previews.add(at, _thumbnail_maker(picture, stream), Fraction(at, whole))
    return previews.render()


def _clip_milliseconds(container: av.container.InputContainer, stream: av.VideoStream, descriptor: int) -> int | None:
    """Return the duration of the picture, of which the sound may be longer."""
    duration = read_duration(container, descriptor)
    return duration.by_stream.get(stream.index) or stream_milliseconds(stream) or duration.milliseconds


def _render_sound(container: av.container.InputContainer, stream: av.AudioStream) -> list[dict[str, Any]]:
    wave = draw_waveform(container, stream)
    if wave is None:
        raise UnreadableError("holds no sound that can be decoded")
    return [encode_thumbnail("POSTER", wave, {"waveform": True})]


def main() -> None:
    """Serve requests, with FFmpeg and Pillow loaded first."""
    load_ffmpeg()
    load_pillow()
    serve_requests(handle_items(render_previews))


if __name__ == "__main__":
    main()
