"""Timecode and positions in a clip: frames counted and written as `hh:mm:ss:ff`, and what people type read.

A position is the time since the first picture, in milliseconds. People read and type timecode, which begins where the
camera's clock was.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

TIMECODE_TEXT = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(?:[:;.](\d{2})|[:;](\d{3})|\.(\d{3}))?", re.ASCII)
TYPED_TIMECODE = re.compile(r"\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}", re.ASCII)
CLOCK = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,6}))?", re.ASCII)


def timecode_to_frames(timecode: str, fps: int) -> int:
    """Convert a timecode to the number of frames since zero; 0 for a text that is none, as files may hold any.

    Sound recorders write milliseconds behind a point, as in `10:25:00.500`.
    """
    found = TIMECODE_TEXT.fullmatch(timecode.strip())
    if found is None:
        return 0
    hours, minutes, seconds, frames, more, milliseconds = (int(part or 0) for part in found.groups())
    count = ((hours * 60 + minutes) * 60 + seconds) * fps + frames + more + milliseconds * fps // 1000
    if ";" in timecode:
        passed = hours * 60 + minutes
        count -= _dropped_per_minute(fps) * (passed - passed // 10)
    return count


def frames_to_timecode(count: int, fps: int, drops: bool) -> str:
    """Convert a number of frames to a timecode; it wraps after 24 hours."""
    if drops:
        drop = _dropped_per_minute(fps)
        ten_minutes = 600 * fps - 9 * drop
        tens, rest = divmod(count, ten_minutes)
        count += 9 * drop * tens + (drop * ((rest - drop) // (60 * fps - drop)) if rest >= drop else 0)
    seconds, frames = divmod(count, fps)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{';' if drops else ':'}{frames:02}"


def _dropped_per_minute(fps: int) -> int:
    """Frame numbers dropped at every minute except each tenth one."""
    return round(fps / 15)


@dataclass(frozen=True, slots=True)
class ClipClock:
    """The clock of one clip. Without a frame rate it has no timecode, and positions are minutes and seconds."""

    rate: Fraction | None = None
    start: str | None = None
    """Timecode of the first picture."""

    @property
    def first_frame(self) -> int:
        """The timecode of the first picture in frames."""
        return 0 if self.rate is None else timecode_to_frames(self.start or "", max(1, round(self.rate)))

    def write(self, milliseconds: int) -> str:
        """Write a position: as timecode, or as minutes and seconds where there are no pictures."""
        if self.rate is None:
            seconds, rest = divmod(milliseconds, 1000)
            minutes, seconds = divmod(seconds, 60)
            hours, minutes = divmod(minutes, 60)
            clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
            return f"{clock}.{rest:03}" if rest else clock
        frame = round(milliseconds * self.rate / 1000)
        return frames_to_timecode(self.first_frame + frame, max(1, round(self.rate)), ";" in (self.start or ""))

    def read(self, text: str) -> int:
        """Return the position that a text means: a timecode, or hours, minutes and seconds since the start.

        Raises:
            ValueError: it is neither, or before the first picture.
        """
        said = text.strip()
        if self.rate is not None and TYPED_TIMECODE.fullmatch(said):
            frame = timecode_to_frames(said, max(1, round(self.rate))) - self.first_frame
            if frame < 0:
                raise ValueError(f"{said} is before the clip begins, at {self.write(0)}")
            return round(frame * 1000 / self.rate)
        parts = CLOCK.fullmatch(said)
        if parts is None:
            raise ValueError(f'"{said[:40]}" is no time such as 1:05 or {self.write(5000)}')
        hours, minutes, seconds, fraction = parts.groups()
        whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
        return whole * 1000 + int((fraction or "0").ljust(3, "0")[:3])
