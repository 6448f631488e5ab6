"""Unmerge: if the rules no longer join files, each part becomes its former asset again, and nothing is lost."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, PrincipalKind
from models.catalog.asset import Asset, FileSet, Format
from models.catalog.history import History
from models.catalog.relation import Relation, RelationType
from models.catalog.segment import Segment
from models.core.base import new_id
from services.grouping.manual import merge_manually
from services.grouping.regroup import set_storage_profile
from services.ingest import merged_assets
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline, open_pipeline
from tests.services.ingest.test_ingest import arrive, leave, only


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """A storage where no orphan waits."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        with pipeline.sessions.begin() as session:
            find_storage_by_name(session, "Rushes").profile = {"orphan_after_seconds": 0}
        yield pipeline


def rename(pipeline: Pipeline, before: str, now: str) -> None:
    (pipeline.root / now).parent.mkdir(parents=True, exist_ok=True)
    (pipeline.root / before).rename(pipeline.root / now)
    pipeline.settle()


def formats_of(session: Session, asset_id: uuid.UUID) -> set[uuid.UUID]:
    return set(session.scalars(select(Format.id).where(Format.asset_id == asset_id)))


def sets_of(session: Session, asset_id: uuid.UUID) -> set[uuid.UUID]:
    return set(session.scalars(select(FileSet.id).where(FileSet.asset_id == asset_id)))


def test_assets_that_were_merged_are_themselves_again_when_what_joined_them_leaves(pipeline: Pipeline) -> None:
    arrive(pipeline, "talk_A1.wav")
    arrive(pipeline, "talk_A2.wav")
    before = pipeline.ids()
    with pipeline.sessions() as session:
        parts = {title: (formats_of(session, it), sets_of(session, it)) for title, it in before.items()}
    arrive(pipeline, "talk_V1.mov")
    assert pipeline.ids() == {"talk": before["talk_A1"]}
    leave(pipeline, "talk_V1.mov")
    assert pipeline.ids() == before
    young = before["talk_A2"]
    with pipeline.sessions() as session:
        assert formats_of(session, young) == parts["talk_A2"][0]
        assert sets_of(session, young) == parts["talk_A2"][1]
    told = pipeline.history(young)
    assert "Merged into" in told[1]
    assert "Is an asset of its own again: talk_A2.wav, sound" in told[2]
    assert any("talk_A2.wav left" in entry for entry in pipeline.history(before["talk_A1"]))
    assert pipeline.broken() == []
    arrive(pipeline, "talk_V1.mov")
    assert pipeline.ids() == {"talk": before["talk_A1"]}
    leave(pipeline, "talk_V1.mov")
    assert pipeline.ids() == before
    assert pipeline.broken() == []


def pair_of_two(pipeline: Pipeline) -> dict[str, uuid.UUID]:
    """Two assets that a rename gives a common camera name, so that they are merged."""
    arrive(pipeline, "take_camA.mov")
    arrive(pipeline, "other.mov")
    ids = pipeline.ids()
    rename(pipeline, "other.mov", "take_camB.mov")
    assert pipeline.ids() == {"take": ids["take_camA"]}
    return ids


def test_a_file_that_is_renamed_away_takes_its_old_id_with_it(pipeline: Pipeline) -> None:
    ids = pair_of_two(pipeline)
    rename(pipeline, "take_camB.mov", "other.mov")
    assert pipeline.ids() == ids
    assert pipeline.broken() == []


def test_the_file_of_the_older_one_takes_the_older_id_when_it_is_renamed_away(pipeline: Pipeline) -> None:
    ids = pair_of_two(pipeline)
    rename(pipeline, "take_camA.mov", "zebra.mov")
    assert pipeline.ids() == {"zebra": ids["take_camA"], "take_camB": ids["other"]}
    assert pipeline.broken() == []


def test_a_file_that_moves_to_another_folder_takes_its_old_id_with_it(pipeline: Pipeline) -> None:
    ids = pair_of_two(pipeline)
    rename(pipeline, "take_camB.mov", "elsewhere/wide.mov")
    assert pipeline.ids() == {"take_camA": ids["take_camA"], "wide": ids["other"]}
    assert pipeline.broken() == []


