"""Cues of SubRip and WebVTT, found by their lines of times.

Neither format is told by the file's name, and files are edited by hand: anything between two lines of times is the text
of the first, without the index or identifier of the second. What looks like a line of times and cannot be read is
counted, never dropped in silence.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

CUE_CLOCK = r"-?(?:(\d{1,7}):)?(\d{1,2}):(\d{1,2})(?:([.,:])(\d{1,6}))?"
CUE_ARROW = r"[ \t]*(?:-{1,3}>|[\u2013\u2014\u2212]>|\u2192)[ \t]*"
CUE_TIMES = re.compile(rf"[ \t]*{CUE_CLOCK}{CUE_ARROW}{CUE_CLOCK}(?:[ \t].*)?")
LOOKS_LIKE_TIMES = re.compile(rf"[ \t]*[-\d:;., \t]{{3,40}}{CUE_ARROW}[-\d:;., \t]{{3,40}}")
VTT_HEADER = re.compile(r"\ufeff?WEBVTT(?:[ \t].*)?", re.IGNORECASE)
VTT_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t].*)?")
CUE_INDEX = re.compile(r"[-+]?\d{1,9}")
CUE_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,300}>|<[\d:.]{3,15}>|</>|\{\\[^{}\n]{0,300}\}")
LINE_END = re.compile("\r*\n|\r")


@dataclass(frozen=True, slots=True)
class Cue:
    """A text with its times as written."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(slots=True)
class CueLines:
    """Cues of a file, and what else was in it."""

    cues: list[Cue]
    unreadable_times: int = 0
    """Lines that look like times and are none."""
    junk_lines: int = 0
    """Lines before the first cue that belong to no header."""
    unmeasured_frames: int = 0
    """Cues whose times end with frames, of which no rate says how long they are; they are taken for hundredths."""


def scan_cues(text: str, rate: Fraction | None = None) -> CueLines:
    """Find the cues of a file in SubRip or WebVTT, whichever it is; two digits behind a colon are frames of a rate."""
    lines = LINE_END.split(text.lstrip("\ufeff"))
    is_vtt = any(VTT_HEADER.fullmatch(line.strip()) for line in lines[:20])
    times = [place for place, line in enumerate(lines) if "-" in line or ">" in line if CUE_TIMES.fullmatch(line)]
    found = CueLines([])
    found.unreadable_times = sum(1 for line in lines if ">" in line and LOOKS_LIKE_TIMES.match(line)) - sum(
        1 for place in times if LOOKS_LIKE_TIMES.match(lines[place])
    )
    for number, place in enumerate(times):
        match = CUE_TIMES.fullmatch(lines[place])
        assert match is not None
        end = times[number + 1] if number + 1 < len(times) else len(lines)
        said = lines[place + 1 : end]
        if is_vtt:
            said = _until_blank(said)
        elif end < len(lines):
            said = _without_index(said, number + 2)
        start_ms, end_ms = _milliseconds(match.groups()[:5], rate), _milliseconds(match.groups()[5:], rate)
        found.unmeasured_frames += not rate and any(map(_has_frames, (match.groups()[:5], match.groups()[5:])))
        found.cues.append(Cue(start_ms, end_ms, _clean_text(said)))
    if not is_vtt and times:
        found.junk_lines = sum(1 for line in _without_index(lines[: times[0]], 1) if line.strip())
    return found


def _until_blank(lines: Sequence[str]) -> list[str]:
    """Return the lines up to a blank one: in WebVTT notes and identifiers follow."""
    return list(_take_text(lines))


def _take_text(lines: Sequence[str]) -> Iterator[str]:
    for place, line in enumerate(lines):
        if not line.strip() and (place or len(lines) == 1):
            return
        if VTT_BLOCK.fullmatch(line) and place and not lines[place - 1].strip():
            return
        yield line


def _without_index(lines: Sequence[str], number: int) -> list[str]:
    """Return the lines without the index of the next cue: the last line if it is a number, or, before blank lines, the
    expected one."""
    kept = list(lines)
    blank = 0
    while kept and not kept[-1].strip():
        kept.pop()
        blank += 1
    if kept and CUE_INDEX.fullmatch(kept[-1].strip().lstrip("\ufeff")):
        is_directly_before, is_expected = blank == 0, kept[-1].strip().lstrip("\ufeff") == str(number)
        if (is_directly_before and (len(kept) > 1 or number == 1)) or is_expected:
            kept.pop()
    return kept


def _has_frames(parts: Sequence[str | None]) -> bool:
    *_, separator, fraction = parts
    return separator == ":" and len(fraction or "") == 2


def _milliseconds(parts: Sequence[str | None], rate: Fraction | None) -> int:
    hours, minutes, seconds, _, fraction = parts
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    if rate and _has_frames(parts):
        return whole * 1000 + round(int(fraction or 0) * 1000 / rate)
    return whole * 1000 + int((fraction or "0").ljust(3, "0")[:3])


def _clean_text(lines: Sequence[str]) -> str:
    """Return the text of a cue without tags and blank lines."""
    text = html.unescape(CUE_TAG.sub("", "\n".join(lines)))
    return "\n".join(line for each in text.split("\n") if (line := each.strip()))
