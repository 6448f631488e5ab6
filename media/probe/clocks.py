"""Clocks of a rendition: times of decoded pictures and sounds that go on where those of the source do not.

Joined recordings begin again or jump by hours, AVI stores no times of presentation, raw streams none at all. Each
picture is shown: a time that does not advance is one frame after the last.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import av

DISCONTINUOUS_FORMAT = 0x0200
"""AVFMT_TS_DISCONT: the format allows its clock to jump, as MPEG-TS and MPEG-PS do."""
JUMP_SECONDS = 10
"""As FFmpeg's `-dts_delta_threshold`: a longer step of such a clock is a jump, not a pause."""
DECODING_TIMES_ONLY = frozenset({"avi"})
"""Formats that store the order of decoding, one time a picture; their times of presentation are none."""


@dataclass(slots=True)
class SourceClock:
    """Turns the times of one stream, in seconds, into times that only advance."""

    may_jump: bool
    jumps: int = 0
    _offset: Fraction = Fraction(0)
    _last: Fraction | None = None
    _expected: Fraction = field(default=Fraction(0))

    def at(self, time: Fraction | None, duration: Fraction) -> Fraction:
        """Return the time of the next frame; `duration` is that of the frame itself."""
        now = self._expected if time is None else time + self._offset
        if self.may_jump and self._last is not None and abs(now - self._expected) > JUMP_SECONDS:
            self._offset += self._expected - now
            self.jumps += 1
            now = self._expected
        if self._last is not None and now <= self._last:
            now = self._expected
        self._last, self._expected = now, now + duration
        return now

    @property
    def end(self) -> Fraction:
        """Time at which the last frame ends."""
        return self._expected


@dataclass(slots=True)
class PictureTimes:
    """Chooses between the two times of decoded pictures, as FFmpeg's own decoder does: presentation, unless it goes
    back more often than decoding does."""

    only_decoding: bool
    _first: int | None = None
    _last_pts: int | None = None
    _last_dts: int | None = None
    _faulty_pts: int = 0
    _faulty_dts: int = 0

    def ticks_of(self, picture: av.VideoFrame) -> int | None:
        """Return the time of a picture in its time base; None if it has none."""
        pts, dts = picture.pts, picture.dts
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        if self.only_decoding:
            if dts is not None and self._first is None:
                self._first = dts
            return None if dts is None or self._first is None else dts - self._first
        if self._faulty_pts <= self._faulty_dts:
            return pts if pts is not None else dts
        return dts


def has_jumping_clock(container: av.container.InputContainer) -> bool:
    """Whether the clock of a container may jump."""
    return bool(container.format.flags & DISCONTINUOUS_FORMAT)


def stores_decoding_times(container: av.container.InputContainer) -> bool:
    """Whether a container stores times of decoding only."""
    return container.format.name in DECODING_TIMES_ONLY
