"""Times of captions against their clip: programme timecode begins at zero, and nothing lasts longer than the clip."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.probe.captions import TimedCaption
from services.catalog.segments.access import asset_duration_ms
from services.core.text import pluralize

CLIP_TIMECODE = re.compile(r"(\d{2}):(\d{2}):(\d{2})(?:[:;.](\d{2})|\.(\d{3}))")
DEFAULT_CLIP_RATE = Fraction(25)
START_TOLERANCE_MS = 1_000
"""A programme's first line may begin this much before the first picture."""

CLIP_TIMING = text("""
    SELECT min(component.media ->> 'timecode_start') FILTER (WHERE component.type = 'GENERAL') AS timecode,
        min(component.media ->> 'frame_rate') FILTER (WHERE component.type = 'VIDEO') AS rate
    FROM format JOIN component ON component.format_id = format.id
    WHERE format.asset_id = :asset AND format.role = 'original'
""")


@dataclass(frozen=True, slots=True)
class ClipTiming:
    """What is known of a clip's times."""

    duration_ms: int | None = None
    timecode_start: str | None = None
    rate: Fraction | None = None

    @property
    def start_ms(self) -> int:
        """The timecode of the first picture as a time of day, as caption editors write it."""
        parts = CLIP_TIMECODE.fullmatch(self.timecode_start or "")
        if parts is None:
            return 0
        hours, minutes, seconds, frames, milliseconds = (int(part or 0) for part in parts.groups())
        fps = max(1, round(self.rate or DEFAULT_CLIP_RATE))
        return ((hours * 60 + minutes) * 60 + seconds) * 1_000 + frames * 1_000 // fps + milliseconds


@dataclass(frozen=True, slots=True)
class FittedCaptions:
    """Captions within a clip, and what was done to the others."""

    captions: list[TimedCaption]
    changes: list[str] = field(default_factory=list)
    """What was done without losing a line."""
    losses: list[str] = field(default_factory=list)


def load_clip_timing(session: Session, asset_id: uuid.UUID) -> ClipTiming:
    """Load what is known of the times of an asset's original."""
    row = session.execute(CLIP_TIMING, {"asset": asset_id}).one()
    return ClipTiming(asset_duration_ms(session, asset_id), row.timecode, Fraction(row.rate) if row.rate else None)


def fit_to_clip(captions: Sequence[TimedCaption], clip: ClipTiming) -> FittedCaptions:
    """Move captions in programme timecode to the clip's start, cut the last at its end, and leave out those outside."""
    fitted = FittedCaptions([])
    offset = clip.start_ms if _is_programme_time(captions, clip) else 0
    if offset:
        fitted.changes.append(f"their times are timecode, moved by the clip's start {clip.timecode_start}")
    early = late = cut = 0
    for one in captions:
        start, end = one.start_ms - offset, one.end_ms - offset
        if end < 0 or (end == 0 and offset):
            early += 1
        elif clip.duration_ms is not None and start >= clip.duration_ms:
            late += 1
        else:
            cut += clip.duration_ms is not None and end > clip.duration_ms
            last = end if clip.duration_ms is None else min(end, clip.duration_ms)
            fitted.captions.append(replace(one, start_ms=max(0, start), end_ms=last))
    if cut:
        fitted.changes.append(f"{pluralize(cut, 'line')} cut at the end of the clip")
    if early:
        fitted.losses.append(f"{pluralize(early, 'line')} before the start of the clip left out")
    if late:
        fitted.losses.append(f"{pluralize(late, 'line')} behind the end of the clip left out")
    return fitted


def _is_programme_time(captions: Sequence[TimedCaption], clip: ClipTiming) -> bool:
    """Whether most captions lie behind the end of the clip, and behind its start in timecode."""
    if not clip.start_ms or clip.duration_ms is None:
        return False
    beyond = max(clip.duration_ms, clip.start_ms - START_TOLERANCE_MS)
    return 2 * sum(one.start_ms >= beyond for one in captions) > len(captions)
