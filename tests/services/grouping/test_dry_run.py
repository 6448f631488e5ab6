"""The dry run and the ingest are one planner: with any settings of a storage, what is foreseen is what is done."""

import os
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from grouping import Profile
from models.catalog.asset import Asset, FileSet, FileSetFile
from models.catalog.file import File, read_folder_paths
from models.catalog.storage import StorageSettings
from models.core.paths import join_path
from services.grouping.diff import AssetChange, GroupingDiff
from services.grouping.dry_run import DryRun
from services.grouping.previews import preview_folder, preview_profile
from services.storages.storages import find_storage_by_name, request_scan
from tests.files import write
from tests.pipeline import Pipeline
from tests.services.ingest.catalog import Catalog, rules_of
from tests.services.sidecar_steps import add_fields, put

NOWHERE = str(uuid.UUID(int=7))
SETTINGS: dict[str, dict[str, Any]] = {
    "scans on request": {"scan": False},
    "scan folders": {"scan_directories": ["shoot"]},
    "ignored names": {"scan_ignore": ["*.tmp.mov", "shoot/old"]},
    "titles": {"title_includes_extension": True, "filename_is_external_id": True},
    "required sidecars": {"sidecar_metadata_required": True},
    "folders as collections and tags": {
        "enable_collection_directory_mapping": True,
        "folder_name_tags_metadata_field_name": "tags",
    },
    "everything else": {
        "scan_interval_seconds": 0.2,
        "growing_files_threshold": 0.2,
        "aggregate_identical_files": True,
        "acl_template_id": NOWHERE,
        "sequence_frame_rate": "25",
        "header_fields": {"reel": "camera_roll"},
        "metadata_view_id": NOWHERE,
        "folder_name_tags_metadata_view_id": NOWHERE,
        "sidecar_fields": {"dc:rights": "copyright"},
        "local_keyframe_creation": False,
        "transcode_profiles": ["web"],
        "check_arrivals": True,
        "checksum_algorithms": ["md5"],
        "fixity_days": 30,
        "fixity_megabytes_per_second": 50,
    },
}
"""Every setting with another value than the default; those that may change what is grouped apart from each other."""

FIRST = (
    *("shoot/clip.mov", "shoot/alone.mov", "shoot/gone.mov", "shoot/lonely.en.srt", "shoot/take_camA.mov"),
    *(f"shoot/plate.{frame}.exr" for frame in range(1001, 1005)),
    *("shoot/old/rest.mov", "shoot/part.tmp.mov", "elsewhere/reel.mov"),
)
SECOND = ("shoot/take_camB.mov", "shoot/plate.1005.exr", "shoot/late.mov", "elsewhere/proxy/reel.mp4")

Groups = dict[uuid.UUID, tuple[str, frozenset[bytes]]]


def stored_groups(pipeline: Pipeline) -> Groups:
    """Title and present files of each asset that has any, by id."""
    with pipeline.sessions() as session:
        members = session.execute(
            select(Asset.id, Asset.title, File.folder_id, File.name)
            .join(FileSet, FileSet.asset_id == Asset.id)
            .join(FileSetFile, FileSetFile.file_set_id == FileSet.id)
            .join(File, File.id == FileSetFile.file_id)
            .where(File.status != "MISSING", Asset.merged_into.is_(None))
        ).all()
        folders = read_folder_paths(session, {row.folder_id for row in members})
    found: Groups = {}
    for row in members:
        files = found[row.id][1] if row.id in found else frozenset()
        found[row.id] = row.title, files | {join_path(folders[row.folder_id], bytes(row.name))}
    return found


def applied(before: Groups, difference: GroupingDiff) -> Counter[tuple[str, frozenset[bytes]]]:
    """Titles and files of all assets as the dry run foresees them."""
    after, made = dict(before), []
    for change in difference.changes:
        joins, leaves = frozenset(change.joins.shown), frozenset(change.leaves.shown)
        if change.asset is None and change.change != "held":
            made.append((change.title, joins))
        elif change.asset is not None:
            files = after[change.asset.id][1] | joins
            for other in change.takes_in:
                files |= after.pop(other.id)[1]
            after[change.asset.id] = change.title, files - leaves
    return Counter(group for group in [*after.values(), *made] if group[1])


def preview(pipeline: Pipeline) -> GroupingDiff:
    return preview_folder(pipeline.sessions, os.fsencode(pipeline.root), None, pipeline.excluded)


def held(difference: GroupingDiff) -> list[AssetChange]:
    return [change for change in difference.changes if change.change == "held"]


def reasons(difference: GroupingDiff) -> set[tuple[str, str]]:
    """Title and reason of what is held back, without the seconds that are left."""
    return {(change.title, change.reason.partition("; alone")[0]) for change in held(difference)}


