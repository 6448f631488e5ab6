"""Matching: which stored assets, formats and file sets the plans of an island continue, so that ids survive."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from models.catalog.asset import AssetStatus
from services.ingest.matching import Provenance, can_take_over, count_overlaps, find_splits, match_plans
from services.ingest.merged_assets import MAX_SNAPSHOT_FILE_IDS
from services.ingest.plan import PlannedAsset
from tests.services.ingest.catalog import MONDAY, Catalog

Build = Callable[[Catalog], object]


def stored_of(planned: list[PlannedAsset]) -> dict[str, tuple[str | None, list[str]]]:
    """Return which asset each plan continues, and which are merged into it, by title."""
    return {
        asset.plan.title: (
            asset.stored.row.title if asset.stored else None,
            [merged.row.title for merged in asset.merged],
        )
        for asset in planned
    }


def same_name(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")


def arrived(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")
    catalog.arrive("b.mov")


def renamed(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")
    catalog.rename("a.mov", "b.mov")


def replaced(catalog: Catalog) -> None:
    catalog.store("a", "a.mov")
    catalog.rename("a.mov", "b.mov")
    catalog.arrive("a.mov")


def missing(catalog: Catalog) -> None:
    catalog.store("a", "a.mov", "a.srt")
    catalog.leave("a.srt")


def host_joins_sounds(catalog: Catalog) -> None:
    catalog.store("talk_A1", "talk_A1.wav")
    catalog.store("talk_A2", "talk_A2.wav")
    catalog.arrive("talk_V1.mov")


def host_joins_a_deleted_older_sound(catalog: Catalog) -> None:
    catalog.store("talk_A1", "talk_A1.wav", status=AssetStatus.DELETED)
    catalog.store("talk_A2", "talk_A2.wav")
    catalog.arrive("talk_V1.mov")


def sounds_of_one_age(catalog: Catalog) -> None:
    catalog.store("talk_A1", "talk_A1.wav", date_created=MONDAY)
    catalog.store("talk_A2", "talk_A2.wav", date_created=MONDAY)
    catalog.arrive("talk_V1.mov")


def pair_parts(catalog: Catalog) -> None:
    catalog.store("dive", "dive_L.mov", "dive_R.mov")
    catalog.rename("dive_R.mov", "else.mov")


def larger_share_parts(catalog: Catalog) -> None:
    catalog.store("talk", ["z_V1.mov"], ["z_A1.wav"], ["a.mov"])


def asset_elsewhere(catalog: Catalog) -> None:
    stored = catalog.store("a", "a.mov")
    stored.row.island_id = 7
    stored.is_needed_elsewhere = True


def asset_of_here_that_is_elsewhere_too(catalog: Catalog) -> None:
    catalog.store("a", "a.mov").is_needed_elsewhere = True


def asset_moved_here_whole(catalog: Catalog) -> None:
    catalog.store("a", "a.mov").row.island_id = 7


MATCHES: dict[str, tuple[Build, dict[str, tuple[str | None, list[str]]]]] = {
    "an unchanged file keeps its asset": (same_name, {"a": ("a", [])}),
    "a new file is a new asset": (arrived, {"a": ("a", []), "b": (None, [])}),
    "a renamed file keeps its asset": (renamed, {"b": ("a", [])}),
    "the file decides, not the name": (replaced, {"a": (None, []), "b": ("a", [])}),
    "an asset outlives a missing member": (missing, {"a": ("a", [])}),
    "the oldest of those that join keeps its id": (host_joins_sounds, {"talk": ("talk_A1", ["talk_A2"])}),
    "a deleted asset does not take in a living one": (
        host_joins_a_deleted_older_sound,
        {"talk": ("talk_A2", ["talk_A1"])},
    ),
    "of one age, the smaller id": (sounds_of_one_age, {"talk": ("talk_A1", ["talk_A2"])}),
    "of two equal parts the first by path continues": (pair_parts, {"dive_L": ("dive", []), "else": (None, [])}),
    "the part with most files continues, not the first": (larger_share_parts, {"a": (None, []), "z": ("talk", [])}),
    "an asset of another island with files there stays there": (asset_elsewhere, {"a": (None, [])}),
    "an asset of this island stays, wherever else it has files": (
        asset_of_here_that_is_elsewhere_too,
        {"a": ("a", [])},
    ),
    "an asset that moved whole is taken over": (asset_moved_here_whole, {"a": ("a", [])}),
}


@pytest.mark.parametrize("name", MATCHES)
def test_assets_continue_by_their_files(name: str) -> None:
    build, expected = MATCHES[name]
    catalog = Catalog()
    build(catalog)
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    assert stored_of(planned) == expected


def test_a_file_set_and_its_format_keep_their_rows() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    catalog.add_format(stored, "a_proxy.mov", role="transcode")
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot)
    assert [part.stored for part in asset.formats] == list(stored.formats.values())
    assert [part.stored for part in asset.sets()] == list(stored.file_sets.values())


def test_formats_and_file_sets_follow_the_files_of_a_merged_asset() -> None:
    catalog = Catalog()
    proxy = catalog.store("a_proxy", "a_proxy.mov")
    original = catalog.store("a", "a.mov")
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot)
    assert asset.stored is proxy
    assert asset.merged == [original]
    assert [part.stored for part in asset.formats] == [*original.formats.values(), *proxy.formats.values()]
    assert [part.stored for part in asset.sets()] == [*original.file_sets.values(), *proxy.file_sets.values()]


def test_of_two_formats_that_become_one_the_older_of_equal_size_stays() -> None:
    catalog = Catalog()
    left = catalog.store("dive_L", "dive_L.mov")
    right = catalog.store("dive_R", "dive_R.mov")
    next(iter(left.formats.values())).date_created += timedelta(days=9)
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot)
    assert [part.stored for part in asset.formats] == list(right.formats.values())
    assert [part.stored for part in asset.sets()] == [*left.file_sets.values(), *right.file_sets.values()]


def test_a_partly_read_sequence_keeps_its_row_and_a_new_one_beside_it_gets_its_own() -> None:
    catalog = Catalog()
    stored = catalog.store_sequence("plate", "plate.0001.exr", 100, read=[7])
    catalog.arrive("plate.0101.exr", "other.mov")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    assert stored_of(planned) == {"other": (None, []), "plate": ("plate", [])}
    [part] = planned[1].sets()
    assert part.stored is part.continues is next(iter(stored.file_sets.values()))
    assert part.count == 101


def test_a_pinned_asset_is_named_by_its_pins_and_rules_do_not_touch_it() -> None:
    catalog = Catalog()
    by_hand = catalog.store("by hand", "a.mov")
    catalog.pin("a.mov", by_hand)
    catalog.arrive("a_proxy.mov")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    pinned = next(asset for asset in planned if asset.pin is not None)
    assert pinned.stored is by_hand
    assert [part.stored for part in pinned.formats] == list(by_hand.formats.values())
    assert [part.stored for part in pinned.sets()] == list(by_hand.file_sets.values())
    assert [asset.stored for asset in planned if asset.pin is None] == [None]


def test_rules_leave_the_formats_that_have_pins_to_the_plan_of_the_pins() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    by_hand = catalog.add_format(stored, "b.mov", role="transcode")
    catalog.pin("b.mov", stored, 1, role="transcode")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    assert [asset.stored for asset in planned] == [stored, stored]
    [ruled] = [asset for asset in planned if asset.pin is None]
    assert by_hand not in [part.stored for part in ruled.formats]


def test_a_pin_of_an_asset_that_is_gone_continues_none() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    catalog.pin("a.mov", stored)
    del catalog.snapshot.assets[stored.row.id]
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    assert [asset.stored for asset in planned] == [None]


SPLITS: dict[str, tuple[Build, list[str]]] = {
    "nothing splits where nothing changes": (same_name, []),
    "a new file splits nothing": (arrived, []),
    "a renamed file splits nothing": (renamed, []),
    "files that go to two plans": (pair_parts, ["dive"]),
    "joining splits nothing": (host_joins_sounds, []),
    "a file that leaves an asset of another island": (asset_elsewhere, ["a"]),
    "an asset that moves whole": (asset_moved_here_whole, []),
}


@pytest.mark.parametrize("name", SPLITS)
def test_an_asset_splits_if_its_files_go_to_several_plans(name: str) -> None:
    build, expected = SPLITS[name]
    catalog = Catalog()
    build(catalog)
    found = find_splits(catalog.plan(), catalog.snapshot)
    assert sorted(catalog.snapshot.assets[asset_id].row.title for asset_id in found) == expected


def test_unread_frames_split_an_asset_too() -> None:
    catalog = Catalog()
    stored = catalog.store_sequence("plate", "plate.0001.exr", 100)
    [row] = stored.file_sets.values()
    catalog.arrive("other.mov", file_set_id=row.id)
    assert find_splits(catalog.plan(), catalog.snapshot) == {stored.row.id}


@pytest.mark.parametrize(
    ("is_needed_elsewhere", "island_id", "expected"),
    [(False, 1, True), (False, 7, True), (False, None, True), (True, 1, True), (True, 7, False), (True, None, False)],
)
def test_an_asset_with_files_elsewhere_continues_only_in_its_own_island(
    is_needed_elsewhere: bool, island_id: int | None, expected: bool
) -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.mov")
    stored.is_needed_elsewhere, stored.row.island_id = is_needed_elsewhere, island_id
    [planned] = catalog.plan()
    assert can_take_over(planned, catalog.snapshot, stored.row.id) is expected


def test_the_origin_of_a_file_is_the_merged_asset_that_had_it_or_else_the_survivor() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov")
    snapshot = catalog.end(sound, host)
    origins = Provenance([snapshot])
    wav, mov = (catalog.island.files[path] for path in (b"talk_A1.wav", b"talk_V1.mov"))
    assert wav.file_set_id is not None
    assert mov.file_set_id is not None
    assert origins.of_file(host.row.id, wav.id, wav.file_set_id) == sound.row.id
    assert origins.of_file(host.row.id, mov.id, mov.file_set_id) == host.row.id
    assert origins.of_file(catalog.new_id(), wav.id, wav.file_set_id) != sound.row.id, "of another survivor"


def test_if_two_merged_assets_had_a_file_the_smaller_one_is_its_origin() -> None:
    catalog = Catalog()
    large = catalog.store("large", ["a.mov", "b.mov", "c.mov"])
    small = catalog.store("small", "a.mov")
    holder = catalog.store("holder", "d.mov")
    ended = [catalog.end(dead, holder) for dead in (large, small)]
    file_id = catalog.island.files[b"a.mov"].id
    for each in ended:
        each.was["formats"][0]["file_sets"][0]["files"] = [str(file_id)]
    for order in (ended, ended[::-1]):
        assert Provenance(order).of_file(holder.row.id, file_id, catalog.new_id()) == small.row.id


@pytest.mark.parametrize(
    ("listed", "is_origin"), [(MAX_SNAPSHOT_FILE_IDS, True), (MAX_SNAPSHOT_FILE_IDS - 1, False), (0, False)]
)
def test_a_set_with_more_files_than_a_snapshot_lists_is_the_origin_of_all_its_files(
    listed: int, is_origin: bool
) -> None:
    catalog = Catalog()
    dead = catalog.store("dead", "a.mov")
    holder = catalog.store("holder", "b.mov")
    ended = catalog.end(dead, holder)
    [file_set] = ended.file_sets()
    file_set["files"] = [str(catalog.new_id()) for _ in range(listed)]
    unlisted, [set_id] = catalog.new_id(), dead.file_sets
    expected = dead.row.id if is_origin else holder.row.id
    assert Provenance([ended]).of_file(holder.row.id, unlisted, set_id) == expected


@pytest.mark.parametrize(("had", "is_origin"), [(100, True), (50, True), (49, False), (1, False)])
def test_unread_frames_come_from_the_asset_that_had_at_least_half_of_them(had: int, is_origin: bool) -> None:
    catalog = Catalog()
    dead = catalog.store_sequence("plate", "plate.0001.exr", 100)
    holder = catalog.store("holder", "b.mov")
    ended = catalog.end(dead, holder)
    [file_set] = ended.file_sets()
    file_set["file_count"] = had
    part = next(part for asset in catalog.plan() for part in asset.sets() if part.continues is not None)
    [row] = dead.file_sets.values()
    assert Provenance([ended]).of_unread(part, row) == (dead.row.id if is_origin else holder.row.id)
    assert Provenance([]).of_unread(part, row) == holder.row.id


def test_merged_assets_count_apart_from_their_survivor() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov", "talk_A2.wav")
    ended = catalog.end(sound, host)
    catalog.rename("talk_A1.wav", "wild.wav")
    planned = catalog.plan()
    assert [asset.plan.title for asset in planned] == ["talk", "wild"]
    overlaps = count_overlaps(planned, catalog.snapshot, Provenance([ended]))
    assert overlaps == {host.row.id: {0: 2}, sound.row.id: {1: 1}}
    assert count_overlaps(planned, catalog.snapshot, Provenance([])) == {host.row.id: {0: 2, 1: 1}}


def test_a_survivor_without_files_of_its_own_counts_with_those_of_its_merged_assets() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov")
    ended = catalog.end(sound, host)
    catalog.leave("talk_V1.mov")
    [planned] = catalog.plan()
    overlaps = count_overlaps([planned], catalog.snapshot, Provenance([ended]))
    assert overlaps == {sound.row.id: {0: 1}, host.row.id: {0: 1}}


@pytest.mark.parametrize(("had", "is_counted"), [(1, True), (2, True), (3, False)])
def test_of_an_asset_whose_survivor_is_elsewhere_too_half_must_be_here(had: int, is_counted: bool) -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov")
    ended = catalog.end(sound, host)
    host.is_needed_elsewhere = True
    next(iter(ended.file_sets()))["file_count"] = had
    overlaps = count_overlaps(catalog.plan(), catalog.snapshot, Provenance([ended]))
    assert (sound.row.id in overlaps) is is_counted


def test_a_part_that_was_merged_before_is_that_asset_again() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov", "talk_A2.wav")
    ended = catalog.end(sound, host)
    catalog.rename("talk_A1.wav", "wild.wav")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, [ended])
    assert stored_of(planned) == {"talk": ("talk", []), "wild": ("talk_A1", [])}
    assert planned[1].revived_snapshot is ended
    assert planned[0].unmerged == []


def test_of_two_merged_assets_in_one_part_the_one_that_is_whole_names_it() -> None:
    catalog = Catalog()
    whole = catalog.store("talk_A1", "talk_A1.wav")
    torn = catalog.store("old", ["talk_A2.wav", "old.mov"])
    host = catalog.store("host", "host.mov")
    endings = [catalog.end(dead, host) for dead in (torn, whole)]
    catalog.arrive("talk_V1.mov")
    catalog.leave("old.mov")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, endings)
    assert stored_of(planned) == {"host": ("host", []), "talk": ("talk_A1", [])}
    assert {each.row.title for each in planned[1].unmerged} == {"talk_A1", "old"}


def test_of_two_formats_that_become_one_the_larger_stays_though_it_is_younger() -> None:
    catalog = Catalog()
    catalog.store("dive_L", ["dive_L.0001.exr"])
    right = catalog.store("dive_R", ["dive_R.0001.exr", "dive_R.0002.exr"])
    next(iter(right.formats.values())).date_created += timedelta(days=9)
    catalog.arrive("dive_L.0002.exr")
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot)
    assert [part.stored for part in asset.formats] == list(right.formats.values())


def test_a_merged_asset_that_stays_with_its_survivor_is_not_unmerged() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov", "talk_A2.wav")
    ended = catalog.end(sound, host)
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot, [ended])
    assert (asset.stored, asset.unmerged) == (host, [])
