"""Render previews in the sandbox: `python -m media.pictures.previews`.

A poster, a thumbnail for lists, and a strip of moments for scrubbing; for audio a waveform. Pictures are returned as
bytes in the answer: the process that decodes an untrusted file cannot write anywhere.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from media.pictures.scaling import (
    draw_waveform,
    encode_jpeg,
    pixel_aspect_ratio,
    prepare_still_decoder,
    scale_picture,
    tile_pictures,
)
from media.sandbox.ffmpeg_open import is_still, load_ffmpeg, open_container
from media.sandbox.protocol import UnreadableError, handle_items, serve_requests

POSTER_WIDTH, KEYFRAME_WIDTH, TILE_WIDTH = 1280, 320, 160
STRIP_COLUMNS = 10
MAX_TILES, TILES_PER_SECOND = 60, 4
MAX_FULL_DECODE_FRAMES = 300
"""Up to this many pictures a clip is decoded in full: seeking would land on the same few keyframes again."""
MAX_SEEK_DECODE_FRAMES = 60
"""Pictures decoded after a keyframe to reach the requested time; beyond that the strip is less exact."""
POSTER_POSITION = Fraction(1, 3)
"""Position of the poster: clips begin with slates, black and camera shake."""


@dataclass(frozen=True, slots=True)
class VideoMoment:
    """A decoded picture, its time, and its pixel aspect ratio, which some decoders know only after decoding."""

    milliseconds: int
    picture: av.VideoFrame
    aspect: Fraction

    def shaped(self, widest: int) -> av.VideoFrame:
        """Return the picture as a browser shows it."""
        return scale_picture(self.picture, self.aspect, widest)


def render_previews(asked: Mapping[str, Any], files: list[int]) -> dict[str, Any]:
    """Return the pictures of an item: of a sequence if the request has frame numbers, else of its one file."""
    if asked.get("numbers"):
        return {"pictures": _render_moments(list(_frames_of_sequence(asked, files)), whole_ms=asked["milliseconds"])}
    with open_container(files[0]) as container:
        container.flags |= DISCARD_CORRUPT
        streams = [one for one in container.streams.video if one.codec_context is not None]
        moving = [one for one in streams if not one.disposition & type(one.disposition).attached_pic]
        sounds = [one for one in container.streams.audio if one.codec_context is not None]
        if moving:
            moments = list(_moments_of_video(container, moving[0]))
            return {"pictures": _render_moments(moments, _clip_milliseconds(container, moving[0]))}
        if sounds:
            return {"pictures": [draw_waveform(container, sounds[0])]}
        if streams:
            return {"pictures": _render_moments([_first_moment(container, streams[0])], None)}
    raise UnreadableError("shows no picture and holds no sound that can be decoded")


DISCARD_CORRUPT = 0x0100
"""AVFMT_FLAG_DISCARD_CORRUPT: a damaged picture is no poster."""


def _render_moments(moments: Sequence[VideoMoment], whole_ms: int | None) -> list[dict[str, Any]]:
    """Return poster, thumbnail and, for moving pictures, the strip."""
    if not moments:
        raise UnreadableError("shows no picture that can be decoded")
    chosen = moments[int(len(moments) * POSTER_POSITION)]
    at = {"time_milliseconds": chosen.milliseconds}
    made = [
        _encode_preview("POSTER", chosen.shaped(POSTER_WIDTH), at),
        _encode_preview("KEYFRAME", chosen.shaped(KEYFRAME_WIDTH), at),
    ]
    if len(moments) > 1 and whole_ms:
        tiles = [moment.shaped(TILE_WIDTH) for moment in moments]
        columns = min(STRIP_COLUMNS, len(tiles))
        strip = {
            "count": len(tiles),
            "columns": columns,
            "tile_width": tiles[0].width,
            "tile_height": tiles[0].height,
            "times_milliseconds": [moment.milliseconds for moment in moments],
        }
        made.append(_encode_preview("KEYFRAME_MAP", tile_pictures(tiles, columns), strip))
    return made


def _encode_preview(kind: str, frame: av.VideoFrame, details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": kind,
        "media_type": "image/jpeg",
        "width": frame.width,
        "height": frame.height,
        "details": dict(details),
        "data": base64.b64encode(encode_jpeg(frame)).decode(),
    }


def _frames_of_sequence(asked: Mapping[str, Any], files: Sequence[int]) -> Iterator[VideoMoment]:
    """Yield the frames of a sequence, one per file; a frame that cannot be decoded leaves a gap in the strip."""
    rate = Fraction(asked["rate"])
    for number, descriptor in zip(asked["numbers"], files, strict=True):
        at = round((number - asked["first"]) / rate / asked["step"] * 1000)
        try:
            with open_container(descriptor) as container:
                yield _first_moment(container, container.streams.video[0], at)
        except (UnreadableError, IndexError):
            continue


def _first_moment(container: av.container.InputContainer, stream: av.VideoStream, at: int = 0) -> VideoMoment:
    _prepare_decoder(stream)
    for picture in _decode_until_error(container, stream):
        return VideoMoment(at, picture, pixel_aspect_ratio(stream))
    raise UnreadableError("shows no picture that can be decoded")


def _prepare_decoder(stream: av.VideoStream) -> None:
    """Configure the decoder: one thread, because other work is always waiting."""
    stream.codec_context.thread_count = 1
    prepare_still_decoder(stream)


def _decode_until_error(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """Yield decoded pictures up to the first error: the pictures before a damage are usable."""
    try:
        yield from container.decode(stream)
    except (av.error.InvalidDataError, av.error.EOFError):
        return


def _clip_milliseconds(container: av.container.InputContainer, stream: av.VideoStream) -> int | None:
    if stream.duration and stream.time_base:
        return round(stream.duration * stream.time_base * 1000)
    return container.duration // 1000 if container.duration else None


def _moments_of_video(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[VideoMoment]:
    """Yield pictures at even intervals: a short clip is decoded in full, in a long one it seeks."""
    _prepare_decoder(stream)
    whole = _clip_milliseconds(container, stream)
    time_base = stream.time_base
    if is_still(container) or not whole or time_base is None:
        yield _first_moment(container, stream)
        return
    count = max(1, min(MAX_TILES, round(whole / 1000 * TILES_PER_SECOND)))
    times = [round((place + 0.5) * whole / count) for place in range(count)]
    rate = stream.average_rate or stream.guessed_rate or 25
    if whole / 1000 * rate <= MAX_FULL_DECODE_FRAMES:
        yield from _pick_moments(container, stream, times)
        return
    for time_ms in times:
        pts = (stream.start_time or 0) + int(Fraction(time_ms, 1000) / time_base)
        container.seek(pts, stream=stream, backward=True)
        found = None
        for found, _ in zip(_decode_until_error(container, stream), range(MAX_SEEK_DECODE_FRAMES), strict=False):
            if _time_ms(found, stream) >= time_ms:
                break
        if found is not None:
            yield _to_moment(found, stream)


def _pick_moments(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int]
) -> Iterator[VideoMoment]:
    """Decode the whole clip and yield the first picture at or after each time."""
    left = list(times)
    last = None
    for picture in _decode_until_error(container, stream):
        last = picture
        at = _time_ms(picture, stream)
        while left and at >= left[0]:
            left.pop(0)
            if not left or at < left[0]:
                yield _to_moment(picture, stream)
    if last is not None and len(left) == len(times):
        yield _to_moment(last, stream)


def _to_moment(picture: av.VideoFrame, stream: av.VideoStream) -> VideoMoment:
    return VideoMoment(_time_ms(picture, stream), picture, pixel_aspect_ratio(stream))


def _time_ms(picture: av.VideoFrame, stream: av.VideoStream) -> int:
    """Return the time since the start of the stream."""
    if picture.pts is None or picture.time_base is None:
        return 0
    return round((picture.pts * picture.time_base - (stream.start_time or 0) * (stream.time_base or 0)) * 1000)


def main() -> None:
    """Serve requests, with FFmpeg loaded first."""
    load_ffmpeg()
    serve_requests(handle_items(render_previews))


if __name__ == "__main__":
    main()