def foresee_and_settle(pipeline: Pipeline) -> GroupingDiff:
    """Check that ingest does what the dry run said just before."""
    before, foreseen = stored_groups(pipeline), preview(pipeline)
    # A storage without scheduled scans is scanned on request.
    with pipeline.sessions.begin() as session:
        request_scan(session, [find_storage_by_name(session, "Rushes")])
    pipeline.settle()
    assert applied(before, foreseen) == Counter(stored_groups(pipeline).values())
    for change in held(foreseen):
        for path in change.joins.shown:
            said = pipeline.explain(path)
            assert "\nwaiting\n" in said
            assert change.reason.partition("; alone")[0] in said
    after = preview(pipeline)
    assert after.is_empty
    assert reasons(after) == reasons(foreseen)
    return foreseen


def test_the_table_gives_every_setting_another_value() -> None:
    usual = StorageSettings().model_dump()
    given = [(name, value) for values in SETTINGS.values() for name, value in values.items()]
    assert sorted(name for name, _ in given) == sorted(usual)
    for name, value in given:
        assert StorageSettings.model_validate({name: value}).model_dump()[name] != usual[name], name


@pytest.mark.parametrize("name", SETTINGS)
def test_ingest_does_what_the_dry_run_foresees(pipeline: Pipeline, root: Path, name: str) -> None:
    add_fields(pipeline, tags="tag_cloud", colour="string")
    pipeline.change_settings(**SETTINGS[name])
    write(root, *FIRST)
    put(root, "shoot/clip.json", {"colour": "red"})
    first = foresee_and_settle(pipeline)
    assert first.counts["new"] > 0
    (root / "shoot/gone.mov").unlink()
    write(root, *SECOND)
    put(root, "shoot/alone.json", {"colour": "blue"})
    assert not foresee_and_settle(pipeline).is_empty
    assert pipeline.broken() == []


def test_a_dry_run_says_what_is_held_back_and_why(pipeline: Pipeline, root: Path) -> None:
    add_fields(pipeline, colour="string")
    pipeline.change_settings(sidecar_metadata_required=True)
    write(root, "clip.mov", "known.mov", "lonely.en.srt")
    put(root, "known.json", {"colour": "red"})
    foreseen = preview(pipeline)
    assert foreseen.counts == {"new": 1, "held": 2}
    assert reasons(foreseen) == {
        (
            "clip",
            'waits for a sidecar with its metadata, such as "clip.xml" or "clip.mov.json": storage "Rushes" takes in '
            "nothing without one (sidecar_metadata_required)",
        ),
        ("lonely.en", 'waits for a video or sequence named "lonely"'),
    }
    assert foreseen.to_json()["counts"]["held"] == 2
    pipeline.settle()
    assert pipeline.titles() == ["known"]


@pytest.mark.parametrize("seconds", [0, 3_600])
def test_another_profile_takes_in_an_orphan_where_its_time_has_passed(
    pipeline: Pipeline, root: Path, seconds: float
) -> None:
    write(root, "clip.mov", "lonely.en.srt")
    pipeline.settle()
    assert pipeline.titles() == ["clip"]
    foreseen = preview_profile(
        pipeline.sessions, pipeline.storage().id, Profile.model_validate({"orphan_after_seconds": seconds})
    )
    assert foreseen.counts == ({"held": 1} if seconds else {"new": 1})
    assert foreseen.is_empty == bool(seconds)


def test_names_are_classified_by_the_profile_of_the_dry_run_unless_they_are_pinned() -> None:
    """A row that another profile took for a frame is one no longer, and the other way round."""
    catalog = Catalog()
    by_hand = catalog.store("by hand", "b.0001.exr")
    catalog.pin("b.0001.exr", by_hand)
    as_row = catalog.file("a.0001.exr", bucket=None, frame=None, padding=0)
    dry_run = DryRun(rules_of())
    for file in (as_row, catalog.island.files[b"b.0001.exr"]):
        dry_run.add(b"", file)
    [island] = dry_run.islands.values()
    assert {file.path: (file.bucket, file.frame) for file in island.files.values()} == {
        b"a.0001.exr": (b"a.\0.exr", 1),
        b"b.0001.exr": (None, 1),
    }
    assert island.claim.id < 0, "it can be no row"


@pytest.mark.parametrize("folder", ["", "Reel01", "Reel01/Clips"])
def test_a_dry_run_of_any_folder_knows_the_papers_of_its_reel(pipeline: Pipeline, root: Path, folder: str) -> None:
    write(root, "Reel01/Reel01.mhl", "Reel01/ascmhl/0001.mhl", "Reel01/Clips/a.mov", "Reel01/Clips/b.mov")
    pipeline.settle()
    assert len(pipeline.assets()) == 2
    difference = preview_folder(pipeline.sessions, os.fsencode(root / folder), None, frozenset())
    assert (difference.is_empty, difference.unchanged) == (True, 2)