def test_another_profile_gives_each_camera_its_old_id(pipeline: Pipeline) -> None:
    ids = pair_of_two(pipeline)
    with pipeline.sessions.begin() as session:
        set_storage_profile(
            session, find_storage_by_name(session, "Rushes"), {"camera_tokens": [], "orphan_after_seconds": 0}
        )
        session.execute(text("UPDATE island SET seen = seen + 1, stale_summaries = true, dirty_since = now()"))
    pipeline.watcher.close()
    pipeline.watcher = None
    pipeline.settle()
    assert pipeline.ids() == {"take_camA": ids["take_camA"], "take_camB": ids["other"]}


def test_what_a_person_set_on_the_one_that_ended_is_there_when_it_comes_back(pipeline: Pipeline) -> None:
    arrive(pipeline, "talk_A1.wav")
    arrive(pipeline, "talk_A2.wav")
    ids = pipeline.ids()
    young, someone = ids["talk_A2"], new_id()
    write(pipeline.root, "poster/poster.png")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        asset = session.get_one(Asset, young)
        asset.title, asset.title_by_hand, asset.external_id = "Boom", True, "EXT-2"
        session.add(
            AclEntry(
                object_id=young,
                object_type="assets",
                principal_id=someone,
                principal_kind=PrincipalKind.USER,
                permissions=["read"],
            )
        )
        session.add(RelationType(name="belongs", source_label="of", destination_label="has"))
        session.flush()
        related = Relation(
            id=new_id(),
            asset_id=young,
            relation_type="belongs",
            related_to_asset_id=pipeline.ids()["poster"],
        )
        comment = Segment(
            id=new_id(),
            asset_id=young,
            version_id=young,
            made_on=young,
            segment_type="COMMENT",
            segment_text="too loud",
        )
        session.add_all([related, comment])
    arrive(pipeline, "talk_V1.mov")
    with pipeline.sessions() as session:
        assert session.get_one(Relation, related.id).asset_id == ids["talk_A1"]
        assert session.get_one(Segment, comment.id).asset_id == ids["talk_A1"]
        kept = session.scalars(
            select(History.details).where(History.asset_id == young).order_by(History.id.desc()).limit(1)
        ).one()
        assert kept["was"]["title"] == "Boom"
        assert [part["structure"] for part in kept["was"]["formats"]] == ["audio"]
        assert len(kept["was"]["formats"][0]["file_sets"][0]["files"]) == 1
    leave(pipeline, "talk_V1.mov")
    with pipeline.sessions() as session:
        asset = session.get_one(Asset, young)
        assert (asset.title, asset.external_id, asset.merged_into, asset.status) == ("Boom", "EXT-2", None, "ACTIVE")
        assert session.get_one(Relation, related.id).asset_id == young
        said = session.get_one(Segment, comment.id)
        assert (said.asset_id, said.version_id) == (young, young)
        assert session.scalars(select(AclEntry.principal_id).where(AclEntry.object_id == young)).all() == [someone]
    assert pipeline.broken() == []


def test_sequences_that_part_take_all_their_frames_along(pipeline: Pipeline) -> None:
    arrive(pipeline, *(f"x_V1.{n:04d}.exr" for n in range(5)), *(f"x_V2.{n:04d}.exr" for n in range(4)), "x_A1.wav")
    whole = only(pipeline)["id"]
    leave(pipeline, "x_A1.wav")
    assert pipeline.titles() == ["x_V1", "x_V2"]
    assert str(pipeline.ids()["x_V1"]) == whole
    assert pipeline.broken() == []


def test_a_sequence_that_nobody_reads_comes_back_under_its_old_id(pipeline: Pipeline) -> None:
    arrive(pipeline, *(f"x_V1.{n:04d}.exr" for n in range(5)))
    arrive(pipeline, *(f"x_V2.{n:04d}.exr" for n in range(4)))
    ids = pipeline.ids()
    arrive(pipeline, "x_A1.wav")
    assert pipeline.ids() == {"x": ids["x_V1"]}
    leave(pipeline, "x_A1.wav")
    assert pipeline.ids() == ids
    assert pipeline.broken() == []


