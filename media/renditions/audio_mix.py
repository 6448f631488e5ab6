"""Audio mix of a rendition: all tracks are decoded in parallel and mixed into one.

1. If all tracks of a file are mono, as cameras and recorders write them, all are used: odd tracks on the left, even
   ones on the right. Of any other file only the default track is used; a second one is another language.
2. Channels without names are heard like mono tracks. A change of rate, format or layout in mid-stream rebuilds the
   conversion of its track, which precedes the mix.
3. Audio files beside the picture are all used, each from its own start.
4. Silence at the start and gaps keep their length; a clock that jumps goes on after the last sound.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import av

from media.probe.clocks import SourceClock, has_jumping_clock
from media.probe.default_streams import find_audio_stream, list_audio_streams
from media.sandbox.ffmpeg_open import FFMPEG_TIME_BASE, open_container
from media.sound.converter import AUDIO_SAMPLE_RATE, MIX_FORMAT, SoundConverter, decode_tolerant, pull_frames
from media.sound.layouts import keep_layout


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
                for frame in decode_tolerant(container, stream):
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
        indexes = {stream.index: index for index, stream in enumerate(container.streams.audio)}
        found = [
            (stream, keep_layout(stream.codec_context).nb_channels == 1) for stream in list_audio_streams(container)
        ]
        if len(found) < 2 or not all(is_mono for _, is_mono in found):
            chosen = find_audio_stream(container)
            found = [one for one in found if one[0] is chosen]
        return [(indexes[stream.index], is_mono) for stream, is_mono in found]
