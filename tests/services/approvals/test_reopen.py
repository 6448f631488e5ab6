"""An approval is asked for again when the files of an original change after the votes, and only then."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from models.access.acl import Actor
from models.access.user import User
from models.catalog.approval import ApprovalVote, VoteStatus
from models.catalog.asset import Asset
from models.catalog.history import History
from models.catalog.segment import Segment, SegmentType
from services.access.users import create_user
from services.approvals.requests import ApprovalSpec, load_approval_status, request_approval
from services.approvals.votes import cast_vote
from services.catalog.segments.segments import NewSegment, create_segments
from services.core.actors import SETUP_ACTOR
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.merge import (
    delete_dependents,
    move_dependents,
    move_dependents_back,
)
from services.objects.objects import find_object
from tests.files import write
from tests.pipeline import Pipeline


@pytest.fixture
def admin(pipeline: Pipeline) -> Actor:
    with pipeline.sessions.begin() as session:
        user = create_user(session, User(email="ada@example.org", is_admin=True), SETUP_ACTOR)
    return Actor("Ada", user.id, is_admin=True)


def approve(pipeline: Pipeline, asset: uuid.UUID, actor: Actor) -> None:
    with pipeline.sessions.begin() as session:
        found = find_object(session, actor, "assets", asset)
        request_approval(session, found, ApprovalSpec(), actor)
        cast_vote(session, found, VoteStatus.APPROVED, actor)


def status_of(pipeline: Pipeline, asset: uuid.UUID, actor: Actor) -> str:
    with pipeline.sessions() as session:
        approval = load_approval_status(session, find_object(session, actor, "assets", asset)).approval
        return approval.status if approval else "N/A"


def told(pipeline: Pipeline, asset: uuid.UUID) -> int:
    """How often history says that it was asked for again."""
    with pipeline.sessions() as session:
        entries = session.scalars(select(History.operation_description).where(History.asset_id == asset)).all()
    return sum("asked for again" in entry for entry in entries)


def test_a_frame_more_or_one_written_anew_asks_again_and_a_sidecar_or_a_transcode_does_not(
    pipeline: Pipeline, root: Path, admin: Actor
) -> None:
    write(root, *(f"plate.{frame}.exr" for frame in range(1001, 1006)))
    pipeline.settle()
    asset = pipeline.ids()["plate"]
    approve(pipeline, asset, admin)
    assert status_of(pipeline, asset, admin) == "APPROVED"
    write(root, "plate_h264.mp4", "plate.xmp")
    pipeline.settle()
    assert status_of(pipeline, asset, admin) == "APPROVED"
    write(root, "plate.1006.exr")
    pipeline.settle()
    assert (status_of(pipeline, asset, admin), told(pipeline, asset)) == ("REQUESTED", 1)
    with pipeline.sessions() as session:
        assert session.scalars(select(ApprovalVote)).all() == []
    approve(pipeline, asset, admin)
    (root / "plate.1003.exr").write_bytes(b"another picture")
    pipeline.settle()
    assert (status_of(pipeline, asset, admin), told(pipeline, asset)) == ("REQUESTED", 2)


def test_a_request_without_votes_is_left_alone(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    write(root, "a.1001.exr", "a.1002.exr")
    pipeline.settle()
    asset = pipeline.ids()["a"]
    with pipeline.sessions.begin() as session:
        request_approval(session, find_object(session, admin, "assets", asset), ApprovalSpec(), admin)
    write(root, "a.1003.exr")
    pipeline.settle()
    assert (status_of(pipeline, asset, admin), told(pipeline, asset)) == ("REQUESTED", 0)


def test_at_a_merge_comments_go_over_and_each_keeps_its_own_approval(
    pipeline: Pipeline, root: Path, admin: Actor
) -> None:
    write(root, "a.mov", "b.mov")
    pipeline.settle()
    ids = pipeline.ids()
    dead, survivor = ids["a"], ids["b"]
    approve(pipeline, dead, admin)
    with pipeline.sessions.begin() as session:
        said = NewSegment(SegmentType.COMMENT, {"segment_text": "of a"})
        comment = create_segments(session, session.get_one(Asset, dead), [said], admin)[0].id
        held = move_dependents(session, [(dead, survivor)])
    assert segment_of(pipeline, comment) == (survivor, survivor, dead)
    assert (status_of(pipeline, dead, admin), status_of(pipeline, survivor, admin)) == ("APPROVED", "N/A")
    with pipeline.sessions.begin() as session:
        move_dependents_back(session, [AssetUnmerge(dead, survivor, held[dead])])
    assert segment_of(pipeline, comment) == (dead, dead, dead)
    with pipeline.sessions.begin() as session:
        delete_dependents(session, [dead])
    assert (segment_of(pipeline, comment), status_of(pipeline, dead, admin)) == (None, "N/A")


def segment_of(pipeline: Pipeline, segment_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID, uuid.UUID] | None:
    """On which asset and version it is, and was made."""
    with pipeline.sessions() as session:
        found = session.get(Segment, segment_id)
        return (found.asset_id, found.version_id, found.made_on) if found else None
