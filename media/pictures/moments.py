"""Moments of a clip at even intervals, each shown once: a short clip is decoded in full, in a long one it seeks."""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av

from media.pictures.decoding import decode_pictures
from media.probe.clocks import PictureTimes, SourceClock, has_jumping_clock, stores_decoding_times
from media.sandbox.ffmpeg_open import pick_frame_rate
from media.sandbox.protocol import UnreadableError

HD_PIXELS = 1920 * 1080
MAX_FULL_DECODE_FRAMES = 300
"""Up to this many pictures a clip is decoded in full: seeking would land on the same few keyframes again."""
MAX_CHEAP_PIXELS = MAX_FULL_DECODE_FRAMES * HD_PIXELS
"""So is a longer clip of small pictures, up to this many pixels: H.264 takes two seconds for them."""
MAX_SEEK_DECODE_FRAMES = 60
"""Pictures decoded after a keyframe to reach the requested time; beyond that the strip is less exact."""
MAX_DECODED_PIXELS = 60 * MAX_SEEK_DECODE_FRAMES * HD_PIXELS
"""Decoded for one strip: of larger pictures than HD fewer after each keyframe."""
MAX_DECODE_SECONDS = 60.0
"""Processor time after which a strip has to do with the moments that it has, half of the limit of the process."""
DEFAULT_RATE = Fraction(25)

TimedPicture = tuple[int, av.VideoFrame]
"""A decoded picture with its time since the start of the clip, in milliseconds."""


def iter_moments(
    container: av.container.InputContainer, stream: av.VideoStream, whole_ms: int, times: Sequence[int]
) -> Iterator[TimedPicture]:
    """Yield the pictures that are shown at these times, in order; none of them twice, so there may be fewer."""
    end = time.process_time() + MAX_DECODE_SECONDS
    frames = whole_ms * (pick_frame_rate(stream) or DEFAULT_RATE) / 1000
    pixels = max(1, stream.codec_context.width * stream.codec_context.height)
    is_short = frames <= MAX_FULL_DECODE_FRAMES and frames * pixels <= MAX_DECODED_PIXELS
    if is_short or frames * pixels <= MAX_CHEAP_PIXELS:
        moments = _pick_moments(container, stream, times)
    else:
        allowance = max(1, min(MAX_SEEK_DECODE_FRAMES, MAX_DECODED_PIXELS // pixels // len(times)))
        moments = _seek_moments(container, stream, times, allowance)
    last = -1
    for at, picture in moments:
        if at > last:
            yield at, picture
            last = at
        if time.process_time() > end:
            return


def _pick_moments(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int]
) -> Iterator[TimedPicture]:
    """Decode the whole clip and yield the last picture up to each time."""
    left = list(times)
    shown: TimedPicture | None = None
    for at, picture in _decode_timed(container, stream):
        if shown is not None and left and at > left[0]:
            yield shown
            while left and at > left[0]:
                left.pop(0)
            if not left:
                return
        shown = at, picture
    if shown is not None and left:
        yield shown


def _decode_timed(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[TimedPicture]:
    """Yield all pictures with times that only advance, also where those of the source do not."""
    clock, times = SourceClock(has_jumping_clock(container)), PictureTimes(stores_decoding_times(container))
    duration = 1 / (pick_frame_rate(stream) or DEFAULT_RATE)
    start: Fraction | None = None
    for picture in decode_pictures(container, stream):
        ticks, base = times.ticks_of(picture), picture.time_base or stream.time_base
        at = clock.at(None if ticks is None or base is None else ticks * base, duration)
        start = at if start is None else start
        yield round((at - start) * 1000), picture


def _seek_moments(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int], allowance: int
) -> Iterator[TimedPicture]:
    """Seek to each time and yield the first picture at or after it that is not far from its keyframe.

    Where the index shows no other keyframe before a time, decoding goes on from the picture before.
    """
    base = stream.time_base
    assert base is not None
    start = stream.start_time or 0
    decoding: Iterator[av.VideoFrame] = iter(())
    key = last = -1
    for time_ms in times:
        if time_ms <= last:
            continue  # a seek found a later picture than it was sent for
        ticks = start + int(Fraction(time_ms, 1000) / base)
        if key < 0 or _find_key(stream, ticks) != key:
            container.seek(ticks, stream=stream, backward=True)
            decoding, key = decode_pictures(container, stream), _find_key(stream, ticks)
        found = _decode_until(decoding, stream, time_ms, allowance)
        if found is not None:
            last = found[0]
            yield found


def _find_key(stream: av.VideoStream, ticks: int) -> int:
    """Return the place of the keyframe before a time in the container's index; -1 without an index."""
    return stream.index_entries.search_timestamp(ticks, backward=True)


def _decode_until(
    decoding: Iterator[av.VideoFrame], stream: av.VideoStream, time_ms: int, allowance: int
) -> TimedPicture | None:
    found = None
    try:
        for _, picture in zip(range(allowance), decoding, strict=False):
            found = _time_ms(picture, stream), picture
            if found[0] >= time_ms:
                break
    except UnreadableError:
        return None
    return found


def _time_ms(picture: av.VideoFrame, stream: av.VideoStream) -> int:
    """Return the time since the start of the stream."""
    if picture.pts is None or picture.time_base is None:
        return 0
    return round((picture.pts * picture.time_base - (stream.start_time or 0) * (stream.time_base or 0)) * 1000)
