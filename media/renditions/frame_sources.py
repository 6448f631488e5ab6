"""Sources of the frames of a rendition: an image sequence, of which a missing frame repeats the previous one, or a
movie in one or several consecutive files."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import av

from media.pictures.decoding import decode_pictures, make_alpha_decoder
from media.pictures.exr_layers import read_exr_layer
from media.pictures.scaling import pixel_aspect_ratio, prepare_still_decoder
from media.pictures.tiff_frames import picture_to_frame, read_misread_tiff
from media.probe.clocks import PictureTimes, SourceClock, has_jumping_clock, stores_decoding_times
from media.probe.default_streams import find_video_stream
from media.renditions.encoder_settings import EncoderSettings
from media.renditions.muxer import RenditionMuxer
from media.renditions.threads import MAX_BESIDE_LARGE_BYTES, MAX_THREAD_PICTURES_BYTES, limit_decoder_threads
from media.renditions.timecode_burn_in import BurnIn
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, open_container, pick_frame_rate
from media.sandbox.protocol import UnreadableError
from media.sound.converter import pull_frames

MAX_UNREADABLE_NAMED = 20
"""Limit of unreadable frames listed by number; the others are only counted."""


FINE_CLOCK = Fraction(1, 90_000)
"""Time base of a rendition of several files, which may differ in theirs."""
DEFAULT_FRAME_RATE = Fraction(25)
MIN_SHORTFALL_SECONDS, SHORTFALL_FRAMES = Fraction(1, 4), 3
"""A rendition may be shorter than its source's header says by the longer of these: sound often ends after the picture.
"""
MAX_CLOCK_TICK = Fraction(1, 10)


@dataclass(slots=True)
class FrameBatch:
    """Requested frames, and their open files once received."""

    number: int
    numbers: Sequence[int] = ()
    files: Sequence[int] = ()


@dataclass(slots=True)
class SequenceFrameSource:
    """Frames of a sequence (`first`, `frame_step`, `count` and `rate` in `asked`), received in batches."""

    asked: Mapping[str, Any]
    recipe: EncoderSettings
    output: RenditionMuxer
    clock: Fraction = Fraction(0)
    done: int = 0
    _missing: int = 0
    _unreadable: list[int] = field(default_factory=list)
    _next: int = 0
    """Position in the rendition without a picture yet."""
    _burn: BurnIn | None = None
    _last: av.VideoFrame | None = None
    _aspect: Fraction = Fraction(1)
    _codec: str = ""

    @property
    def total(self) -> int:
        """Number of positions in the rendition."""
        return int(self.asked["count"])

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.asked["rate"])

    def steps(self) -> Iterator[FrameBatch | Callable[[], None]]:
        """Yield for each picture the function that writes it; before some of them, a batch that the caller fills."""
        for number in range(self.asked["batches"]):
            batch = FrameBatch(number)
            yield batch
            for frame, descriptor in zip(batch.numbers, batch.files, strict=True):
                index = (frame - self.asked["first"]) // self.asked["frame_step"]
                picture = self._read(descriptor)
                if picture is None:
                    self._unreadable.append(frame)
                    continue
                if self._last is None:
                    self.output.add_pictures(picture, self.rate, 1 / self.rate, self._aspect, self._codec)
                    self._burn = BurnIn(self.recipe.burn, self.rate, self.asked["timecode"])
                yield partial(self._write_until, index, picture)
        if self._last is None:
            raise UnreadableError("shows no picture that can be decoded")
        yield partial(self._write_until, self.total, self._last)

    def _write_until(self, index: int, picture: av.VideoFrame) -> None:
        """Repeat the previous picture up to a position in the rendition, then write its picture."""
        is_end = index == self.total
        shaped = picture if is_end else self.output.shaped(picture)
        held = shaped if self._last is None else self._last
        while self._next < index:
            self._write(held)
        if not is_end:
            self._last = shaped
            self._write(shaped)

    def _write(self, shaped: av.VideoFrame) -> None:
        assert self._burn is not None
        frame = self.asked["first"] + self._next * self.asked["frame_step"]
        self.output.write_picture(self._burn.burn_into(shaped, frame, self._next), self._next)
        self._next += 1
        self.done = self._next
        self.clock = self._next / self.rate

    def notes(self) -> dict[str, Any]:
        """Return the numbers of missing and unreadable frames."""
        return {
            "missing": self.total - self.asked["there"],
            "unreadable": len(self._unreadable),
            "unreadable_frames": self._unreadable[:MAX_UNREADABLE_NAMED],
        }

    def _read(self, descriptor: int) -> av.VideoFrame | None:
        try:
            if (picture := read_misread_tiff(descriptor)) is not None:
                return picture
            with open_container(descriptor) as container:
                stream = container.streams.video[0]
                prepare_still_decoder(stream)
                self._aspect, self._codec = pixel_aspect_ratio(stream), stream.codec_context.name
                return next(decode_pictures(container, stream), None)
        except (UnreadableError, IndexError):
            layer = read_exr_layer(descriptor)
            self._aspect = Fraction(1)
            return None if layer is None else picture_to_frame(layer)
        finally:
            os.close(descriptor)


@dataclass(slots=True)
class VideoFrameSource:
    """Files of one recording, in order."""

    files: Sequence[int]
    timecode: str | None
    recipe: EncoderSettings
    output: RenditionMuxer
    clock: Fraction = Fraction(0)
    total: int | None = None
    _rate: Fraction = DEFAULT_FRAME_RATE
    _base: Fraction = FINE_CLOCK
    _index: int = 0
    _damaged: int = 0
    _jumps: int = 0
    _promised: Fraction = Fraction(0)
    """Length that the headers of the files promise."""
    _burn: BurnIn | None = None
    _graph: Any = field(default=None)
    _pending: tuple[Fraction, av.VideoFrame] | None = None
    """A picture to write, and its time from the start, in seconds."""

    @property
    def done(self) -> int:
        """Encoded milliseconds, in the unit of `total`."""
        return round(self.clock * 1000)

    def steps(self) -> Iterator[Callable[[], None]]:
        """Yield for each picture the function that writes it."""
        begun = Fraction(0)
        for descriptor in self.files:
            with open_container(descriptor) as container:
                if container.duration and len(self.files) == 1:
                    self.total = container.duration // 1000
                stream = self._stream_of(container)
                clock = SourceClock(has_jumping_clock(container))
                times = PictureTimes(stores_decoding_times(container))
                for picture in self._pictures(container, stream):
                    if self._burn is None:
                        self._begin(picture, stream)
                    at = begun + clock.at(self._time_of(times, picture, container, stream), 1 / self._rate)
                    self._pending = at, picture
                    del picture
                    yield self._write_pending
                self._jumps += clock.jumps
                length = Fraction(container.duration or 0, FFMPEG_TIME_BASE)
                self._promised += Fraction(0) if clock.jumps else length
                begun += clock.end if clock.jumps else max(length, clock.end)
        if self._burn is None:
            raise UnreadableError("shows no picture that can be decoded")

    def _write_pending(self) -> None:
        """Write the pending picture, and release it before the next is decoded: one of 8K has 100 MB."""
        assert self._burn is not None
        assert self._pending is not None
        (at, picture), self._pending = self._pending, None
        self.clock = max(self.clock, at)
        shaped = self.output.shaped(picture)
        self.output.write_picture(self._burn.burn_into(shaped, self._index, self._index), round(at / self._base))
        self._index += 1

    def notes(self) -> dict[str, Any]:
        """Return notes about what was left out, and where the rendition differs from the length of its source."""
        shown = self.clock + 1 / self._rate
        is_short = self._promised - shown > max(MIN_SHORTFALL_SECONDS, SHORTFALL_FRAMES / self._rate)
        found = {
            "damaged": self._damaged,
            "clock_jumps": self._jumps,
            "promised_milliseconds": round(self._promised * 1000) if is_short else 0,
        }
        return {name: value for name, value in found.items() if value}

    def _stream_of(self, container: av.container.InputContainer) -> av.VideoStream:
        stream = find_video_stream(container)
        if stream is None:
            raise UnreadableError("shows no picture that can be decoded")
        limit_decoder_threads(stream, MAX_BESIDE_LARGE_BYTES if self.recipe.is_large else MAX_THREAD_PICTURES_BYTES)
        prepare_still_decoder(stream)
        return stream

    def _begin(self, picture: av.VideoFrame, stream: av.VideoStream) -> None:
        self._rate = (pick_frame_rate(stream) or DEFAULT_FRAME_RATE).limit_denominator(1001)
        own = Fraction(stream.time_base) if stream.time_base else FINE_CLOCK
        # A time base coarser than the frame rate would give several pictures the same time.
        self._base = own if len(self.files) == 1 and own <= min(MAX_CLOCK_TICK, 1 / self._rate) else FINE_CLOCK
        aspect, codec = pixel_aspect_ratio(stream), stream.codec_context.name
        self.output.add_pictures(picture, self._rate, self._base, aspect, codec)
        self._burn = BurnIn(self.recipe.burn, self._rate, self.timecode)

    def _pictures(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """Yield the pictures that can be decoded, deinterlaced."""
        decoder = make_alpha_decoder(stream)
        try:
            for packet in container.demux(stream):
                try:
                    decoded = packet.decode() if decoder is None else decoder.decode(packet)
                    while decoded:
                        if self._graph is None and not decoded[0].interlaced_frame:
                            yield decoded.pop(0)
                        else:
                            yield from self._deinterlace(decoded.pop(0), stream)
                except av.error.InvalidDataError:
                    self._damaged += 1
        except (av.error.InvalidDataError, av.error.EOFError):
            self._damaged += 1
        if self._graph is not None:
            self._graph.push(None)
            yield from pull_frames(self._graph.pull)
            self._graph = None

    def _deinterlace(self, picture: av.VideoFrame, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        if self._graph is None:
            self._graph = av.filter.Graph()
            source = self._graph.add_buffer(template=stream, time_base=picture.time_base)
            step = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
            self._graph.link_nodes(source, step, self._graph.add("buffersink")).configure()
        self._graph.push(picture)
        yield from pull_frames(self._graph.pull)

    def _time_of(
        self,
        times: PictureTimes,
        picture: av.VideoFrame,
        container: av.container.InputContainer,
        stream: av.VideoStream,
    ) -> Fraction | None:
        ticks, base = times.ticks_of(picture), picture.time_base or stream.time_base
        if ticks is None or base is None:
            return None
        return max(Fraction(0), ticks * base - Fraction(container.start_time or 0, FFMPEG_TIME_BASE))
