"""Video frames of a movie, or of several consecutive files, with their times."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import av

from media.pictures.scaling import pixel_aspect_ratio, prepare_still_decoder
from media.renditions.audio_mix import pull_frames
from media.renditions.encoder_settings import EncoderSettings
from media.renditions.muxer import RenditionMuxer
from media.renditions.timecode_burn_in import BurnIn
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, open_container
from media.sandbox.protocol import UnreadableError

FINE_CLOCK = Fraction(1, 90_000)
"""Time base of a rendition of several files, which may differ in theirs."""
DEFAULT_FRAME_RATE = Fraction(25)
MAX_CLOCK_TICK = Fraction(1, 10)


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
    _burn: BurnIn | None = None
    _graph: Any = field(default=None)

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
                for picture in self._pictures(container, stream):
                    at = begun + self._time_of(picture, container, stream)
                    if self._burn is None:
                        self._begin(picture, stream)
                    yield partial(self._write, at, picture)
                begun += Fraction(container.duration or 0, FFMPEG_TIME_BASE)
        if self._burn is None:
            raise UnreadableError("shows no picture that can be decoded")

    def _write(self, at: Fraction, picture: av.VideoFrame) -> None:
        """Write a picture at its time from the start, in seconds."""
        assert self._burn is not None
        self.clock = max(self.clock, at)
        shaped = self.output.shaped(picture)
        self.output.write_picture(self._burn.burn_into(shaped, self._index, self._index), round(at / self._base))
        self._index += 1

    def notes(self) -> dict[str, Any]:
        """Return notes about skipped pictures."""
        return {"damaged": self._damaged} if self._damaged else {}

    def _stream_of(self, container: av.container.InputContainer) -> av.VideoStream:
        for stream in container.streams.video:
            if stream.codec_context is not None and not stream.disposition & type(stream.disposition).attached_pic:
                stream.thread_type = "AUTO"
                prepare_still_decoder(stream)
                return stream
        raise UnreadableError("shows no picture that can be decoded")

    def _begin(self, picture: av.VideoFrame, stream: av.VideoStream) -> None:
        self._rate = Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_FRAME_RATE).limit_denominator(1001)
        own = Fraction(stream.time_base) if stream.time_base else FINE_CLOCK
        # A time base coarser than the frame rate would give several pictures the same time.
        self._base = own if len(self.files) == 1 and own <= min(MAX_CLOCK_TICK, 1 / self._rate) else FINE_CLOCK
        self.output.add_pictures(picture, self._rate, self._base, pixel_aspect_ratio(stream))
        self._burn = BurnIn(self.recipe.burn, self._rate, self.timecode)

    def _pictures(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """Yield the pictures that can be decoded, deinterlaced."""
        try:
            for packet in container.demux(stream):
                try:
                    for picture in packet.decode():
                        yield from self._whole(picture, stream)
                except av.error.InvalidDataError:
                    self._damaged += 1
        except (av.error.InvalidDataError, av.error.EOFError):
            self._damaged += 1
        if self._graph is not None:
            self._graph.push(None)
            yield from pull_frames(self._graph.pull)
            self._graph = None

    def _whole(self, picture: av.VideoFrame, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        if self._graph is None and not picture.interlaced_frame:
            yield picture
            return
        if self._graph is None:
            self._graph = av.filter.Graph()
            source = self._graph.add_buffer(template=stream, time_base=picture.time_base)
            step = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
            self._graph.link_nodes(source, step, self._graph.add("buffersink")).configure()
        self._graph.push(picture)
        yield from pull_frames(self._graph.pull)

    def _time_of(
        self, picture: av.VideoFrame, container: av.container.InputContainer, stream: av.VideoStream
    ) -> Fraction:
        base = picture.time_base or stream.time_base
        if picture.pts is None or base is None:
            return self.clock + (1 / self._rate if self._index else 0)
        return max(Fraction(0), picture.pts * base - Fraction(container.start_time or 0, FFMPEG_TIME_BASE))
