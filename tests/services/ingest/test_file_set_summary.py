"""Summaries of file sets: name, counts, bytes, frame ranges and search names as their columns hold them."""

from dataclasses import replace
from typing import Any

import pytest

from grouping import Frames
from models.catalog.asset import MAX_SUMMARY_CHARACTERS
from services.ingest.file_set_summary import (
    EMPTY_FILE_SET_COLUMNS,
    MAX_MISSING_FRAMES,
    MAX_SEARCH_NAMES,
    NO_FRAME_COLUMNS,
    summarize_file_set,
)
from tests.services.ingest.catalog import FILE_SIZE, Catalog, file_set_plan

PLATE = [f"shots/plate.{frame:04}.exr" for frame in (1001, 1002, 1003, 1007)]

SUMMARIES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "a single file": (
        ["shots/a.mov"],
        {
            "label": "",
            "name": "a.mov",
            "base_dir": "shots",
            "type": "REGULAR",
            "file_count": 1,
            "size_bytes": FILE_SIZE,
            "names": "a.mov",
            "note": "",
            "bucket_folder_id": None,
            "bucket_key": None,
            **NO_FRAME_COLUMNS,
        },
    ),
    "a file at the root": (["a.mov"], {"base_dir": "", "name": "a.mov"}),
    "an NFD name stays as it is": (["cafe\u0301.mov"], {"name": "cafe\u0301.mov"}),
    "a control character is shown, not obeyed": (["a\x1b[2J.mov"], {"name": "a\\x1b[2J.mov", "names": "a\\x1b[2J.mov"}),
    "a sequence with a hole": (
        PLATE,
        {
            "name": "plate.[1001-1007].exr",
            "base_dir": "shots",
            "type": "MANY_FILES",
            "file_count": 4,
            "size_bytes": 4 * FILE_SIZE,
            "names": "plate.#.exr\nplate.1001.exr",
            "bucket_folder_id": 2,
            "bucket_key": b"plate.\0.exr",
            "first_frame": 1001,
            "last_frame": 1007,
            "padding": 0,
            "frames": "1001-1003,1007",
            "missing_frames": 3,
            "missing": "1004-1006",
            "empty_frames": "",
        },
    ),
    "a sequence on twos has no holes": (
        [f"plate.{frame:04}.exr" for frame in range(1, 12, 2)],
        {"frames": "1-11x2", "frame_step": 2, "missing_frames": 0, "missing": "", "padding": 4},
    ),
    "negative frames": (
        [f"bar.{frame}.exr" for frame in ("-002", "-001", "000", "001")],
        {"name": "bar.[-2-1].exr", "first_frame": -2, "frames": "-2-1", "padding": 3, "missing_frames": 0},
    ),
    "parts of one recording": (
        [f"A001_C001_0102AB.RDC/A001_C001_0102AB_00{part}.R3D" for part in (1, 2, 3)],
        {
            "name": "A001_C001_0102AB_001.R3D and 2 more",
            "type": "MANY_FILES",
            "file_count": 3,
            "names": "A001_C001_0102AB_001.R3D\nA001_C001_0102AB_002.R3D\nA001_C001_0102AB_003.R3D",
            **NO_FRAME_COLUMNS,
        },
    ),
}


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_file_set_is_summarized(name: str) -> None:
    paths, expected = SUMMARIES[name]
    found = summarize_file_set(file_set_plan(*paths))
    assert {column: found[column] for column in expected} == expected


def test_a_summary_has_the_same_columns_whether_it_is_a_sequence_or_not() -> None:
    assert summarize_file_set(file_set_plan("a.mov")).keys() == summarize_file_set(file_set_plan(*PLATE)).keys()
    assert NO_FRAME_COLUMNS.keys() | EMPTY_FILE_SET_COLUMNS.keys() <= summarize_file_set(file_set_plan("a.mov")).keys()


def test_undecodable_bytes_become_text() -> None:
    catalog = Catalog()
    catalog.arrive(b"caf\xe9.mov")
    [asset] = catalog.plan()
    [part] = asset.sets()
    assert summarize_file_set(part)["name"] == "caf\\xe9.mov"


def test_empty_frames_are_listed_and_not_counted() -> None:
    catalog = Catalog()
    catalog.arrive(*PLATE)
    catalog.arrive("shots/plate.1004.exr", size=0)
    [asset] = catalog.plan()
    [part] = asset.sets()
    found = summarize_file_set(part)
    assert (found["empty_frames"], found["file_count"], found["frames"]) == ("1004", 4, "1001-1003,1007")


def test_the_bytes_of_unread_frames_are_those_that_were_stored() -> None:
    catalog = Catalog()
    catalog.store_sequence("plate", "plate.0001.exr", 100, read=[5, 6, 7])
    catalog.change("plate.0005.exr", size=FILE_SIZE + 11)
    catalog.leave("plate.0006.exr")
    catalog.arrive("plate.0101.exr", size=1)
    [asset] = catalog.plan()
    [part] = asset.sets()
    found = summarize_file_set(part)
    assert found["size_bytes"] == 100 * FILE_SIZE + 11 - FILE_SIZE + 1
    assert found["file_count"] == 100
    assert found["missing"] == "6"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({}, ""),
        ({"a.0002.exr": "GROWING"}, "a.0002.exr grows again"),
        ({"a.0002.exr": "OPEN"}, "a.0002.exr was emptied"),
        ({"a.0002.exr": "AWAITED"}, ""),
        ({"a.0001.exr": "GROWING", "a.0002.exr": "OPEN"}, "a.0001.exr grows again, and 1 more"),
        (dict.fromkeys(["a.0001.exr", "a.0002.exr", "a.0003.exr"], "OPEN"), "a.0001.exr was emptied, and 2 more"),
    ],
)
def test_a_note_names_a_member_that_is_not_stable(statuses: dict[str, str], expected: str) -> None:
    part = file_set_plan("a.0001.exr", "a.0002.exr", "a.0003.exr")
    part.files = [file._replace(status=statuses.get(file.path.decode(), "CLOSED")) for file in part.files]
    assert summarize_file_set(part)["note"] == expected


def test_holes_of_far_apart_frames_fit_the_column() -> None:
    part = file_set_plan(*(f"a.{frame}.exr" for frame in (1, 10**12, 10**12 + 1)))
    assert summarize_file_set(part)["missing_frames"] == MAX_MISSING_FRAMES


def test_long_lists_are_cut() -> None:
    many = file_set_plan("a.mov")
    many.plan = replace(many.plan, members=many.plan.members * (MAX_SEARCH_NAMES + 10))
    assert summarize_file_set(many)["names"].split("\n") == ["a.mov"] * MAX_SEARCH_NAMES
    torn = file_set_plan("a.000000.exr", "a.000001.exr", "a.000003.exr")
    [sequence] = torn.plan.members
    frames = Frames(frame for start in range(0, 200_000, 8) for frame in (start, start + 1, start + 3))
    torn.plan = replace(torn.plan, members=(replace(sequence, frames=frames),))
    found = summarize_file_set(torn)
    assert [len(found[column]) for column in ("frames", "missing")] == [MAX_SUMMARY_CHARACTERS] * 2
    assert found["missing_frames"] == frames.missing_count
