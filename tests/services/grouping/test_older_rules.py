"""An upgrade of the rules: what older rules grouped stays as it is until a person has it grouped again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from models.access.acl import Actor
from models.access.share import Share
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.segment import Segment, SegmentType
from models.queues.island import Island
from services.access.users import create_user
from services.approvals.requests import ApprovalSpec, load_approval_status, request_approval
from services.catalog.segments.segments import NewSegment, create_segments
from services.core.actors import SETUP_ACTOR
from services.grouping.previews import preview_folder
from services.grouping.regroup import request_regroup
from services.objects.objects import find_object
from services.shares.shares import ShareInput, create_share
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline, open_pipeline
from tests.services.regrouping import finish, on_paper, preview, profile_of

PICTURES = 800


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """Pictures that older rules took for the frames of one sequence, beside a raw still, its JPEG and a clip."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        older = {"photos": "sequences", "extensions": {"other": ["tiff"]}}
        _set_profile(pipeline, {"orphan_after_seconds": 0} | older)
        write(root, *(f"shoot/IMG_{number:04}.JPG" for number in range(1, PICTURES + 1)))
        write(
            root, "shoot/x.CR2", "shoot/x.tiff", "shoot/clip.mov", "shoot/clip.en.srt", "shoot/y_L.mov", "shoot/y_R.mov"
        )
        pipeline.settle(60)
        _set_profile(pipeline, {"orphan_after_seconds": 0})
        with pipeline.sessions.begin() as session:
            # As the version before left it: frames of a sequence, and a raw still apart from its picture.
            session.execute(text("UPDATE island SET rules_version = 1"))
        yield pipeline


def _set_profile(pipeline: Pipeline, profile: dict[str, object]) -> None:
    with pipeline.sessions.begin() as session:
        find_storage_by_name(session, "Rushes").profile = profile
    pipeline.watch()


def _rules(pipeline: Pipeline) -> set[int | None]:
    with pipeline.sessions() as session:
        return set(session.scalars(select(Island.rules_version).where(Island.done > 0)))


def test_a_sequence_of_photographs_keeps_its_approval_comments_and_share(pipeline: Pipeline, root: Path) -> None:
    with pipeline.sessions.begin() as session:
        user = create_user(session, User(email="ada@example.org", is_admin=True), SETUP_ACTOR)
        ada = Actor("Ada", user.id, is_admin=True)
        (shot,) = session.scalars(select(Asset).where(Asset.title == "IMG"))
        request_approval(session, find_object(session, ada, "assets", shot.id), ApprovalSpec(), ada)
        create_segments(session, shot, [NewSegment(SegmentType.COMMENT, {"segment_text": "dark"})] * 2, ada)
        create_share(session, ada, "assets", shot.id, ShareInput(frozenset(), has_url=True))
        shot_id = shot.id
    before, ids = pipeline.assets(), pipeline.ids()
    untouched = ids["y"]
    told = pipeline.history(untouched)
    write(root, "shoot/IMG_0801.JPG", "shoot/IMG_0802.JPG", "shoot/IMG_0802.CR2", "shoot/IMG_0001.xmp")
    write(root, "shoot/clip.de.srt", "shoot/x.xmp", "shoot/plate.1001.exr", "shoot/plate.1002.exr")
    (root / "shoot/IMG_0007.JPG").write_bytes(b"rewritten in place")
    promised = preview_folder(pipeline.sessions, str(root).encode(), None, frozenset())
    pipeline.settle(60)
    assert promised.counts == {"files": 1, "kind": 2, "new": 3}
    after = pipeline.assets()
    assert {title: pipeline.ids()[title] for title in ids} == ids
    for asset in before:
        kept = next(each for each in after if each["formats"][0]["files"][-1] == asset["formats"][0]["files"][-1])
        assert set(kept["formats"][0]["files"]) >= set(asset["formats"][0]["files"])
    after = {asset["title"]: asset for asset in after}
    assert pipeline.history(untouched) == told
    assert len(after["IMG"]["formats"][0]["files"]) == PICTURES
    assert after["IMG"]["sidecars"] == ["shoot/IMG_0001.xmp"]
    assert after["clip"]["formats"][0]["files"] == ["shoot/clip.de.srt", "shoot/clip.en.srt", "shoot/clip.mov"]
    assert after["IMG_0801"]["formats"] == [{"kind": "image", "files": ["shoot/IMG_0801.JPG"]}]
    assert [part["kind"] for part in after["IMG_0802"]["formats"]] == ["image", "transcode"]
    assert [part["kind"] for part in after["plate"]["formats"]] == ["image_sequence"]
    assert (_rules(pipeline), pipeline.status().outdated_islands) == ({1}, 1)
    assert pipeline.broken() == []

    difference = preview(pipeline, profile_of({}))
    (change,) = (each for each in difference.changes if each.asset is not None and each.asset.id == shot_id)
    assert change.dependents == {"approvals": 1, "comments": 2, "shares": 1}
    assert difference.changes[0] == change, "what people attached something to comes first"
    assert (change.joins.count, change.leaves.count) == (0, PICTURES - 1)
    assert difference.photographs == {b"shoot": PICTURES + 2}

    with pipeline.sessions.begin() as session:
        job_id = request_regroup(session, find_storage_by_name(session, "Rushes")).id
    finish(pipeline, job_id)
    assert pipeline.assets() == on_paper(root, profile_of({}))
    assert (pipeline.status().outdated_islands, pipeline.broken()) == (0, [])
    with pipeline.sessions() as session:
        assert load_approval_status(session, find_object(session, ada, "assets", shot_id)).approval is not None
        assert session.scalar(select(func.count()).where(Segment.asset_id == shot_id)) == 2
        assert session.scalar(select(func.count()).where(Share.object_id == shot_id)) == 1
