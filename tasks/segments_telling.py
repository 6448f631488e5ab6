"""History texts of segments: who created, changed or deleted something, and where; never its text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from models.acl import Actor
from models.segment import Segment, SegmentStatus, SegmentType
from tasks.segments_times import clock


def noun_of(segment: Segment) -> str:
    """Return the noun for a segment in a sentence."""
    return "comment" if segment.segment_type == SegmentType.COMMENT else segment.segment_type.value


def counted(nouns: Mapping[str, int]) -> str:
    """ "a comment and 3 MARKER segments": format counts by noun."""
    said = []
    for noun, count in nouns.items():
        many = f"{count:,} comments" if noun == "comment" else f"{count:,} {noun} segments"
        one = "a comment" if noun == "comment" else f"a {noun} segment"
        said.append(one if count == 1 else many)
    return " and ".join(said)


def listed(told: Mapping[str, int]) -> str:
    """Join descriptions of changes, with the count of repeated ones."""
    return "; ".join(what if count == 1 else f"{what} ({count:,} times)" for what, count in told.items())


def told_of_new(made: Sequence[Segment], actor: Actor) -> str:
    """ "Ada commented at 00:01:02.500", "Ada added 12 MARKER segments": describe new segments."""
    if len(made) > 1:
        return f"{actor.name} added {counted(Counter(map(noun_of, made)))}"
    segment = made[0]
    at = "" if segment.time_start_milliseconds is None else f" at {clock(segment.time_start_milliseconds)}"
    if segment.segment_type != SegmentType.COMMENT:
        return f"{actor.name} added a {segment.segment_type} segment{at}"
    return f"{actor.name} {'answered a comment' if segment.parent_id else 'commented'}{at}"


def told_of_change(segment: Segment, differing: Mapping[str, Any]) -> str:
    """Describe a change of one segment, to be called before it is applied."""
    noun = f"a {noun_of(segment)}" if segment.segment_type == SegmentType.COMMENT else f"a {noun_of(segment)} segment"
    if differing.keys() == {"segment_checked"}:
        return f"ticked {noun} off" if differing["segment_checked"] else f"took the tick off {noun}"
    if differing.get("status") == SegmentStatus.DELETED:
        return f"deleted {noun}"
    if segment.status == SegmentStatus.DELETED and "status" in differing:
        return f"brought {noun} back"
    names = ", ".join(name.removeprefix("segment_").replace("_", " ") for name in sorted(differing))
    return f"changed {noun} ({names or 'what clients keep with it'})"
