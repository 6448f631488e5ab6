"""Audio mix of a rendition: all tracks are decoded in parallel and mixed into one.

1. If all tracks of a file are mono, as cameras and recorders write them, all are used: odd tracks on the left, even
   ones on the right. Of any other file only the first track is used; a second one is another language.
2. Audio files beside the picture are all used, each from its own start.
3. Silence at the start and gaps keep their length.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from media.renditions.muxer import AUDIO_SAMPLE_RATE
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, open_container


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """Sample format of a track; without a named layout it is one of FFmpeg's, such as `1 channels`."""

    rate: int
    sample_format: str
    layout: str
    channels: int


class AudioTrack:
    """One track of a file, or of several consecutive files."""

    def __init__(self, descriptors: Sequence[int], index: int) -> None:
        self._descriptors, self._index = descriptors, index
        self.clock = Fraction(0)
        """Decoded seconds."""
        self.ended = False
        self._frames = self._decode()

    def next(self) -> av.AudioFrame | None:
        """Return the next piece of sound, timed from the start; None at the end."""
        frame = next(self._frames, None)
        self.ended = frame is None
        return frame

    def _decode(self) -> Iterator[av.AudioFrame]:
        begun = Fraction(0)
        for descriptor in self._descriptors:
            with open_container(descriptor) as container:
                stream = container.streams.audio[self._index]
                start = Fraction(container.start_time or 0, FFMPEG_TIME_BASE)
                for frame in _decode_tolerant(container, stream):
                    base = frame.time_base or Fraction(1, frame.sample_rate)
                    at = self.clock if frame.pts is None else begun + frame.pts * base - start
                    frame.time_base = Fraction(1, frame.sample_rate)
                    frame.pts = round(at * frame.sample_rate)
                    self.clock = at + Fraction(frame.samples, frame.sample_rate)
                    yield frame
                begun += Fraction(container.duration or 0, FFMPEG_TIME_BASE)


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
        self._tracks: list[AudioTrack] = []
        templates: list[SampleFormat] = []
        for descriptors in sources:
            for index, template in list_audio_tracks(descriptors[0]):
                self._tracks.append(AudioTrack(descriptors, index))
                templates.append(template)
        self.clock = Fraction(0)
        if self._tracks:
            self._build(templates, layout)

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

    def _build(self, templates: Sequence[SampleFormat], layout: str) -> None:
        self._graph = av.filter.Graph()
        self._inputs, ends = [], []
        for one in templates:
            source = self._graph.add_abuffer(
                sample_rate=one.rate, format=one.sample_format, layout=one.layout, time_base=Fraction(1, one.rate)
            )
            self._inputs.append(source)
            ends.append(self._chain(source, "aresample", f"{AUDIO_SAMPLE_RATE}:async=1:first_pts=0"))
        if len(ends) > 1 and all(one.channels == 1 for one in templates):
            ends = [self._chain(one, "aformat", "channel_layouts=mono") for one in ends]
            sides = [self._mixed(ends[0::2]), self._mixed(ends[1::2])]
            end = self._graph.add("join", "inputs=2:channel_layout=stereo")
            for place, side in enumerate(sides):
                side.link_to(end, 0, place)
        else:
            end = self._mixed([self._chain(one, "aformat", f"channel_layouts={layout}") for one in ends])
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


def list_audio_tracks(descriptor: int) -> list[tuple[int, SampleFormat]]:
    """Return the usable tracks of a file with their indexes."""
    with open_container(descriptor) as container:
        found = [
            (index, SampleFormat(codec.sample_rate, codec.format.name, codec.layout.name, codec.layout.nb_channels))
            for index, stream in enumerate(container.streams.audio)
            if (codec := stream.codec_context) is not None and codec.sample_rate and codec.format is not None
        ]
    if all(template.channels == 1 for _, template in found):
        return found
    return found[:1]


def pull_frames(pull: Callable[[], Any]) -> Iterator[Any]:
    """Yield the frames that a filter has finished; it needs more input then, or has ended."""
    while True:
        try:
            yield pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
