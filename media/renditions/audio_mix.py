"""Audio mix of a rendition: all tracks are decoded in parallel and mixed into one.

1. If all tracks of a file are mono, as cameras and recorders write them, all are used: odd tracks on the left, even
   ones on the right. Of any other file only the default track is used; a second one is another language.
2. Channels without names are heard like mono tracks. A change of rate, format or layout in mid-stream rebuilds the
   conversion of its track, which precedes the mix.
3. Audio files beside the picture are all used, each from its own start.
4. Silence at the start and gaps keep their length; a clock that jumps goes on after the last sound.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import av

from media.renditions.clocks import SourceClock, has_jumping_clock
from media.renditions.muxer import AUDIO_SAMPLE_RATE
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, open_container

MIX_FORMAT = "fltp"


class SoundConverter:
    """Converts the sound of one track to the rate and layout of the mix, also where it changes on its way."""

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._now: tuple[int, str, str] | None = None

    def convert(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """Yield what is finished of a piece of sound; None yields the rest."""
        kind = None if frame is None else (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._now is not None and kind != self._now:
            self._source.push(None)
            yield from pull_frames(self._sink.pull)
        if frame is None or kind is None:
            return
        if kind != self._now:
            self._now = kind
            self._build(frame)
        self._source.push(frame)
        yield from pull_frames(self._sink.pull)

    def _build(self, frame: av.AudioFrame) -> None:
        graph = av.filter.Graph()
        self._source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        end = self._source
        steps = [
            ("aformat", f"sample_fmts={MIX_FORMAT}:channel_layouts={self._layout}:sample_rates={AUDIO_SAMPLE_RATE}")
        ]
        if is_unnamed(frame.layout):
            steps.insert(0, ("pan", _pan_channels(frame.layout.nb_channels)))
        for name, arguments in steps:
            step = graph.add(name, arguments)
            end.link_to(step)
            end = step
        self._sink = graph.add("abuffersink")
        end.link_to(self._sink)
        graph.configure()
        self._graph = graph


def is_unnamed(layout: av.AudioLayout) -> bool:
    """Whether nothing says which speaker each channel is for."""
    return layout.name.endswith("channels")


def _pan_channels(count: int) -> str:
    """Return the arguments of `pan` that put odd channels left and even ones right; one channel is heard on both."""
    left = "+".join(f"c{place}" for place in range(0, count, 2))
    right = "+".join(f"c{place}" for place in range(1, count, 2)) or left
    return f"stereo|FL={left}|FR={right}"


class AudioTrack:
    """One track of a file, or of several consecutive files."""

    def __init__(self, descriptors: Sequence[int], index: int, layout: str) -> None:
        self._descriptors, self._index, self._layout = descriptors, index, layout
        self.clock = Fraction(0)
        """Decoded seconds."""
        self.ended = False
        self._frames = self._decode()

    def next(self) -> av.AudioFrame | None:
        """Return the next piece of sound, converted and timed from the start; None at the end."""
        frame = next(self._frames, None)
        self.ended = frame is None
        return frame

    def _decode(self) -> Iterator[av.AudioFrame]:
        converter = SoundConverter(self._layout)
        begun = Fraction(0)
        for descriptor in self._descriptors:
            with open_container(descriptor) as container:
                stream = container.streams.audio[self._index]
                start = Fraction(container.start_time or 0, FFMPEG_TIME_BASE)
                clock = SourceClock(has_jumping_clock(container))
                for frame in _decode_tolerant(container, stream):
                    base = frame.time_base or Fraction(1, frame.sample_rate)
                    time = None if frame.pts is None else frame.pts * base - start
                    at = begun + clock.at(time, Fraction(frame.samples, frame.sample_rate))
                    frame.time_base = Fraction(1, frame.sample_rate)
                    frame.pts = round(at * frame.sample_rate)
                    self.clock = at + Fraction(frame.samples, frame.sample_rate)
                    yield from converter.convert(frame)
                length = Fraction(container.duration or 0, FFMPEG_TIME_BASE)
                begun += clock.end if clock.jumps else max(length, clock.end)
        yield from converter.convert(None)


def _decode_tolerant(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the audio that can be decoded; damaged packets are skipped."""
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue
    except (av.error.InvalidDataError, av.error.EOFError):
        return


