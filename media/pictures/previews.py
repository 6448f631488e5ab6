"""Render previews of video, sound and film frames in the sandbox: `python -m media.pictures.previews`.

Of pictures a poster, a thumbnail and a strip; of sound a waveform. They are returned as bytes in the answer: the
process that decodes an untrusted file cannot write anywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import av

from media.pictures.decoding import decode_pictures, prepare_decoder
from media.pictures.preview_set import MAX_TILES, PreviewSet, ThumbnailMaker
from media.pictures.scaling import draw_waveform, make_thumbnail, pixel_aspect_ratio
from media.pictures.thumbnails import load_pillow
from media.probe.film_variants import explain_frame
from media.probe.frame_headers import read_frame_head
from media.sandbox.ffmpeg_open import is_file_at_fault, is_still, load_ffmpeg, open_container
from media.sandbox.protocol import NoDecoderError, UnreadableError, handle_items, serve_requests

TILES_PER_SECOND = 4
MAX_FULL_DECODE_FRAMES = 300
"""Up to this many pictures a clip is decoded in full: seeking would land on the same few keyframes again."""
MAX_SEEK_DECODE_FRAMES = 60
"""Pictures decoded after a keyframe to reach the requested time; beyond that the strip is less exact."""

Moment = tuple[int, ThumbnailMaker]
"""The time of a decoded picture in milliseconds, and how it is shown."""


def render_previews(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return the pictures of an item: of a sequence if the request has frame numbers, else of its one file."""
    try:
        return {"pictures": _render_sequence(asked, files) if asked.get("numbers") else _render_file(files[0])}
    except UnreadableError:
        variant = explain_frame(read_frame_head(files[0]))
        if variant is None:
            raise
        raise NoDecoderError(f"cannot be shown: {variant}") from None
    except av.error.FFmpegError as error:  # such as of a filter or a scaler, which do not take every picture or sound
        if not is_file_at_fault(error):
            raise
        raise UnreadableError(f"cannot be shown: FFmpeg refuses it ({error.strerror})") from None


def _render_sequence(asked: Mapping[str, Any], files: Sequence[int]) -> list[dict[str, Any]]:
    """Render the frames of a sequence, one per file; a frame that cannot be decoded leaves a gap in the strip."""
    previews = PreviewSet(len(files))
    rate = Fraction(asked["rate"])
    for number, descriptor in zip(asked["numbers"], files, strict=True):
        at = round((number - asked["first"]) / rate / asked["step"] * 1000)
        try:
            with open_container(descriptor) as container:
                previews.add(*_first_moment(container, container.streams.video[0], at))
        except (UnreadableError, IndexError):
            continue
    return previews.render(asked["milliseconds"])


def _render_file(descriptor: int) -> list[dict[str, Any]]:
    with open_container(descriptor) as container:
        container.flags |= DISCARD_CORRUPT
        streams = [one for one in container.streams.video if one.codec_context is not None]
        moving = [one for one in streams if not one.disposition & type(one.disposition).attached_pic]
        sounds = [one for one in container.streams.audio if one.codec_context is not None]
        if moving:
            return _render_video(container, moving[0])
        if sounds:
            return [draw_waveform(container, sounds[0])]
        if streams:
            previews = PreviewSet()
            previews.add(*_first_moment(container, streams[0]))
            return previews.render(None)
        if container.streams.video:
            raise NoDecoderError("cannot be shown: its pictures are of a codec that has no decoder here")
        if container.streams.audio:
            raise NoDecoderError("cannot be shown: its sound is of a codec that has no decoder here")
    raise UnreadableError("shows no picture and holds no sound that can be decoded")


DISCARD_CORRUPT = 0x0100
"""AVFMT_FLAG_DISCARD_CORRUPT: a damaged picture is no poster."""


def _first_moment(container: av.container.InputContainer, stream: av.VideoStream, at: int = 0) -> Moment:
    prepare_decoder(stream)
    for picture in decode_pictures(container, stream):
        return at, _thumbnail_maker(picture, stream)
    raise UnreadableError("cannot be shown: it holds no picture that can be decoded")


def _thumbnail_maker(picture: av.VideoFrame, stream: av.VideoStream) -> ThumbnailMaker:
    """Return how a picture is shown. Some decoders know the pixel aspect ratio only after decoding."""
    return partial(make_thumbnail, picture, pixel_aspect_ratio(stream), stream.codec_context.name)


def _clip_milliseconds(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    if stream.duration and stream.time_base:
        return round(stream.duration * stream.time_base * 1000)
    return container.duration // 1000 if container.duration else None


def _render_video(container: av.container.InputContainer, stream: av.VideoStream) -> list[dict[str, Any]]:
    """Render pictures at even intervals: a short clip is decoded in full, in a long one it seeks."""
    whole = _clip_milliseconds(container, stream)
    if is_still(container) or not whole or stream.time_base is None:
        previews = PreviewSet()
        previews.add(*_first_moment(container, stream))
        return previews.render(None)
    prepare_decoder(stream)
    count = max(1, min(MAX_TILES, round(whole / 1000 * TILES_PER_SECOND)))
    times = [round((place + 0.5) * whole / count) for place in range(count)]
    rate = stream.average_rate or stream.guessed_rate or 25
    is_short = whole / 1000 * rate <= MAX_FULL_DECODE_FRAMES
    previews = PreviewSet(count)
    for moment in (_pick_moments if is_short else _seek_moments)(container, stream, times):
        previews.add(*moment)
    return previews.render(whole)


def _seek_moments(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int]
) -> Iterator[Moment]:
    """Seek to each time and yield the first picture at or after it that is not far from its keyframe."""
    assert stream.time_base is not None
    for time_ms in times:
        pts = (stream.start_time or 0) + int(Fraction(time_ms, 1000) / stream.time_base)
        container.seek(pts, stream=stream, backward=True)
        found = None
        try:
            for found, _ in zip(decode_pictures(container, stream), range(MAX_SEEK_DECODE_FRAMES), strict=False):
                if _time_ms(found, stream) >= time_ms:
                    break
        except UnreadableError:
            continue
        if found is not None:
            yield _to_moment(found, stream)


def _pick_moments(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int]
) -> Iterator[Moment]:
    """Decode the whole clip and yield the first picture at or after each time."""
    left = list(times)
    last = None
    for picture in decode_pictures(container, stream):
        last = picture
        at = _time_ms(picture, stream)
        while left and at >= left[0]:
            left.pop(0)
            if not left or at < left[0]:
                yield _to_moment(picture, stream)
    if last is not None and len(left) == len(times):
        yield _to_moment(last, stream)


def _to_moment(picture: av.VideoFrame, stream: av.VideoStream) -> Moment:
    return _time_ms(picture, stream), _thumbnail_maker(picture, stream)


def _time_ms(picture: av.VideoFrame, stream: av.VideoStream) -> int:
    """Return the time since the start of the stream."""
    if picture.pts is None or picture.time_base is None:
        return 0
    return round((picture.pts * picture.time_base - (stream.start_time or 0) * (stream.time_base or 0)) * 1000)


def main() -> None:
    """Serve requests, with FFmpeg and Pillow loaded first."""
    load_ffmpeg()
    load_pillow()
    serve_requests(handle_items(render_previews))


if __name__ == "__main__":
    main()
