"""New assets: the rows of an asset, its rights, formats, file sets, components, members and first history entries."""

from typing import Any

import pytest

from models.access.acl import PrincipalKind
from services.access.acl_templates import AclGrant
from services.access.permissions import Principal
from services.ingest.changeset import IngestChanges
from services.ingest.create import append_members, create_ingested_asset, derive_asset_names
from services.ingest.matching import match_plans
from tests.services.ingest.catalog import FILE_SIZE, OWNER_ID, STORAGE_ID, Catalog, rules_of

NAMES: dict[str, tuple[dict[str, Any], list[str], tuple[str, str | None]]] = {
    "the key of the plan": ({}, ["shots/a.mov"], ("a", None)),
    "with its extension": ({"title_includes_extension": True}, ["shots/a.mov"], ("a.mov", None)),
    "a name without extension": ({"title_includes_extension": True}, ["README"], ("README", None)),
    "the file's name as external id": ({"filename_is_external_id": True}, ["shots/a.b.mov"], ("a.b", "a.b")),
    "a name that is all extension": ({"filename_is_external_id": True}, ["README"], ("README", "README")),
    "a sequence": (
        {"title_includes_extension": True, "filename_is_external_id": True},
        ["plate.0001.exr", "plate.0002.exr"],
        ("plate.0001.exr", "plate.0001"),
    ),
    "a video with captions of any name": (
        {"title_includes_extension": True, "filename_is_external_id": True},
        ["a.mov", "a.en.srt", "Subs/a.de.srt"],
        ("a.mov", "a"),
    ),
    "a picture with sounds of any name": (
        {"title_includes_extension": True, "filename_is_external_id": True},
        ["talk_V1.mov", "talk_A1.wav", "talk_A2.wav"],
        ("talk_V1.mov", "talk_V1"),
    ),
    "a clip on a card": (
        {"title_includes_extension": True},
        ["CONTENTS/VIDEO/0001AB.MXF", "CONTENTS/AUDIO/0001AB00.MXF", "CONTENTS/CLIP/0001AB.XML"],
        ("0001AB.MXF", None),
    ),
    "an original with transcodes of any name": (
        {"title_includes_extension": True},
        ["shot.mov", "proxy/shot.mov"],
        ("shot.mov", None),
    ),
    "a caption alone": ({"title_includes_extension": True}, ["a.en.srt"], ("a.en.srt", None)),
    "a pair": ({"filename_is_external_id": True}, ["dive_L.mov", "dive_R.mov"], ("dive", "dive_L")),
}


@pytest.mark.parametrize("name", NAMES)
def test_title_and_external_id_follow_the_settings(name: str) -> None:
    settings, paths, expected = NAMES[name]
    catalog = Catalog(settings)
    catalog.arrive(*paths)
    [plan] = catalog.group()
    assert derive_asset_names(plan, catalog.rules) == expected


def test_undecodable_names_become_text() -> None:
    catalog = Catalog({"filename_is_external_id": True})
    catalog.arrive(b"caf\xe9.mov")
    [plan] = catalog.group()
    assert derive_asset_names(plan, rules_of({"filename_is_external_id": True})) == ("caf\\xe9", "caf\\xe9")


def created(catalog: Catalog) -> IngestChanges:
    changes = IngestChanges()
    planned = catalog.plan()
    match_plans(planned, catalog.snapshot)
    for asset in planned:
        if asset.stored is None:
            create_ingested_asset(asset, changes)
    return changes


def texts(changes: IngestChanges) -> list[tuple[str, str]]:
    return [(entry.operation.value, entry.description) for entry in changes.history]


