"""History texts of segments: who created, changed or deleted something, and where; never its text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.access.acl import Actor
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from services.core.text import format_clock_time


def segment_noun(segment: Segment) -> str:
    """Return the noun for a segment in a sentence."""
    return "comment" if segment.segment_type == SegmentType.COMMENT else segment.segment_type.value


def segment_counts_text(nouns: Mapping[str, int]) -> str:
    """ "a comment and 3 MARKER segments": format counts by noun."""
    said = []
    for noun, count in nouns.items():
        many = f"{count:,} comments" if noun == "comment" else f"{count:,} {noun} segments"
        one = "a comment" if noun == "comment" else f"a {noun} segment"
        said.append(one if count == 1 else many)
    return " and ".join(said)


def segment_changes_text(told: Mapping[str, int]) -> str:
    """Join descriptions of changes, with the count of repeated ones."""
    return "; ".join(what if count == 1 else f"{what} ({count:,} times)" for what, count in told.items())


def new_segments_text(made: Sequence[Segment], actor: Actor) -> str:
    """ "Ada commented at 00:01:02.500", "Ada added 12 MARKER segments": describe new segments."""
    if len(made) > 1:
        return f"{actor.name} added {segment_counts_text(Counter(map(segment_noun, made)))}"
    segment = made[0]
    at = "" if segment.time_start_milliseconds is None else f" at {format_clock_time(segment.time_start_milliseconds)}"
    if segment.segment_type != SegmentType.COMMENT:
        return f"{actor.name} added a {segment.segment_type} segment{at}"
    return f"{actor.name} {'answered a comment' if segment.parent_id else 'commented'}{at}"


def segment_change_text(segment: Segment, differing: Mapping[str, Any]) -> str:
    """Describe a change of one segment, to be called before it is applied."""
    noun = (
        f"a {segment_noun(segment)}"
        if segment.segment_type == SegmentType.COMMENT
        else f"a {segment_noun(segment)} segment"
    )
    if differing.keys() == {"segment_checked"}:
        return f"ticked {noun} off" if differing["segment_checked"] else f"took the tick off {noun}"
    if differing.get("status") == SegmentStatus.DELETED:
        return f"deleted {noun}"
    if segment.status == SegmentStatus.DELETED and "status" in differing:
        return f"brought {noun} back"
    names = ", ".join(name.removeprefix("segment_").replace("_", " ") for name in sorted(differing))
    return f"changed {noun} ({names or 'what clients keep with it'})"
