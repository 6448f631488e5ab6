"""Sentences about segments: who did what, how often, and never what was written."""

from typing import Any

import pytest

from models.access.acl import Actor
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from services.catalog.segments.history_text import (
    new_segments_text,
    segment_change_text,
    segment_changes_text,
    segment_counts_text,
)

ADA = Actor("Ada")


def segment(kind: str = "COMMENT", **columns: Any) -> Segment:
    default = {"segment_type": SegmentType(kind), "status": SegmentStatus.ACTIVE}
    return Segment(**default | columns)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([segment()], "Ada commented"),
        ([segment(time_start_milliseconds=62_500)], "Ada commented at 00:01:02.500"),
        ([segment(time_start_milliseconds=0)], "Ada commented at 00:00:00.000"),
        ([segment(parent_id=1)], "Ada answered a comment"),
        ([segment("MARKER", time_start_milliseconds=1)], "Ada added a MARKER segment at 00:00:00.001"),
        ([segment("MARKER")] * 12, "Ada added 12 MARKER segments"),
        ([segment(), segment("TAG"), segment("TAG")], "Ada added a comment and 2 TAG segments"),
    ],
)
def test_new_segments_are_counted_by_kind(made: list[Segment], expected: str) -> None:
    assert new_segments_text(made, ADA) == expected


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"comment": 1}, "a comment"),
        ({"comment": 2_000, "QC": 1}, "2,000 comments and a QC segment"),
        ({}, ""),
    ],
)
def test_counts_have_their_nouns(counts: dict[str, int], expected: str) -> None:
    assert segment_counts_text(counts) == expected


DELETED = SegmentStatus.DELETED


@pytest.mark.parametrize(
    ("before", "differing", "expected"),
    [
        (segment(), {"segment_checked": True}, "ticked a comment off"),
        (segment(), {"segment_checked": False}, "took the tick off a comment"),
        (segment("MARKER"), {"status": DELETED}, "deleted a MARKER segment"),
        (segment(status=DELETED), {"status": SegmentStatus.ACTIVE}, "brought a comment back"),
        (segment(), {"segment_text": "secret"}, "changed a comment (text)"),
        (
            segment(),
            {"time_end_milliseconds": 1, "segment_color": "RED"},
            "changed a comment (color, time end milliseconds)",
        ),
        (segment(), {}, "changed a comment (what clients keep with it)"),
    ],
)
def test_a_change_names_what_changed_and_never_a_value(
    before: Segment, differing: dict[str, Any], expected: str
) -> None:
    assert segment_change_text(before, differing) == expected


def test_repeated_changes_are_counted() -> None:
    assert segment_changes_text({"deleted a comment": 1, "changed a TAG": 1_200}) == (
        "deleted a comment; changed a TAG (1,200 times)"
    )
