"""Conversion of sound to one rate and layout, also where the source changes on its way."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av

from media.sound.layouts import is_unnamed, keep_layout

MIX_FORMAT = "fltp"
AUDIO_SAMPLE_RATE = 48_000


class SoundConverter:
    """Converts the sound of one track to the rate and layout of the mix, also where it changes on its way."""

    def __init__(self, layout: str) -> None:
        self._layout = layout
        self._now: tuple[int, str, str] | None = None

    def convert(self, frame: av.AudioFrame | None) -> Iterator[av.AudioFrame]:
        """Yield what is finished of a piece of sound; None yields the rest."""
        layout = None if frame is None else frame.layout
        kind = None if frame is None or layout is None else (frame.sample_rate, frame.format.name, layout.name)
        if self._now is not None and kind != self._now:
            self._source.push(None)
            yield from pull_frames(self._sink.pull)
        if frame is None or layout is None or kind is None:
            return
        if kind != self._now:
            self._now = kind
            self._build(frame, layout)
        self._source.push(frame)
        yield from pull_frames(self._sink.pull)

    def _build(self, frame: av.AudioFrame, layout: av.AudioLayout) -> None:
        graph = av.filter.Graph()
        self._source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        end = self._source
        steps = [
            ("aformat", f"sample_fmts={MIX_FORMAT}:channel_layouts={self._layout}:sample_rates={AUDIO_SAMPLE_RATE}")
        ]
        if is_unnamed(layout):
            steps.insert(0, ("pan", _pan_channels(layout.nb_channels)))
        for name, arguments in steps:
            step = graph.add(name, arguments)
            end.link_to(step)
            end = step
        self._sink = graph.add("abuffersink")
        end.link_to(self._sink)
        graph.configure()
        self._graph = graph


def _pan_channels(count: int) -> str:
    """Return the arguments of `pan` that put odd channels left and even ones right; one channel is heard on both."""
    left = "+".join(f"c{place}" for place in range(0, count, 2))
    right = "+".join(f"c{place}" for place in range(1, count, 2)) or left
    return f"stereo|FL={left}|FR={right}"


def decode_tolerant(container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the audio that can be decoded; damaged packets are skipped."""
    try:
        for packet in container.demux(stream):
            try:
                sounds = packet.decode()
                for sound in sounds:
                    keep_layout(sound)
                yield from sounds
            except av.error.InvalidDataError:
                continue
    except (av.error.InvalidDataError, av.error.EOFError):
        return


def pull_frames(pull: Callable[[], Any]) -> Iterator[Any]:
    """Yield the frames that a filter has finished; it needs more input then, or has ended."""
    while True:
        try:
            yield pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
