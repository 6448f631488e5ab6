"""The waveform of a sound: its loudest values over time, in a memory that does not grow with its length."""

from collections.abc import Iterator

import av
from PIL import Image

from media.sound.converter import SoundConverter, decode_tolerant

WAVE_WIDTH, WAVE_HEIGHT = 1280, 320
WAVE_COLOR = (0x4A, 0x90, 0xD9, 0xFF)
MAX_PEAKS = 4 * WAVE_WIDTH
FIRST_SPAN_SAMPLES = 64
MIN_FLOATS_FOR_PILLOW = 256

Peak = tuple[float, float]
"""The lowest and the highest value of a span, from -1 to 1."""


class PeakList:
    """The peaks of a sound of any length, each of a span of samples; where they become too many the span doubles."""

    def __init__(self) -> None:
        self.peaks: list[Peak] = []
        self._span = FIRST_SPAN_SAMPLES
        self._low, self._high, self._samples = 0.0, 0.0, 0

    def add(self, frame: av.AudioFrame) -> None:
        """Add a sound of floats, with all its channels."""
        planes = [bytes(plane)[: 4 * frame.samples] for plane in frame.planes]
        place = 0
        while place < frame.samples:
            end = min(frame.samples, place + self._span - self._samples)
            for plane in planes:
                low, high = _find_extrema(plane[4 * place : 4 * end])
                self._low, self._high = min(self._low, low), max(self._high, high)
            self._samples += end - place
            place = end
            if self._samples >= self._span:
                self._finish()

    def _finish(self) -> None:
        self.peaks.append((self._low, self._high))
        self._low, self._high, self._samples = 0.0, 0.0, 0
        if len(self.peaks) >= MAX_PEAKS:
            pairs = zip(self.peaks[::2], self.peaks[1::2], strict=True)
            self.peaks = [(min(one[0], other[0]), max(one[1], other[1])) for one, other in pairs]
            self._span *= 2

    def columns(self, count: int) -> Iterator[Peak]:
        """Yield the peak of each column of a picture; those of a sound shorter than that are repeated."""
        peaks = [*self.peaks, (self._low, self._high)] if self._samples else self.peaks
        for column in range(count):
            begin = column * len(peaks) // count
            some = peaks[begin : max(begin + 1, (column + 1) * len(peaks) // count)]
            yield min(low for low, _ in some), max(high for _, high in some)


def _find_extrema(floats: bytes) -> Peak:
    """Return the least and the greatest of many floats: by Pillow a hundred times as fast as by Python."""
    count = len(floats) // 4
    if count < MIN_FLOATS_FOR_PILLOW:
        values = memoryview(floats).cast("f")
        return min(values), max(values)
    low, high = Image.frombytes("F", (count, 1), floats).getextrema()
    assert isinstance(low, float)
    assert isinstance(high, float)
    return low, high


def draw_waveform(container: av.container.InputContainer, stream: av.AudioStream) -> Image.Image | None:
    """Draw the waveform of all that can be decoded, on a transparent background; None if that is nothing."""
    peaks, converter = PeakList(), SoundConverter("stereo")
    is_heard = False
    for frame in decode_tolerant(container, stream):
        is_heard = True
        for sound in converter.convert(frame):
            peaks.add(sound)
    for sound in converter.convert(None):
        peaks.add(sound)
    if not is_heard:
        return None
    drawn = Image.new("RGBA", (WAVE_WIDTH, WAVE_HEIGHT))
    middle = WAVE_HEIGHT // 2
    for column, (low, high) in enumerate(peaks.columns(WAVE_WIDTH)):
        top, bottom = (round(middle - max(-1.0, min(1.0, value)) * (middle - 1)) for value in (high, low))
        drawn.paste(WAVE_COLOR, (column, top, column + 1, bottom + 1))
    return drawn
