"""Video frames of a movie, or of several consecutive files, with their times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from media.burning import Burn
from media.child import UnreadableError
from media.opening import opened
from media.output import Output
from media.recipes import Recipe
from media.sequence_pictures import prepare_still
from media.shaping import picture_aspect
from media.sound import MICROSECONDS

if TYPE_CHECKING:
    import av

FINE = Fraction(1, 90_000)
"""Time base of a rendition of several files, which may differ in theirs."""
USUAL_RATE = Fraction(25)
COARSEST = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class Step:
    """A picture and its time from the start, in seconds."""

    at: Fraction
    picture: "av.VideoFrame"


@dataclass(slots=True)
class MovingPictures:
    """Files of one recording, in order."""

    files: Sequence[int]
    timecode: str | None
    recipe: Recipe
    output: Output
    clock: Fraction = Fraction(0)
    total: int | None = None
    _rate: Fraction = USUAL_RATE
    _base: Fraction = FINE
    _index: int = 0
    _damaged: int = 0
    _burn: Burn | None = None
    _graph: Any = field(default=None)

    @property
    def done(self) -> int:
        """Encoded milliseconds, in the unit of `total`."""
        return round(self.clock * 1000)

    def steps(self) -> Iterator[Step]:
        """Yield each picture."""
        begun = Fraction(0)
        for descriptor in self.files:
            with opened(descriptor) as container:
                if container.duration and len(self.files) == 1:
                    self.total = container.duration // 1000
                stream = self._stream_of(container)
                for picture in self._pictures(container, stream):
                    at = begun + self._time_of(picture, container, stream)
                    if self._burn is None:
                        self._begin(picture, stream)
                    yield Step(at, picture)
                begun += Fraction(container.duration or 0, MICROSECONDS)
        if self._burn is None:
            raise UnreadableError("shows no picture that can be decoded")

    def write(self, step: Step) -> None:
        """Write a picture at its time."""
        assert self._burn is not None
        self.clock = max(self.clock, step.at)
        shaped = self.output.shaped(step.picture)
        self.output.write_picture(self._burn.burnt(shaped, self._index, self._index), round(step.at / self._base))
        self._index += 1

    def notes(self) -> dict[str, Any]:
        """Return notes about skipped pictures."""
        return {"damaged": self._damaged} if self._damaged else {}

    def _stream_of(self, container: "av.container.InputContainer") -> "av.VideoStream":
        for stream in container.streams.video:
            if stream.codec_context is not None and not stream.disposition & type(stream.disposition).attached_pic:
                stream.thread_type = "AUTO"
                prepare_still(stream)
                return stream
        raise UnreadableError("shows no picture that can be decoded")

    def _begin(self, picture: "av.VideoFrame", stream: "av.VideoStream") -> None:
        self._rate = Fraction(stream.average_rate or stream.guessed_rate or USUAL_RATE).limit_denominator(1001)
        own = Fraction(stream.time_base) if stream.time_base else FINE
        # A time base coarser than the frame rate would give several pictures the same time.
        self._base = own if len(self.files) == 1 and own <= min(COARSEST, 1 / self._rate) else FINE
        self.output.add_pictures(picture, self._rate, self._base, picture_aspect(stream))
        self._burn = Burn.of(self.recipe, self._rate, self.timecode)

    def _pictures(
        self, container: "av.container.InputContainer", stream: "av.VideoStream"
    ) -> Iterator["av.VideoFrame"]:
        """Yield the pictures that can be decoded, deinterlaced."""
        import av  # noqa: PLC0415

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
            yield from self._pulled()
            self._graph = None

    def _whole(self, picture: "av.VideoFrame", stream: "av.VideoStream") -> Iterator["av.VideoFrame"]:
        import av  # noqa: PLC0415

        if self._graph is None and not picture.interlaced_frame:
            yield picture
            return
        if self._graph is None:
            self._graph = av.filter.Graph()
            source = self._graph.add_buffer(template=stream, time_base=picture.time_base)
            step, sink = self._graph.add("bwdif", "mode=send_frame:deint=interlaced"), self._graph.add("buffersink")
            source.link_to(step)
            step.link_to(sink)
            self._graph.configure()
        self._graph.push(picture)
        yield from self._pulled()

    def _pulled(self) -> Iterator["av.VideoFrame"]:
        import av  # noqa: PLC0415

        while True:
            try:
                yield self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    def _time_of(
        self, picture: "av.VideoFrame", container: "av.container.InputContainer", stream: "av.VideoStream"
    ) -> Fraction:
        base = picture.time_base or stream.time_base
        if picture.pts is None or base is None:
            return self.clock + (1 / self._rate if self._index else 0)
        return max(Fraction(0), picture.pts * base - Fraction(container.start_time or 0, MICROSECONDS))
