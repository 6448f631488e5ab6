"""Diff of a caption file against the segments of an earlier import: as few changes as possible.

Unchanged lines stay, and so do lines that a user edited or deleted: their captions in the file are skipped. A changed
line keeps its id, so that replies and values stay attached. A line that the file no longer contains is deleted, unless
it has replies or values.
"""

import uuid
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.probe.captions import TimedCaption
from models.catalog.segment import Segment, SegmentType
from models.core.base import new_id
from models.core.statements import bind_columns, copy_rows, in_array
from services.catalog.segments.segments import hard_delete_segments

CAPTION_SEGMENT_COLUMNS = (
    *("id", "asset_id", "version_id", "made_on", "segment_type", "time_start_milliseconds", "time_end_milliseconds"),
    *("segment_text", "transcription_id", "user_id"),
)

# A line is unedited if both dates are equal: an import sets them in one transaction.
CAPTION_LINES_OF_FILE = text("""
    SELECT id, time_start_milliseconds AS start_ms, time_end_milliseconds AS end_ms, segment_text AS said, user_id,
        status <> 'ACTIVE' OR date_modified <> date_created AS is_edited,
        EXISTS (SELECT FROM segment AS answer WHERE answer.parent_id = segment.id)
            OR EXISTS (SELECT FROM metadata_value WHERE object_id = segment.id) AS is_held
    FROM segment WHERE asset_id = :asset AND segment_type = 'TRANSCRIPTION' AND transcription_id = :file
    ORDER BY time_start_milliseconds, id
""")

# mark_segment_update marks the segments' documents; both dates are set, so that the lines count as unedited.
UPDATE_CAPTION_LINES = text("""
    UPDATE segment SET time_start_milliseconds = said.start_ms, time_end_milliseconds = said.end_ms,
        segment_text = said.words, date_created = now(), date_modified = now()
    FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS int[]), CAST(:ends AS int[]), CAST(:words AS text[]))
        AS said (id, start_ms, end_ms, words)
    WHERE segment.id = said.id
""")


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """A segment from a caption file."""

    id: uuid.UUID
    start_ms: int | None
    end_ms: int | None
    text: str
    is_edited: bool = False
    """A user changed or deleted it."""
    is_held: bool = False
    """It has replies or metadata values."""


@dataclass(slots=True)
class CaptionChanges:
    """Differences between segments and file."""

    added: list[TimedCaption] = field(default_factory=list)
    changed: list[tuple[uuid.UUID, TimedCaption]] = field(default_factory=list)
    gone: list[uuid.UUID] = field(default_factory=list)
    kept: int = 0
    """Number of lines that stay although the file differs."""

    @property
    def is_empty(self) -> bool:
        """Return whether nothing has to be written."""
        return not (self.added or self.changed or self.gone)


def diff_captions(lines: Sequence[CaptionLine], captions: Sequence[TimedCaption]) -> CaptionChanges:
    """Compute the changes that make the lines equal to the file."""
    found = CaptionChanges()
    left = _CaptionIndex(captions)
    differing = [line for line in lines if line.is_edited or not left.take_same(line)]
    for line in differing:
        if line.is_edited and left.take_near(line) is not None:
            found.kept += 1
    for line in differing:
        if line.is_edited:
            continue
        near = left.take_near(line)
        if near is not None:
            found.changed.append((line.id, near))
        elif line.is_held:
            found.kept += 1
        else:
            found.gone.append(line.id)
    found.added = left.rest()
    return found


class _CaptionIndex:
    """Captions of a file ordered by start; each is assigned to at most one line."""

    def __init__(self, captions: Iterable[TimedCaption]) -> None:
        self._captions = sorted(captions, key=lambda each: each.start_ms)
        self._starts = [each.start_ms for each in self._captions]
        self._is_free = [True] * len(self._captions)
        self._same: dict[tuple[int | None, int | None, str], list[int]] = {}
        for place, each in enumerate(self._captions):
            self._same.setdefault((each.start_ms, each.end_ms, each.text), []).append(place)

    def take_same(self, line: CaptionLine) -> bool:
        """Take a caption that is equal to the line; return whether there was one."""
        places = self._same.get((line.start_ms, line.end_ms, line.text))
        if not places:
            return False
        self._is_free[places.pop()] = False
        return True

    def take_near(self, line: CaptionLine) -> TimedCaption | None:
        """Take the free caption with the nearest start, if it overlaps the line."""
        start_ms = line.start_ms
        if start_ms is None:
            return None
        after = bisect_left(self._starts, start_ms)
        places = [place for place in (after, after - 1) if 0 <= place < len(self._captions) and self._is_free[place]]
        for place in sorted(places, key=lambda place: abs(self._starts[place] - start_ms)):
            caption = self._captions[place]
            if caption.start_ms == start_ms or _overlap(line, caption):
                self._is_free[place] = False
                return caption
        return None

    def rest(self) -> list[TimedCaption]:
        """Return the captions that were not taken."""
        return [each for each, is_free in zip(self._captions, self._is_free, strict=True) if is_free]


def _overlap(line: CaptionLine, caption: TimedCaption) -> bool:
    start = line.start_ms or 0
    end = start if line.end_ms is None else line.end_ms
    return caption.start_ms < end and start < caption.end_ms


def write_caption_lines(
    session: Session,
    asset_id: uuid.UUID,
    file_id: uuid.UUID,
    captions: Sequence[TimedCaption],
    user_id: uuid.UUID | None,
) -> CaptionChanges:
    """Update the segments of a caption file. New segments belong to this user, or else to the author of the earlier
    import.

    The caller has locked the asset, as all writers of its segments do.
    """
    rows = session.execute(CAPTION_LINES_OF_FILE, {"asset": asset_id, "file": file_id}).all()
    found = diff_captions(
        [CaptionLine(row.id, row.start_ms, row.end_ms, row.said, row.is_edited, row.is_held) for row in rows], captions
    )
    author = user_id or next((row.user_id for row in rows if row.user_id is not None), None)
    if found.gone:
        hard_delete_segments(session, in_array(Segment.id, found.gone))
    _update_lines(session, found.changed)
    fixed = (asset_id, asset_id, asset_id, SegmentType.TRANSCRIPTION.value)
    new = ((new_id(), *fixed, each.start_ms, each.end_ms, each.text, file_id, author) for each in found.added)
    # mark_segment_insert marks the segments' documents.
    copy_rows(session, Segment, CAPTION_SEGMENT_COLUMNS, new)
    return found


def _update_lines(session: Session, changed: Sequence[tuple[uuid.UUID, TimedCaption]]) -> None:
    if changed:
        said = sorted((line_id, one.start_ms, one.end_ms, one.text) for line_id, one in changed)
        session.execute(UPDATE_CAPTION_LINES, bind_columns(("ids", "starts", "ends", "words"), said))
