"""Probe results as components: which planned component gets which stream, and the rows that are added."""

import uuid

import pytest

from services.media.probe_writer import GENERAL_TYPE, assign_streams, build_general_component

STREAMS: dict[str, tuple[list[str], list[str], list[int | None], list[int]]] = {
    "each its own": (["VIDEO", "AUDIO"], ["VIDEO", "AUDIO"], [0, 1], []),
    "in any order": (["AUDIO", "VIDEO"], ["VIDEO", "AUDIO"], [1, 0], []),
    "two of a type in order": (["AUDIO", "AUDIO"], ["AUDIO", "VIDEO", "AUDIO"], [0, 2], [1]),
    "a still is both": (["IMAGE"], ["VIDEO"], [0], []),
    "a frame is both": (["VIDEO"], ["IMAGE"], [0], []),
    "more than planned": (["VIDEO"], ["VIDEO", "VIDEO", "TEXT"], [0], [1, 2]),
    "fewer than planned": (["VIDEO", "AUDIO"], ["VIDEO"], [0, None], []),
    "another type": (["TEXT"], ["AUDIO"], [None], [0]),
    "nothing read": (["VIDEO"], [], [None], []),
    "nothing planned": ([], ["AUDIO"], [], [0]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_planned_component_gets_the_next_stream_of_its_type(name: str) -> None:
    types, kinds, expected, left = STREAMS[name]
    streams = [{"type": kind, "index": index} for index, kind in enumerate(kinds)]
    mine, others = assign_streams(types, streams)
    assert [stream and stream["index"] for stream in mine] == expected
    assert [stream["index"] for stream in others] == left


def test_equal_streams_are_not_given_twice() -> None:
    mine, others = assign_streams(["AUDIO"], [{"type": "AUDIO"}, {"type": "AUDIO"}])
    assert (mine, others) == ([{"type": "AUDIO"}], [{"type": "AUDIO"}])


def test_a_file_set_as_a_whole_is_one_component() -> None:
    set_id = uuid.UUID(int=1)
    row = build_general_component(set_id, {"container": "mp4"})
    assert uuid.UUID(row.pop("id")).version == 7
    assert row == {
        "file_set_id": str(set_id),
        "name": "General",
        "type": GENERAL_TYPE,
        "language": None,
        "media": {"container": "mp4"},
    }