def test_a_new_asset_has_all_its_rows() -> None:
    catalog = Catalog()
    mov, srt, proxy = catalog.arrive("a.mov", "a.en.srt", "a_proxy.mov")
    changes = created(catalog)
    [(asset_id, *columns)] = changes.new_assets
    assert columns == ["a", None, 1, OWNER_ID]
    assert [(one.asset_id, one.main_path) for one in changes.created] == [(asset_id, b"a.mov")]
    formats = {row[0]: row[1:] for row in changes.new_formats}
    assert [row[:2] for row in formats.values()] == [(asset_id, asset_id)] * 2
    assert [row[3:5] for row in formats.values()] == [("original", "captioned_video"), ("transcode", "single")]
    sets = {row["id"]: row for row in changes.new_file_sets}
    assert [row["format_id"] for row in sets.values()] == [list(formats)[number] for number in (0, 0, 1)]
    assert {row["storage_id"] for row in sets.values()} == {STORAGE_ID}
    assert [row["told_count"] for row in sets.values()] == [1, 1, 1], "history has counted what it was created from"
    assert changes.new_members == [
        (file.id, set_id, FILE_SIZE) for file, set_id in zip((mov, srt, proxy), sets, strict=True)
    ]
    assert [(row[2], row[4], row[5]) for row in changes.new_components if row[4] == "TEXT"] == [
        (list(sets)[1], "TEXT", "en")
    ]
    assert texts(changes) == [
        ("VERSION_CREATE", "Created from a.mov: video with captions (rule: captions by name)."),
        ("ADD_FORMAT", f"Added transcode a_proxy.mov: single video (rule: {list(formats.values())[1][5]})."),
    ]


def test_sidecars_are_no_format_that_history_announces() -> None:
    catalog = Catalog()
    catalog.arrive("a.mov", "a.xml")
    assert [operation for operation, _ in texts(created(catalog))] == ["VERSION_CREATE"]


def test_a_new_asset_gets_the_rights_of_its_storage() -> None:
    catalog = Catalog()
    principal = Principal(PrincipalKind.GROUP, catalog.new_id())
    object.__setattr__(catalog.rules, "rights", (AclGrant(principal, ("read", "write")),))
    catalog.arrive("a.mov")
    changes = created(catalog)
    [(asset_id, *_)] = changes.new_assets
    assert changes.new_rights == [(asset_id, "assets", principal.id, principal.kind.value, ["read", "write"])]
    assert changes.copied_rights == []


def test_an_asset_that_splits_off_gets_the_rights_of_the_one_it_left() -> None:
    catalog = Catalog()
    stored = catalog.store("dive", "dive_L.mov", "dive_R.mov")
    catalog.rename("dive_R.mov", "else.mov")
    changes = created(catalog)
    [(asset_id, *_)] = changes.new_assets
    assert (changes.new_rights, changes.copied_rights) == ([], [(asset_id, stored.row.id)])
    assert [(entry.asset_id, entry.description) for entry in changes.history] == [
        (asset_id, "Created from else.mov: single video (rule: single file)."),
        (stored.row.id, 'else.mov left: now in "else" (rule: single file).'),
    ]
    assert changes.new_members == []
    assert [set_id for _, set_id, _ in changes.moved_members] == [changes.new_file_sets[0]["id"]]


def test_a_file_set_that_moves_whole_keeps_its_row() -> None:
    catalog = Catalog()
    stored = catalog.store_sequence("plate", "plate.0001.exr", 100)
    stored.is_needed_elsewhere, stored.row.island_id = True, 7
    changes = created(catalog)
    [row] = changes.changed_file_sets
    assert [row["id"]] == list(stored.file_sets) == changes.recomposed_sets
    assert (changes.new_file_sets, changes.new_members, changes.moved_members) == ([], [], [])
    assert row["asset_id"] == changes.new_assets[0][0]


def test_members_join_move_or_are_counted_again() -> None:
    catalog = Catalog()
    catalog.arrive("dive_L.mov", "dive_R.mov")
    [part, _] = next(iter(catalog.plan())).sets()
    set_id = catalog.new_id()
    new, moved, same, resized = (
        catalog.file("a.mov", size=5, **columns)
        for columns in (
            {},
            {"file_set_id": catalog.new_id(), "counted_bytes": 5},
            {"file_set_id": set_id, "counted_bytes": 5},
            {"file_set_id": set_id, "counted_bytes": 4},
        )
    )
    part.files = [new, moved, same, resized]
    changes = IngestChanges()
    assert append_members(part, set_id, changes) == [new, moved]
    assert changes.new_members == [(new.id, set_id, 5)]
    assert changes.moved_members == [(moved.id, set_id, 5)]
    assert changes.recounted == [(resized.id, 5)]
