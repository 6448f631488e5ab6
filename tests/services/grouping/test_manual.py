"""Manual grouping is kept, even if the rules disagree later, until it is undone."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.file import File
from models.catalog.history import History
from services.core.errors import Conflict, DomainError
from services.grouping.manual import merge_manually, move_manually, split_manually
from services.grouping.undo import undo_manual_grouping
from services.operations.check_result import VerifyContext
from services.operations.grouping_invariants import check_grouping
from tests.pipeline import Pipeline

EDITOR = Actor("Ines the editor", is_admin=True)


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


def asset_called(session: Session, title: str) -> Asset:
    return session.scalars(select(Asset).where(Asset.title == title, Asset.status == "ACTIVE")).one()


def file_ids(session: Session, *names: str) -> list[uuid.UUID]:
    return list(session.scalars(select(File.id).where(File.name.in_([name.encode() for name in names]))))


def told(session: Session, asset_id: uuid.UUID) -> list[str]:
    entries = select(History.operation_description).where(History.asset_id == asset_id).order_by(History.id)
    return list(session.scalars(entries))


def shape(pipeline: Pipeline) -> dict[str, list[Any]]:
    """Title to the files of each format, sidecars last."""
    return {
        asset["title"]: [part["files"] for part in asset["formats"]]
        + ([asset["sidecars"]] if asset["sidecars"] else [])
        for asset in pipeline.assets()
    }


def present(pipeline: Pipeline) -> list[str]:
    """The files of all assets."""
    return sorted(file for parts in shape(pipeline).values() for files in parts for file in files)


def assert_regrouping_changes_nothing(pipeline: Pipeline) -> None:
    before = shape(pipeline)
    pipeline.settle()
    assert shape(pipeline) == before
    audited = VerifyContext(pipeline.sessions, None, pipeline.timing, pipeline.media_folder)
    assert check_grouping(audited, False).samples == []


def test_an_eye_that_is_split_off_stays_an_asset_of_its_own(pipeline: Pipeline) -> None:
    write(pipeline.root, "dive_L.mov", "dive_R.mov")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        pair = asset_called(session, "dive").id
        made = split_manually(session, file_ids(session, "dive_R.mov"), EDITOR, title="right eye").id
    pipeline.settle()
    assert [part["kind"] for asset in pipeline.assets() for part in asset["formats"]] == ["single", "single"]
    assert shape(pipeline) == {"dive_L": [["dive_L.mov"]], "right eye": [["dive_R.mov"]]}
    with pipeline.sessions() as session:
        assert 'Split dive_R.mov off into "right eye".' in told(session, pair)
        assert told(session, made)[0] == 'Created by hand from "dive": dive_R.mov.'
    write(pipeline.root, "dive_R.en.srt", "other_L.mov", "other_R.mov")
    pipeline.settle()
    assert shape(pipeline)["dive_L"] == [["dive_L.mov"]]
    assert shape(pipeline)["other"] == [["other_L.mov", "other_R.mov"]]
    assert_regrouping_changes_nothing(pipeline)


def test_assets_merged_by_hand_are_one_under_the_first_id(pipeline: Pipeline) -> None:
    write(pipeline.root, "a/interview.mov", "b/gespraech.mov", "b/gespraech.xmp")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        first, second = asset_called(session, "interview").id, asset_called(session, "gespraech").id
        merge_manually(session, first, [second], EDITOR)
    pipeline.settle()
    assert shape(pipeline) == {"interview": [["a/interview.mov"], ["b/gespraech.mov"], ["b/gespraech.xmp"]]}
    with pipeline.sessions() as session:
        assert session.get_one(Asset, second).merged_into == first
        assert told(session, second)[-1] == 'Merged into "interview" by hand.'
    assert_regrouping_changes_nothing(pipeline)


def test_a_merge_that_is_taken_back_gives_both_assets_their_ids_again(pipeline: Pipeline) -> None:
    write(pipeline.root, "a/interview.mov", "b/gespraech.mov")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        first, second = asset_called(session, "interview").id, asset_called(session, "gespraech").id
        merge_manually(session, first, [second], EDITOR)
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        undo_manual_grouping(session, first, EDITOR)
    pipeline.settle()
    assert shape(pipeline) == {"interview": [["a/interview.mov"]], "gespraech": [["b/gespraech.mov"]]}
    with pipeline.sessions() as session:
        assert asset_called(session, "gespraech").id == second
        with pytest.raises(Conflict, match="manual grouping to undo"):
            undo_manual_grouping(session, first, EDITOR)
    assert_regrouping_changes_nothing(pipeline)


def test_a_split_that_is_taken_back_makes_the_pair_again(pipeline: Pipeline) -> None:
    write(pipeline.root, "dive_L.mov", "dive_R.mov")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        pair = asset_called(session, "dive").id
        made = split_manually(session, file_ids(session, "dive_R.mov"), EDITOR).id
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        undo_manual_grouping(session, made, EDITOR)
    pipeline.settle()
    assert shape(pipeline) == {"dive": [["dive_L.mov", "dive_R.mov"]]}
    with pipeline.sessions() as session:
        assert asset_called(session, "dive").id == pair
        assert any(line.startswith("Undone: Split dive_R.mov") for line in told(session, pair))


def test_frames_that_are_moved_away_leave_a_hole_and_later_frames_still_join(pipeline: Pipeline) -> None:
    write(pipeline.root, *(f"plate.{n:04d}.exr" for n in range(1, 7)), "other.mov")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        target = asset_called(session, "other").id
        move_manually(session, file_ids(session, "plate.0003.exr"), target, EDITOR)
    pipeline.settle()
    write(pipeline.root, "plate.0007.exr")
    pipeline.settle()
    frames = [f"plate.{n:04d}.exr" for n in (1, 2, 4, 5, 6, 7)]
    assert shape(pipeline) == {"plate": [frames], "other": [["other.mov"], ["plate.0003.exr"]]}
    assert_regrouping_changes_nothing(pipeline)


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        (["rough.mov"], ["fine_cut.mov", "notes.wav"]),
        (["fine_cut.mov"], ["notes.wav", "rough.mov"]),
        (["fine_cut.mov", "notes.wav"], ["rough.mov"]),
        (["rough.mov", "notes.wav"], ["fine_cut.mov"]),
        (["rough.mov", "fine_cut.mov", "notes.wav"], []),
    ],
)
def test_files_that_vanish_from_a_merged_asset_are_counted_and_recorded(
    pipeline: Pipeline, gone: list[str], left: list[str]
) -> None:
    write(pipeline.root, "rough.mov", "fine_cut.mov", "notes.wav")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        rough, *others = (asset_called(session, name).id for name in ("rough", "fine_cut", "notes"))
        merge_manually(session, rough, others, EDITOR)
    pipeline.settle()
    for name in gone:
        (pipeline.root / name).unlink()
    pipeline.settle()
    assert present(pipeline) == left
    assert pipeline.broken() == []
    for name in gone:
        assert pipeline.history(rough).count(f"MODIFY_FILESET: 1 file missing: {name}.") == 1
    write(pipeline.root, *gone)
    pipeline.settle()
    assert present(pipeline) == sorted([*gone, *left])
    assert pipeline.broken() == []


def test_acts_that_make_no_sense_are_refused_with_the_next_step(pipeline: Pipeline) -> None:
    write(pipeline.root, "a.mov", "b.mov")
    pipeline.settle()
    with pipeline.sessions() as session:
        first = asset_called(session, "a").id
        with pytest.raises(Conflict, match="all its files"):
            split_manually(session, file_ids(session, "a.mov"), EDITOR)
        with pytest.raises(Conflict, match="itself"):
            merge_manually(session, first, [first], EDITOR)
        with pytest.raises(DomainError, match="several assets"):
            split_manually(session, file_ids(session, "a.mov", "b.mov"), EDITOR)
        with pytest.raises(DomainError, match="explain"):
            move_manually(session, [uuid.uuid4()], first, EDITOR)
        with pytest.raises(Conflict, match="holds"):
            move_manually(session, file_ids(session, "a.mov"), first, EDITOR)
        with pytest.raises(Conflict, match=r'asset "a": has no manual grouping to undo'):
            undo_manual_grouping(session, first, EDITOR)
