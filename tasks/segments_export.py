"""Segments as files that other programs open: a table, captions in two formats, and plain text."""

import csv
import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.segment import Segment
from tasks.segments_times import clock

MOST_EXPORTED = 50_000
"""Lines of one file; a film has some two thousand captions, and this many words each second for four hours."""
MOMENT_MS = 2_000
"""How long a caption stands that has no end: about as long as a line takes to read."""
FORMULA = frozenset("=+-@＝＋－＠")
"""A spreadsheet runs what begins so (OWASP, CSV injection)."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
COLUMNS = (
    *("id", "type", "status", "start", "end", "start_milliseconds", "end_milliseconds", "text", "color", "checked"),
    *("author", "date_created", "parent_id"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A segment and the name of its author."""

    segment: Segment
    author: str


def as_csv(lines: Iterable[Line]) -> str:
    """A table with a heading; whatever people wrote is text to a spreadsheet, never a formula."""
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
    """Text that a spreadsheet takes for text: an apostrophe says so where it would calculate."""
    beginning = text.lstrip()[:1]
    return f"'{text}" if beginning in FORMULA or text[:1] in {"\t", "\r", "\n"} else text


def as_srt(lines: Iterable[Line], words_per_line: int | None = None) -> str:
    """SubRip: a number, the times with a comma, the text, a blank line."""
    return "".join(
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{cue.text.replace('-->', '->')}\n\n"
        for number, cue in enumerate(cues(lines, words_per_line), start=1)
    )


def as_vtt(lines: Iterable[Line], words_per_line: int | None = None) -> str:
    """WebVTT, with what is a tag in it written out."""
    shown = (
        f"{clock(cue.start)} --> {clock(cue.end)}\n{html.escape(cue.text, quote=False)}\n\n"
        for cue in cues(lines, words_per_line)
    )
    return f"WEBVTT\n\n{''.join(shown)}"


def as_text(lines: Iterable[Line]) -> str:
    """A line for each: when, who, what."""
    return "".join(f"{_plain(line)}\n" for line in lines)


def _plain(line: Line) -> str:
    segment = line.segment
    times = [each for each in (segment.time_start_milliseconds, segment.time_end_milliseconds) if each is not None]
    when = " - ".join(map(clock, times))
    said = " ".join(said_by(segment))
    return " ".join(filter(None, (f"[{when}]" if when else "", f"{line.author}:" if line.author else "", said)))


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption with both its times, and no blank line in its text."""

    start: int
    end: int
    text: str


def cues(lines: Iterable[Line], words_per_line: int | None = None) -> Iterator[Cue]:
    """The captions of segments that have a place in the clip."""
    for line in lines:
        segment = line.segment
        start, end = segment.time_start_milliseconds, segment.time_end_milliseconds
        if start is None:
            continue
        if end is None or end <= start:
            end = start + MOMENT_MS
        yield Cue(start, end, "\n".join(wrapped(said_by(segment), words_per_line)))


def said_by(segment: Segment) -> list[str]:
    """The text in lines, without blank ones, which would end a caption; its type where it says nothing."""
    cleaned = (CONTROL.sub(" ", each).strip() for each in segment.segment_text.splitlines())
    return [each for each in cleaned if each] or [segment.segment_type.value]


def wrapped(said: Sequence[str], words_per_line: int | None) -> Sequence[str]:
    """The same words, so many on a line."""
    if words_per_line is None:
        return said
    words = " ".join(said).split()
    return [" ".join(words[at : at + words_per_line]) for at in range(0, len(words), words_per_line)]