class AudioMix:
    """All tracks as one, in the requested layout."""

    def __init__(self, sources: Sequence[Sequence[int]], layout: str) -> None:
        found = [list_audio_tracks(descriptors[0]) for descriptors in sources]
        self._is_mono = sum(map(len, found)) > 1 and all(is_mono for tracks in found for _, is_mono in tracks)
        self._tracks = [
            AudioTrack(descriptors, index, "mono" if self._is_mono else layout)
            for descriptors, tracks in zip(sources, found, strict=True)
            for index, _ in tracks
        ]
        self.clock = Fraction(0)
        if self._tracks:
            self._build(layout)

    def __bool__(self) -> bool:
        return bool(self._tracks)

    @property
    def ended(self) -> bool:
        """Whether everything was decoded."""
        return all(track.ended for track in self._tracks)

    def step(self) -> Iterator[av.AudioFrame]:
        """Decode a piece of the track that is furthest behind, and yield the finished part of the mix."""
        track = min((one for one in self._tracks if not one.ended), key=lambda one: one.clock)
        self._inputs[self._tracks.index(track)].push(track.next())
        behind = [one.clock for one in self._tracks if not one.ended]
        self.clock = min(behind, default=max(one.clock for one in self._tracks))
        yield from pull_frames(self._sink.pull)

    def _build(self, layout: str) -> None:
        self._graph = av.filter.Graph()
        self._inputs, ends = [], []
        for _ in self._tracks:
            source = self._graph.add_abuffer(
                sample_rate=AUDIO_SAMPLE_RATE,
                format=MIX_FORMAT,
                layout="mono" if self._is_mono else layout,
                time_base=Fraction(1, AUDIO_SAMPLE_RATE),
            )
            self._inputs.append(source)
            ends.append(self._chain(source, "aresample", f"{AUDIO_SAMPLE_RATE}:async=1:first_pts=0"))
        if self._is_mono:
            sides = [self._mixed(ends[0::2]), self._mixed(ends[1::2])]
            end = self._graph.add("join", "inputs=2:channel_layout=stereo")
            for place, side in enumerate(sides):
                side.link_to(end, 0, place)
        else:
            end = self._mixed(ends)
        end = self._chain(end, "aformat", f"channel_layouts={layout}:sample_rates={AUDIO_SAMPLE_RATE}")
        self._sink = self._chain(end, "abuffersink", None)
        self._graph.configure()

    def _mixed(self, ends: list[av.filter.context.FilterContext]) -> av.filter.context.FilterContext:
        if len(ends) == 1:
            return ends[0]
        mix = self._graph.add("amix", f"inputs={len(ends)}:normalize=0")
        for place, one in enumerate(ends):
            one.link_to(mix, 0, place)
        return self._chain(mix, "alimiter", None)

    def _chain(
        self, before: av.filter.context.FilterContext, name: str, arguments: str | None
    ) -> av.filter.context.FilterContext:
        step = self._graph.add(name, arguments)
        before.link_to(step)
        return step


def list_audio_tracks(descriptor: int) -> list[tuple[int, bool]]:
    """Return the indexes of the usable tracks of a file, and whether each is mono."""
    with open_container(descriptor) as container:
        found = [
            (index, codec.layout.nb_channels == 1, bool(stream.disposition & type(stream.disposition).default))
            for index, stream in enumerate(container.streams.audio)
            if (codec := stream.codec_context) is not None and codec.sample_rate and codec.format is not None
        ]
    if len(found) > 1 and all(is_mono for _, is_mono, _ in found):
        return [(index, True) for index, _, _ in found]
    chosen = next((one for one in found if one[2]), found[0] if found else None)
    return [] if chosen is None else [chosen[:2]]


def pull_frames(pull: Callable[[], Any]) -> Iterator[Any]:
    """Yield the frames that a filter has finished; it needs more input then, or has ended."""
    while True:
        try:
            yield pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
