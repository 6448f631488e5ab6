"""Segments as files: safe in a spreadsheet, readable by players, and in order."""

import csv
import io
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
import webvtt

from models.catalog.segment import Segment, SegmentStatus, SegmentType
from services.catalog.segments.export import (
    ExportLine,
    export_csv,
    export_plain_text,
    export_srt,
    export_vtt,
)
from services.core.text import escape_csv_cell, format_clock_time


def line(
    said: str, start: int | None = None, end: int | None = None, author: str = "Ada", **columns: Any
) -> ExportLine:
    segment = Segment(id=uuid.UUID(int=7), segment_type=SegmentType.COMMENT, status=SegmentStatus.ACTIVE, **columns)
    segment.segment_text, segment.segment_checked = said, False
    segment.time_start_milliseconds, segment.time_end_milliseconds = start, end
    segment.date_created = datetime(2024, 1, 31, 12, tzinfo=UTC)
    return ExportLine(segment, author)


def only_row(shown: ExportLine) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(export_csv([shown]), newline=""))
    return row


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "00:00:00.000"), (62_500, "00:01:02.500"), (3_599_999, "00:59:59.999"), (360_000_000, "100:00:00.000")],
)
def test_a_time_is_written_as_players_read_it(milliseconds: int, shown: str) -> None:
    assert format_clock_time(milliseconds) == shown


@pytest.mark.parametrize("said", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =HYPERLINK(1)", "＝1"])
def test_no_cell_is_a_formula(said: str) -> None:
    row = only_row(line(said, author=said))
    assert row["text"] == row["author"] == f"'{said}"


def test_what_is_no_formula_stays_as_it_was_written() -> None:
    said = 'a "quoted", text\nin two lines = fine'
    assert escape_csv_cell(said) == said
    row = only_row(line(said, 1_000, 2_000))
    assert (row["text"], row["start"], row["end_milliseconds"]) == (said, "00:00:01.000", "2000")


def test_captions_have_a_time_an_end_and_no_blank_line() -> None:
    lines = [line("one\n\n\ntwo", 0, 1_500), line("moment", 2_000), line("nowhere"), line(" ", 3_000, 3_000)]
    assert export_srt(lines) == (
        "1\n00:00:00,000 --> 00:00:01,500\none\ntwo\n\n"
        "2\n00:00:02,000 --> 00:00:04,000\nmoment\n\n"
        "3\n00:00:03,000 --> 00:00:05,000\nCOMMENT\n\n"
    )
    assert export_vtt([]) == "WEBVTT\n\n"
    assert export_srt([line("a b c d e", 0, 1)], 2).splitlines()[2:5] == ["a b", "c d", "e"]


@pytest.mark.parametrize(
    "said",
    ["00:00:05.000 --> 00:00:09.000", "</v><b>bold & <script>", "NOTE x", "STYLE\n::cue{}", "a\x0bb\u2028c"],
)
def test_no_text_breaks_out_of_its_caption(said: str) -> None:
    lines = [line(said, 1_000, 2_000), line("next", 3_000, 4_000)]
    for kind, written in (("vtt", export_vtt(lines)), ("srt", export_srt(lines))):
        read = webvtt.from_buffer(io.StringIO(written), format=kind)
        assert [(each.start, each.end) for each in read] == [
            ("00:00:01.000", "00:00:02.000"),
            ("00:00:03.000", "00:00:04.000"),
        ], kind
        assert read[1].text == "next"


def test_plain_text_says_when_who_and_what() -> None:
    assert export_plain_text([line("one\ntwo", 1_000, 2_000), line("all", author="")]) == (
        "[00:00:01.000 - 00:00:02.000] Ada: one two\nall\n"
    )