def test_a_long_sequence_comes_back_under_its_old_id(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merged_assets, "MAX_SNAPSHOT_FILE_IDS", 3)
    arrive(pipeline, *(f"x_V1.{n:04d}.exr" for n in range(9)))
    arrive(pipeline, *(f"x_V2.{n:04d}.exr" for n in range(7)))
    ids = pipeline.ids()
    arrive(pipeline, "x_A1.wav")
    assert pipeline.ids() == {"x": ids["x_V1"]}
    leave(pipeline, "x_A1.wav")
    assert pipeline.ids() == ids
    assert pipeline.broken() == []


def test_one_of_three_that_were_merged_comes_back_and_the_others_stay(pipeline: Pipeline) -> None:
    for name in ("a", "b", "c"):
        arrive(pipeline, f"{name}.mov")
    ids = pipeline.ids()
    for name in ("a", "b", "c"):
        (pipeline.root / f"{name}.mov").rename(pipeline.root / f"take_cam{name.upper()}.mov")
    pipeline.settle()
    assert pipeline.ids() == {"take": ids["a"]}
    rename(pipeline, "take_camB.mov", "b.mov")
    assert pipeline.ids() == {"take": ids["a"], "b": ids["b"]}
    with pipeline.sessions() as session:
        assert session.get_one(Asset, ids["c"]).merged_into == ids["a"]
    rename(pipeline, "take_camA.mov", "a.mov")
    assert pipeline.ids() == {"take_camC": ids["c"], "a": ids["a"], "b": ids["b"]}
    assert pipeline.broken() == []


def test_two_that_leave_together_are_the_older_one_and_the_younger_answers_with_it(pipeline: Pipeline) -> None:
    for name in ("a", "b", "c"):
        arrive(pipeline, f"{name}.mov")
    ids = pipeline.ids()
    for name in ("a", "b", "c"):
        (pipeline.root / f"{name}.mov").rename(pipeline.root / f"take_cam{name.upper()}.mov")
    pipeline.settle()
    for name in ("B", "C"):
        (pipeline.root / f"take_cam{name}.mov").rename(pipeline.root / f"new_cam{name}.mov")
    pipeline.settle()
    assert pipeline.ids() == {"take_camA": ids["a"], "new": ids["b"]}
    with pipeline.sessions() as session:
        assert session.get_one(Asset, ids["c"]).merged_into == ids["b"]
    rename(pipeline, "new_camC.mov", "c.mov")
    assert pipeline.ids() == {"take_camA": ids["a"], "new_camB": ids["b"], "c": ids["c"]}
    assert pipeline.broken() == []


def test_a_new_asset_that_parts_is_seen_by_nobody_who_could_not_see_the_one_that_it_leaves(pipeline: Pipeline) -> None:
    arrive(pipeline, "take_camA.mov", "take_camB.mov")
    owner = new_id()
    with pipeline.sessions.begin() as session:
        session.execute(text("DELETE FROM acl_entry WHERE object_type = 'assets'"))
        session.add(
            AclEntry(
                object_id=pipeline.ids()["take"],
                object_type="assets",
                principal_id=owner,
                principal_kind=PrincipalKind.USER,
                permissions=["read", "write"],
            )
        )
    rename(pipeline, "take_camB.mov", "secret.mov")
    with pipeline.sessions() as session:
        rows = session.execute(select(AclEntry.object_id, AclEntry.principal_id, AclEntry.permissions)).all()
    assert {(row.object_id, row.principal_id) for row in rows} == {(it, owner) for it in pipeline.ids().values()}


def test_a_merge_by_hand_is_taken_back_by_hand_alone(pipeline: Pipeline) -> None:
    arrive(pipeline, "a.mov")
    arrive(pipeline, "b.mov")
    ids = pipeline.ids()
    with pipeline.sessions.begin() as session:
        merge_manually(session, ids["a"], [ids["b"]], Actor("Ines", is_admin=True))
    rename(pipeline, "b.mov", "z.mov")
    assert pipeline.ids() == {"a": ids["a"]}
    assert pipeline.broken() == []


def test_history_keeps_one_end_for_each_merge(pipeline: Pipeline) -> None:
    ids = pair_of_two(pipeline)
    rename(pipeline, "take_camB.mov", "other.mov")
    rename(pipeline, "other.mov", "take_camB.mov")
    with pipeline.sessions() as session:
        ends = select(func.count()).select_from(History).where(History.details.has_key("was"))
        assert session.scalar(ends.where(History.asset_id == ids["other"])) == 2
