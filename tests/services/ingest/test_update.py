"""Updates of stored assets: which rows change, what history says, and how long growth is gathered."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from models.catalog.asset import FormatRole
from services.ingest.changeset import IngestChanges
from services.ingest.departures import empty_vanished_sets, take_asset_offline
from services.ingest.matching import match_plans
from services.ingest.state import StoredAsset
from services.ingest.update import AssetUpdate
from tests.services.ingest.catalog import DONE, FILE_SIZE, MONDAY, Catalog, settle_columns

GROWTH_SECONDS = 60.0
NOW = MONDAY + timedelta(days=30)
Change = Callable[[Catalog], object]


def stored_catalog(*paths: str | list[str], settings: dict[str, Any] | None = None, **columns: Any) -> Catalog:
    """Return a catalog with one asset exactly as the last finish left it."""
    catalog = Catalog(settings)
    stored = catalog.store("", *paths)
    [asset] = catalog.plan()
    match_plans([asset], catalog.snapshot)
    settle_columns([asset])
    [row] = stored.formats.values()
    plan = asset.formats[0].plan
    row.name, row.role, row.structure, row.rule = plan.name, FormatRole(plan.role), plan.kind, plan.rule
    stored.row.title = asset.plan.title
    for part in asset.sets():
        assert part.stored is not None
        part.stored.reported_count = part.count
        for component in part.plan.components:
            catalog.add_component(part.stored, component.type, component.name).language = component.language
    for column, value in columns.items():
        setattr(stored.row, column, value)
    return catalog


def updated(catalog: Catalog) -> IngestChanges:
    """Return the changes that the plans of the island make."""
    changes = IngestChanges()
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    for asset in planned:
        if asset.stored is not None:
            AssetUpdate(asset, changes, NOW, GROWTH_SECONDS).write()
    return changes


def texts(changes: IngestChanges) -> list[str]:
    return [entry.description for entry in changes.history]


def values(changed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{column: value for column, value in row.items() if column != "id"} for row in changed]


def test_nothing_changes_where_nothing_did() -> None:
    changes = updated(stored_catalog("a.mov", "a.en.srt"))
    assert changes == IngestChanges()


SENTENCES: dict[str, tuple[list[str], Change, list[str]]] = {
    "a caption arrives": (
        ["a.mov"],
        lambda catalog: catalog.arrive("a.en.srt"),
        [
            "a.en.srt joined the video with captions (rule: captions by name). "
            "Became a video with captions (was a single video; rule: captions by name)."
        ],
    ),
    "a second caption arrives": (
        ["a.mov", "a.en.srt"],
        lambda catalog: catalog.arrive("a.de.srt", "a.fr.srt"),
        ["a.de.srt, a.fr.srt joined the video with captions (rule: captions by name)."],
    ),
    "a caption leaves": (
        ["a.mov", "a.en.srt"],
        lambda catalog: catalog.leave("a.en.srt"),
        [
            "Became a single video (was a video with captions; rule: single file).",
            "1 file missing: a.en.srt.",
        ],
    ),
    "a transcode arrives": (
        ["a.mov"],
        lambda catalog: catalog.arrive("a_proxy.mov"),
        ["Added transcode a_proxy.mov: single video (rule: rendition by token)."],
    ),
    "a sidecar arrives": (
        ["a.mov"],
        lambda catalog: catalog.arrive("a.xml"),
        ["a.xml joined as a sidecar (rule: sidecar)."],
    ),
    "a file is renamed": (
        ["a.mov"],
        lambda catalog: catalog.rename("a.mov", "b/c.mov"),
        ["Renamed from a.mov to b/c.mov."],
    ),
    "a file comes back": (
        ["a.mov"],
        lambda catalog: catalog.change("a.mov", status="REDISCOVERED"),
        ["1 file found again: a.mov."],
    ),
    "a file came back before": (
        ["a.mov"],
        lambda catalog: catalog.change("a.mov", status="REDISCOVERED", seen=DONE),
        [],
    ),
    "a row changed that history does not mention": (["a.mov"], lambda catalog: catalog.change("a.mov"), []),
    "a file that is written": (["a.mov"], lambda catalog: catalog.change("a.mov", status="GROWING"), []),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_history_says_what_happened_to_the_files(name: str) -> None:
    paths, change, expected = SENTENCES[name]
    catalog = stored_catalog(*paths)
    change(catalog)
    assert texts(updated(catalog)) == expected


def test_a_member_that_grows_again_is_noted() -> None:
    catalog = stored_catalog("a.mov")
    catalog.change("a.mov", status="GROWING", size=7)
    changes = updated(catalog)
    assert values(changes.changed_file_sets) == [{"size_bytes": 7, "note": "a.mov grows again"}]
    assert changes.recounted == [(catalog.island.files[b"a.mov"].id, 7)]


TITLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "the title follows the file": ({}, {}, {"title": "b"}),
    "a title that a user set stays": ({}, {"title_by_hand": True}, {}),
    "an external id is given once": (
        {"filename_is_external_id": True},
        {},
        {"title": "b", "external_id": "b"},
    ),
    "an external id stays": ({"filename_is_external_id": True}, {"external_id": "X1"}, {"title": "b"}),
    "an asset without files is online again": ({}, {"is_online": False}, {"title": "b", "is_online": True}),
    "an asset of another island moves here": ({}, {"island_id": 7}, {"title": "b", "island_id": 1}),
}


@pytest.mark.parametrize("name", TITLES)
def test_the_row_of_an_asset_follows_its_plan(name: str) -> None:
    settings, columns, expected = TITLES[name]
    catalog = stored_catalog("a.mov", settings=settings, **columns)
    catalog.rename("a.mov", "b.mov")
    assert values(updated(catalog).changed_assets) == [expected] if expected else [] == []


def sequence(catalog: Catalog) -> StoredAsset:
    [stored] = catalog.snapshot.assets.values()
    return stored


FRAMES = ["a.0001.exr", "a.0002.exr", "a.0003.exr"]


@pytest.mark.parametrize(
    ("quiet_seconds", "expected", "wait"),
    [(0, [], 60.0), (59, [], 1.0), (60, ["a.[1-4].exr: 3 files became 4."], None), (None, [], 60.0)],
    ids=["just now", "almost quiet", "quiet", "never noted"],
)
def test_growth_is_recorded_once_it_was_quiet(
    quiet_seconds: int | None, expected: list[str], wait: float | None
) -> None:
    catalog = stored_catalog([*FRAMES, "a.0004.exr"])
    [row] = sequence(catalog).file_sets.values()
    row.reported_count = 3
    row.changed_at = None if quiet_seconds is None else NOW - timedelta(seconds=quiet_seconds)
    changes = updated(catalog)
    assert (texts(changes), changes.waits.get(1)) == (expected, wait)
    assert values(changes.changed_file_sets) == ([{"told_count": 4}] if expected else [])


def test_frames_that_join_wait_for_more() -> None:
    catalog = stored_catalog(FRAMES)
    arrived = catalog.arrive("a.0004.exr", "a.0005.exr")
    changes = updated(catalog)
    [row] = sequence(catalog).file_sets
    assert (texts(changes), changes.waits) == ([], {1: GROWTH_SECONDS})
    assert changes.new_members == [(file.id, row, FILE_SIZE) for file in arrived]
    [changed] = values(changes.changed_file_sets)
    assert (changed["file_count"], changed["changed_at"], "told_count" in changed) == (5, NOW, False)


def test_a_member_that_is_written_several_times_counts_as_one() -> None:
    catalog = stored_catalog(FRAMES)
    first = catalog.change("a.0001.exr", content_seen=DONE + 1)
    catalog.change("a.0002.exr", content_seen=DONE + 1, is_change_counted=True)
    catalog.change("a.0003.exr", content_seen=DONE)
    [row] = sequence(catalog).file_sets.values()
    row.unreported_changes = 1
    changes = updated(catalog)
    assert changes.rewritten == [first.id]
    assert values(changes.changed_file_sets) == [{"untold_changes": 2, "changed_at": NOW}]
    assert (texts(changes), changes.waits) == ([], {1: GROWTH_SECONDS})


def test_rewritten_members_are_recorded_once_they_were_quiet() -> None:
    catalog = stored_catalog(FRAMES)
    [row] = sequence(catalog).file_sets.values()
    row.unreported_changes, row.changed_at = 2, NOW - timedelta(seconds=GROWTH_SECONDS)
    changes = updated(catalog)
    assert texts(changes) == ["a.[1-3].exr: 2 files rewritten."]
    assert changes.reported_sets == [row.id]
    assert values(changes.changed_file_sets) == [{"untold_changes": 0}]


def test_frames_that_come_back_are_no_growth() -> None:
    catalog = stored_catalog(FRAMES)
    [row] = sequence(catalog).file_sets.values()
    row.file_count = row.reported_count = 2
    catalog.change("a.0002.exr", status="REDISCOVERED")
    changes = updated(catalog)
    assert texts(changes) == ["1 file found again: a.0002.exr."]
    assert values(changes.changed_file_sets) == [{"file_count": 3, "told_count": 3}]
    assert changes.waits == {}


RENAMES: dict[str, tuple[list[str], dict[str, str], list[str]]] = {
    "a single file": (["a.mov"], {"a.mov": "b.mov"}, ["Renamed from a.mov to b.mov."]),
    "a single file to another folder": (["x/a.mov"], {"x/a.mov": "y/a.mov"}, ["Renamed from x/a.mov to y/a.mov."]),
    "a sequence to another folder": (
        [f"x/{name}" for name in FRAMES],
        {f"x/{name}": f"y/{name}" for name in FRAMES},
        ["Renamed from x/a.[1-3].exr to y/a.[1-3].exr."],
    ),
    "a sequence that lost its end": (FRAMES, {"a.0003.exr": "b.mov"}, []),
}


@pytest.mark.parametrize("name", RENAMES)
def test_a_rename_is_recorded_unless_it_is_growth(name: str) -> None:
    paths, renamed, expected = RENAMES[name]
    catalog = stored_catalog(paths)
    for before, now in renamed.items():
        catalog.rename(before, now)
    assert [text for text in texts(updated(catalog)) if text.startswith("Renamed")] == expected


def test_a_file_set_that_was_empty_is_not_renamed() -> None:
    catalog = stored_catalog("a.mov")
    [row] = sequence(catalog).file_sets.values()
    row.file_count = 0
    catalog.rename("a.mov", "b.mov")
    assert not any(text.startswith("Renamed") for text in texts(updated(catalog)))


def test_components_are_replaced_if_the_name_says_others() -> None:
    catalog = stored_catalog("a.mov", "a.en.srt")
    catalog.rename("a.en.srt", "a.de.forced.srt")
    changes = updated(catalog)
    caption = list(sequence(catalog).file_sets)[1]
    assert changes.recomposed_sets == [caption]
    assert [(row[2], *row[4:]) for row in changes.new_components] == [(caption, "TEXT", "de", ["forced"])]


def test_a_merge_is_in_the_history_of_both() -> None:
    catalog = Catalog()
    first = catalog.store("talk_A1", "talk_A1.wav")
    second = catalog.store("talk_A2", "talk_A2.wav", external_id="X2")
    catalog.arrive("talk_V1.mov")
    changes = updated(catalog)
    [merge] = changes.asset_merges
    assert (merge.asset_id, merge.survivor_id, merge.was) == (second.row.id, first.row.id, None)
    assert merge.description.startswith('Merged into "talk": its files belong to that clip')
    entry = changes.history[0]
    assert (entry.asset_id, entry.description[:19]) == (first.row.id, 'Took in "talk_A2": ')
    assert entry.details == {"merged": str(second.row.id), "title": "talk_A2", "external_id": "X2"}
    moved = {row["id"]: row["asset_id"] for row in changes.changed_file_sets if "asset_id" in row}
    assert moved == dict.fromkeys(second.file_sets, first.row.id)
    [old_format] = second.formats
    assert old_format in changes.emptied_formats


def test_an_unmerge_is_in_the_history_of_both() -> None:
    catalog = Catalog()
    sound = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("talk", "talk_V1.mov", "talk_A2.wav")
    ended = catalog.end(sound, host, held={"votes": 1})
    catalog.rename("talk_A1.wav", "wild.wav")
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, [ended])
    changes = IngestChanges()
    AssetUpdate(planned[1], changes, NOW, GROWTH_SECONDS).write()
    [unmerge] = changes.unmerged
    assert (unmerge.asset_id, unmerge.holder_id, unmerge.held) == (sound.row.id, host.row.id, {"votes": 1})
    assert [(entry.asset_id, entry.description) for entry in changes.history[:2]] == [
        (sound.row.id, "Is an asset of its own again: wild.wav, sound (rule: file by itself)."),
        (host.row.id, 'wild.wav left: now in "wild" (rule: file by itself).'),
    ]
    assert changes.asset_merges == []


def test_a_merged_asset_that_leaves_for_another_ends_there_as_it_was() -> None:
    catalog = Catalog()
    dead = catalog.store("talk_A1", "talk_A1.wav")
    host = catalog.store("host", "host.mov")
    other = catalog.store("talk", "talk_V1.mov")
    ended = catalog.end(dead, host)
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot, [ended])
    [asset] = [each for each in planned if each.stored is other]
    changes = IngestChanges()
    AssetUpdate(asset, changes, NOW, GROWTH_SECONDS).write()
    [merge] = changes.asset_merges
    assert (merge.asset_id, merge.survivor_id, merge.was) == (dead.row.id, other.row.id, ended.was)
    assert [unmerge.holder_id for unmerge in changes.unmerged] == [host.row.id]


def test_a_format_without_files_goes_offline_unless_a_user_declared_it() -> None:
    catalog = stored_catalog("a.mov")
    stored = sequence(catalog)
    proxy = catalog.add_format(stored, "a_proxy.mov", role="transcode")
    declared = catalog.add_format(stored, role="transcode")
    catalog.leave("a_proxy.mov")
    changes = updated(catalog)
    assert changes.changed_formats == [{"id": proxy.id, "is_online": False}]
    assert changes.emptied_formats == [proxy.id]
    assert declared.id not in changes.emptied_formats
    [emptied] = changes.changed_file_sets
    assert (emptied["file_count"], emptied["size_bytes"]) == (0, 0)
    assert texts(changes) == ["1 file missing: a_proxy.mov."]


def test_a_pinned_asset_keeps_its_title_and_the_roles_of_its_formats() -> None:
    catalog = stored_catalog("a.mov", title_by_hand=False)
    stored = sequence(catalog)
    [row] = stored.formats.values()
    row.role = FormatRole.TRANSCODE
    catalog.pin("a.mov", stored)
    catalog.rename("a.mov", "b.mov")
    stored.row.is_online = False
    changes = updated(catalog)
    assert values(changes.changed_assets) == [{"is_online": True}]
    assert not any("role" in row for row in changes.changed_formats)


def test_an_asset_without_files_goes_offline_and_keeps_its_rows() -> None:
    catalog = stored_catalog("a.mov", "a.en.srt")
    stored = sequence(catalog)
    catalog.leave("a.mov", "a.en.srt")
    changes = IngestChanges()
    take_asset_offline(stored, catalog.snapshot.islands.values(), changes)
    assert changes.changed_assets == [{"id": stored.row.id, "is_online": False}]
    assert changes.changed_formats == [{"id": row, "is_online": False} for row in stored.formats]
    assert {row["id"]: row["file_count"] for row in changes.changed_file_sets} == dict.fromkeys(stored.file_sets, 0)
    assert sorted(texts(changes)) == ["1 file missing: a.en.srt.", "1 file missing: a.mov."]
    stored.row.is_online = False
    for part in stored.formats.values():
        part.is_online = False
    for part in stored.file_sets.values():
        part.file_count = 0
    again = IngestChanges()
    catalog.change("a.mov", seen=DONE)
    catalog.change("a.en.srt", seen=DONE)
    catalog.island._missing = None
    take_asset_offline(stored, catalog.snapshot.islands.values(), again)
    assert again == IngestChanges(), "a second finish changes nothing"


def test_what_moves_to_an_asset_that_splits_off_is_left_alone() -> None:
    catalog = stored_catalog("a.mov")
    stored = sequence(catalog)
    stored.given = {*stored.formats, *stored.file_sets}
    changes = IngestChanges()
    take_asset_offline(stored, catalog.snapshot.islands.values(), changes)
    assert (changes.changed_file_sets, changes.changed_formats) == ([], [])


def test_a_partly_pinned_asset_loses_the_file_sets_that_no_plan_continues() -> None:
    catalog = stored_catalog("a.mov", "a.en.srt")
    stored = sequence(catalog)
    video, caption = stored.file_sets
    catalog.leave("a.en.srt")
    changes = IngestChanges()
    empty_vanished_sets(stored, catalog.snapshot.islands, {video}, changes)
    assert [row["id"] for row in changes.changed_file_sets] == [caption]
    assert texts(changes) == ["1 file missing: a.en.srt."]
    for elsewhere in ({7: catalog.island}, {}):
        untouched = IngestChanges()
        empty_vanished_sets(stored, elsewhere, {video}, untouched)
        assert untouched == IngestChanges(), "file sets of other islands are not its own to empty"
