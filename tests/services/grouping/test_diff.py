"""Diffs of a grouping: which change of an asset is reported, with the files, formats and assets concerned."""

from collections.abc import Callable
from typing import Any

import pytest

from models.catalog.asset import FormatRole
from services.grouping.diff import (
    MAX_LISTED_FILES,
    MAX_REPORTED_CHANGES,
    AssetChange,
    FileListing,
    GroupingComparison,
    GroupingDiff,
    describe_format,
)
from services.ingest.matching import match_plans
from services.ingest.planner import HeldPlan, IslandPlans
from tests.services.ingest.catalog import Catalog

Build = Callable[[Catalog], object]


def compared(catalog: Catalog, concerns: Callable[[Any], bool] = lambda _paths: True) -> GroupingDiff:
    """Return the diff of the island, whose rows are as they were and whose files are as they are now."""
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    present = [file for file in catalog.island.files.values() if file.is_present]
    difference = GroupingDiff()
    GroupingComparison(IslandPlans(catalog.snapshot, planned), present, concerns).write_to(difference)
    return difference


def store_pair(catalog: Catalog) -> None:
    stored = catalog.store("dive", "dive_L.mov", "dive_R.mov")
    next(iter(stored.formats.values())).structure = "stereoscopic"


def unchanged(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")


def arrived(catalog: Catalog) -> None:
    catalog.arrive("a.mov")


def renamed(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")
    catalog.rename("a.mov", "b.mov")


def named_by_hand(catalog: Catalog) -> None:
    catalog.store("mine", "a.mov", title_by_hand=True)


def captioned(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")
    catalog.arrive("a.en.srt")


def grown(catalog: Catalog) -> None:
    stored = catalog.store("a", ["a.0001.exr", "a.0002.exr"])
    next(iter(stored.formats.values())).structure = "image_sequence"
    catalog.arrive("a.0003.exr")


def merged(catalog: Catalog) -> None:
    catalog.store("talk_A1", "talk_A1.wav")
    catalog.store("talk_A2", "talk_A2.wav")
    catalog.arrive("talk_V1.mov")


def torn(catalog: Catalog) -> None:
    store_pair(catalog)
    catalog.rename("dive_R.mov", "else.mov")


CHANGES: dict[str, tuple[Build, list[tuple[str, str]], int]] = {
    "nothing": (unchanged, [], 1),
    "a new file": (arrived, [("new", "a")], 0),
    "another title": (renamed, [("title", "b")], 0),
    "a title that a user set": (named_by_hand, [], 1),
    "another structure": (captioned, [("kind", "a")], 0),
    "more files": (grown, [("files", "a")], 0),
    "assets that become one": (merged, [("merge", "talk")], 0),
    "an asset that falls apart": (torn, [("kind", "dive_L"), ("split", "else")], 0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_first_kind_of_change_that_applies_is_reported(name: str) -> None:
    build, expected, same = CHANGES[name]
    catalog = Catalog()
    build(catalog)
    difference = compared(catalog)
    assert [(change.change, change.title) for change in difference.changes] == expected
    assert (difference.unchanged, difference.is_empty) == (same, not expected)


def test_a_merge_names_the_assets_that_end() -> None:
    catalog = Catalog()
    merged(catalog)
    difference = compared(catalog)
    [change] = difference.changes
    assert change.asset is not None
    assert (change.asset.title, [one.title for one in change.takes_in], difference.merged) == (
        "talk_A1",
        ["talk_A2"],
        1,
    )
    assert change.joins == FileListing(1, (b"talk_V1.mov",)), "files of the assets that end do not join"


def test_a_split_names_where_its_files_come_from() -> None:
    catalog = Catalog()
    torn(catalog)
    left, split = compared(catalog).changes
    assert (left.leaves, left.joins) == (FileListing(1, (b"else.mov",)), FileListing())
    (part,) = left.formats
    assert (part.before, part.after) == ("original stereoscopic pair", "original single video")
    assert (split.asset, [one.title for one in split.comes_from]) == (None, ["dive"])


def test_a_lost_format_is_one_that_is_none_anymore() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    catalog.add_format(stored, "a_proxy.mov", role="transcode")
    catalog.rename("a_proxy.mov", "zzz.mov")
    change = compared(catalog).changes[0]
    assert [(part.before, part.after) for part in change.formats] == [("transcode single video", None)]


def test_an_asset_whose_files_another_takes_is_gone() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    stored.is_needed_elsewhere, stored.row.island_id = True, 7
    assert [change.change for change in compared(catalog).changes] == ["split", "gone"]


def test_only_changes_of_the_folder_in_question_are_reported() -> None:
    catalog = Catalog()
    merged(catalog)
    assert compared(catalog, lambda paths: b"talk_A1.wav" in paths).counts == {"merge": 1}
    assert compared(catalog, lambda paths: b"other.mov" in paths).changes == []


def test_what_is_held_back_is_named_with_its_reason_and_is_no_change() -> None:
    catalog = Catalog()
    catalog.arrive("a.mov")
    [plan] = catalog.group()
    difference = GroupingDiff()
    held = HeldPlan(catalog.island, plan, "waits", 5)
    GroupingComparison(IslandPlans(catalog.snapshot, [], [held]), []).write_to(difference)
    [change] = difference.changes
    assert (change.change, change.title, change.reason, change.joins.count) == ("held", "a", "waits", 1)
    assert difference.is_empty


def test_long_lists_are_cut_and_counted() -> None:
    listing = FileListing.of(b"%03d" % number for number in reversed(range(MAX_LISTED_FILES + 5)))
    assert (listing.count, listing.shown[:2], len(listing.shown)) == (25, (b"000", b"001"), MAX_LISTED_FILES)
    difference = GroupingDiff()
    for _ in range(MAX_REPORTED_CHANGES + 3):
        difference.add(AssetChange("new", "a"))
    assert (len(difference.changes), difference.left_out, difference.counts["new"]) == (1_000, 3, 1_003)
    assert difference.to_json()["left_out"] == 3
    difference.add(AssetChange("files", "b", dependents={"approvals": 1}))
    assert (len(difference.changes), difference.left_out, difference.changes[0].title) == (1_000, 4, "b")


@pytest.mark.parametrize(
    ("role", "structure", "expected"),
    [
        (FormatRole.ORIGINAL, "single", "original single video"),
        ("sidecar", "other", "sidecar"),
        (FormatRole.SIDECAR, "x", "sidecar"),
    ],
)
def test_a_format_is_its_role_and_structure(role: str, structure: str, expected: str) -> None:
    assert describe_format(role, structure) == expected
