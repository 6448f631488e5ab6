"""The planner: what is held back, why and for how long."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from grouping import group_items
from services.ingest.planner import SIDECAR_RECHECK_SECONDS, IslandPlans, plan_islands
from services.ingest.reader import GroupedIslands
from tests.services.ingest.catalog import Catalog

REQUIRED = {"sidecar_metadata_required": True}


def plans_of(catalog: Catalog) -> IslandPlans:
    """Plan with orphans that have just arrived; the session has no database, so nothing may be read."""
    island = catalog.island
    for bucket in island.buckets.values():
        bucket.settle()
    grouped = group_items(island.items(), catalog.rules.profile, island.pins(), island.empty_paths())
    read = GroupedIslands(catalog.snapshot, {island.claim.id: grouped})
    return plan_islands(Session(), read, ages_orphans=False)


ORPHANS: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "a caption without its video": (["a.en.srt"], {}, ["a.en.srt"]),
    "a sidecar without its file": (["a.mov.xmp"], {}, ["a.mov.xmp"]),
    "a caption beside its video": (["a.mov", "a.en.srt"], {}, []),
    "a file that needs no other": (["a.wav", "b.pdf"], {}, []),
    "a profile that does not wait": (["a.en.srt"], {"orphan_after_seconds": 0}, []),
}


@pytest.mark.parametrize("name", ORPHANS)
def test_what_belongs_to_another_file_waits_for_it(name: str) -> None:
    paths, profile, held = ORPHANS[name]
    catalog = Catalog(None, **profile)
    catalog.arrive(*paths)
    plans = plans_of(catalog)
    assert [path.decode() for one in plans.held for path in one.plan.paths()] == held
    assert sum(len(list(asset.files())) for asset in plans.assets) == len(paths) - len(held)


def test_a_held_orphan_says_for_what_it_waits_and_how_long() -> None:
    catalog = Catalog(None, orphan_after_seconds=90)
    catalog.arrive("a.en.srt")
    [held] = plans_of(catalog).held
    assert held.seconds == 90
    assert held.reason.startswith("waits for ")
    assert held.reason.endswith("; alone it becomes an asset in 90 s")


def test_an_orphan_that_is_an_asset_stays_one() -> None:
    catalog = Catalog()
    stored = catalog.store("a", "a.en.srt")
    plans = plans_of(catalog)
    assert (plans.held, [asset.stored for asset in plans.assets]) == ([], [stored])


SIDECARS: dict[str, tuple[list[str], list[str]]] = {
    "a file alone": (["a.mov"], ["a.mov"]),
    "an XML beside it": (["a.mov", "a.xml"], []),
    "a JSON named after the whole file": (["a.mov", "a.mov.json"], []),
    "a sidecar without metadata": (["a.mov", "a.md5"], ["a.mov"]),
    "the sidecar of another file": (["a.mov", "b.mov", "b.xml"], ["a.mov"]),
    "a whole sequence": ([f"plate.{frame:04}.exr" for frame in range(1, 4)], ["plate.0001.exr"]),
    "a sequence with its sidecar": ([*(f"plate.{frame:04}.exr" for frame in range(1, 4)), "plate.xml"], []),
    "a document": (["a.pdf"], ["a.pdf"]),
}


@pytest.mark.parametrize("name", SIDECARS)
def test_a_storage_can_require_a_sidecar_with_metadata(name: str) -> None:
    paths, held = SIDECARS[name]
    for settings, expected in ((REQUIRED, held), ({}, [])):
        catalog = Catalog(settings)
        catalog.arrive(*paths)
        plans = plans_of(catalog)
        assert [one.plan.key.decode() for one in plans.held] == expected
        assert {one.seconds for one in plans.held} <= {SIDECAR_RECHECK_SECONDS}


def test_the_reason_names_sidecars_that_would_do() -> None:
    catalog = Catalog(REQUIRED)
    catalog.arrive("shots/a.mov", "shots/a.en.srt")
    [held] = plans_of(catalog).held
    assert held.reason == (
        'waits for a sidecar with its metadata, such as "a.xml" or "a.mov.json": '
        'storage "Rushes" takes in nothing without one (sidecar_metadata_required)'
    )


def test_assets_that_exist_need_no_sidecar_nor_do_files_that_join_them() -> None:
    catalog = Catalog(REQUIRED)
    catalog.store("a", "a.mov")
    catalog.arrive("a.srt")
    assert plans_of(catalog).held == []


def test_unread_frames_need_no_sidecar() -> None:
    catalog = Catalog(REQUIRED)
    catalog.store_sequence("plate", "plate.0001.exr", 100)
    assert plans_of(catalog).held == []


def test_what_was_grouped_manually_needs_no_sidecar() -> None:
    catalog = Catalog(REQUIRED)
    catalog.arrive("a.mov", "b.mov")
    catalog.pin("a.mov", catalog.store("by hand"))
    assert [one.plan.key for one in plans_of(catalog).held] == [b"b.mov"]
