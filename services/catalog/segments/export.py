"""Export segments as CSV, SubRip, WebVTT and plain text."""

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.catalog.segment import Segment
from services.core.text import escape_csv_cell, format_clock_time

MAX_EXPORTED_SEGMENTS = 50_000
"""Lines of one file: a film has about 2,000 captions; this allows three to four words a second for four hours."""
DEFAULT_CUE_MS = 2_000
"""Duration of a caption without an end: about the reading time of a line."""
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
EXPORT_COLUMNS = (
    *("id", "type", "status", "start", "end", "start_milliseconds", "end_milliseconds", "text", "color", "checked"),
    *("author", "date_created", "parent_id"),
)


@dataclass(frozen=True, slots=True)
class ExportLine:
    """A segment and its author's name."""

    segment: Segment
    author: str


def export_csv(lines: Iterable[ExportLine]) -> str:
    """Export a table with a header; user text is escaped so that spreadsheets never evaluate it."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(EXPORT_COLUMNS)
    for line in lines:
        writer.writerow(_csv_row(line))
    return table.getvalue()


def _csv_row(line: ExportLine) -> list[object]:
    segment = line.segment
    start, end = segment.time_start_milliseconds, segment.time_end_milliseconds
    return [
        segment.id,
        segment.segment_type,
        segment.status,
        "" if start is None else format_clock_time(start),
        "" if end is None else format_clock_time(end),
        "" if start is None else start,
        "" if end is None else end,
        escape_csv_cell(segment.segment_text),
        escape_csv_cell(segment.segment_color or ""),
        str(segment.segment_checked).lower(),
        escape_csv_cell(line.author),
        segment.date_created.isoformat(),
        segment.parent_id or "",
    ]


def export_srt(lines: Iterable[ExportLine], words_per_line: int | None = None) -> str:
    """Export SubRip: number, times with a comma, text, blank line."""
    blocks = []
    for number, cue in enumerate(caption_cues(lines, words_per_line), start=1):
        times = f"{format_clock_time(cue.start, ',')} --> {format_clock_time(cue.end, ',')}"
        # An arrow in the text would be parsed as a timing line.
        blocks.append(f"{number}\n{times}\n{cue.text.replace('-->', '->')}\n\n")
    return "".join(blocks)


def export_vtt(lines: Iterable[ExportLine], words_per_line: int | None = None) -> str:
    """Export WebVTT, with HTML-escaped text."""
    shown = (
        f"{format_clock_time(cue.start)} --> {format_clock_time(cue.end)}\n{html.escape(cue.text, quote=False)}\n\n"
        for cue in caption_cues(lines, words_per_line)
    )
    return f"WEBVTT\n\n{''.join(shown)}"


def export_plain_text(lines: Iterable[ExportLine]) -> str:
    """Export one line per segment: time, author, text."""
    return "".join(f"{_plain_text_line(line)}\n" for line in lines)


def _plain_text_line(line: ExportLine) -> str:
    segment = line.segment
    times = [each for each in (segment.time_start_milliseconds, segment.time_end_milliseconds) if each is not None]
    when = " - ".join(map(format_clock_time, times))
    said = " ".join(caption_text_lines(segment))
    return " ".join(filter(None, (f"[{when}]" if when else "", f"{line.author}:" if line.author else "", said)))


@dataclass(frozen=True, slots=True)
class CaptionCue:
    """A caption with start and end, without blank lines in its text."""

    start: int
    end: int
    text: str


def caption_cues(lines: Iterable[ExportLine], words_per_line: int | None = None) -> Iterator[CaptionCue]:
    """Yield the captions of segments that have a start time."""
    for line in lines:
        segment = line.segment
        start, end = segment.time_start_milliseconds, segment.time_end_milliseconds
        if start is None:
            continue
        if end is None or end <= start:
            end = start + DEFAULT_CUE_MS
        yield CaptionCue(start, end, "\n".join(wrap_caption(caption_text_lines(segment), words_per_line)))


def caption_text_lines(segment: Segment) -> list[str]:
    """Return the text as lines without blank ones, which would end a caption; the segment type if it is empty."""
    cleaned = (CONTROL_CHARACTERS.sub(" ", each).strip() for each in segment.segment_text.splitlines())
    return [each for each in cleaned if each] or [segment.segment_type.value]


def wrap_caption(said: Sequence[str], words_per_line: int | None) -> Sequence[str]:
    """Re-wrap text to `words_per_line`."""
    if words_per_line is None:
        return said
    words = " ".join(said).split()
    return [" ".join(words[at : at + words_per_line]) for at in range(0, len(words), words_per_line)]
