"""Export segments as CSV, SubRip, WebVTT and plain text."""

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.segment import Segment
from tasks.segments_times import clock

MOST_EXPORTED = 50_000
"""Lines of one file: a film has about 2,000 captions; this allows three to four words a second for four hours."""
MOMENT_MS = 2_000
"""Duration of a caption without an end: about the reading time of a line."""
FORMULA = frozenset("=+-@＝＋－＠")
"""Prefixes that spreadsheets evaluate (OWASP, CSV injection)."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
COLUMNS = (
    *("id", "type", "status", "start", "end", "start_milliseconds", "end_milliseconds", "text", "color", "checked"),
    *("author", "date_created", "parent_id"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A segment and its author's name."""

    segment: Segment
    author: str


def as_csv(lines: Iterable[Line]) -> str:
    """Export a table with a header; user text is escaped so that spreadsheets never evaluate it."""
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(_row(line))
    return table.getvalue()


def _row(line: Line) -> list[object]:
    segment = line.segment
    start, end = segment.time_start_milliseconds, segment.time_end_milliseconds
    return [
        segment.id,
        segment.segment_type,
        segment.status,
        "" if start is None else clock(start),
        "" if end is None else clock(end),
        "" if start is None else start,
        "" if end is None else end,
        as_cell(segment.segment_text),
        as_cell(segment.segment_color or ""),
        str(segment.segment_checked).lower(),
        as_cell(line.author),
        segment.date_created.isoformat(),
        segment.parent_id or "",
    ]


def as_cell(text: str) -> str:
    """Escape a cell that a spreadsheet would evaluate, with a leading apostrophe."""
    beginning = text.lstrip()[:1]
    return f"'{text}" if beginning in FORMULA or text[:1] in {"\t", "\r", "\n"} else text


def as_srt(lines: Iterable[Line], words_per_line: int | None = None) -> str:
    """Export SubRip: number, times with a comma, text, blank line."""
    return "".join(
        # An arrow in the text would be parsed as a timing line.
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{cue.text.replace('-->', '->')}\n\n"
        for number, cue in enumerate(cues(lines, words_per_line), start=1)
    )


def as_vtt(lines: Iterable[Line], words_per_line: int | None = None) -> str:
    """Export WebVTT, with HTML-escaped text."""
    shown = (
        f"{clock(cue.start)} --> {clock(cue.end)}\n{html.escape(cue.text, quote=False)}\n\n"
        for cue in cues(lines, words_per_line)
    )
    return f"WEBVTT\n\n{''.join(shown)}"


def as_text(lines: Iterable[Line]) -> str:
    """Export one line per segment: time, author, text."""
    return "".join(f"{_plain(line)}\n" for line in lines)


def _plain(line: Line) -> str:
    segment = line.segment
    times = [each for each in (segment.time_start_milliseconds, segment.time_end_milliseconds) if each is not None]
    when = " - ".join(map(clock, times))
    said = " ".join(said_by(segment))
    return " ".join(filter(None, (f"[{when}]" if when else "", f"{line.author}:" if line.author else "", said)))


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption with start and end, without blank lines in its text."""

    start: int
    end: int
    text: str


def cues(lines: Iterable[Line], words_per_line: int | None = None) -> Iterator[Cue]:
    """Yield the captions of segments that have a start time."""
    for line in lines:
        segment = line.segment
        start, end = segment.time_start_milliseconds, segment.time_end_milliseconds
        if start is None:
            continue
        if end is None or end <= start:
            end = start + MOMENT_MS
        yield Cue(start, end, "\n".join(wrapped(said_by(segment), words_per_line)))


def said_by(segment: Segment) -> list[str]:
    """Return the text as lines without blank ones, which would end a caption; the segment type if it is empty."""
    cleaned = (CONTROL.sub(" ", each).strip() for each in segment.segment_text.splitlines())
    return [each for each in cleaned if each] or [segment.segment_type.value]


def wrapped(said: Sequence[str], words_per_line: int | None) -> Sequence[str]:
    """Re-wrap text to `words_per_line`."""
    if words_per_line is None:
        return said
    words = " ".join(said).split()
    return [" ".join(words[at : at + words_per_line]) for at in range(0, len(words), words_per_line)]
