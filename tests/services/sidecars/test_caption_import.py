"""Captions of an asset's own file, read from its storage as a job."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from media.sandbox.safe_open import SourceChangedError
from models.access.acl import Actor
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.history import History
from models.catalog.segment import Segment, SegmentStatus, SegmentType
from models.core.sessions import transact
from models.core.timing import Timing
from models.queues.job import JOB_QUEUE, Job
from services.access.users import create_user
from services.catalog.segments.segments import NewSegment, SegmentChange, add_segments, update_segments
from services.core.actors import SETUP_ACTOR
from services.core.errors import PermissionDenied, ValidationFailed
from services.jobs.runner import JobRun
from services.sidecars.caption_import import (
    CAPTION_JOBS,
    CAPTION_TASK,
    CaptionImport,
    create_caption_job,
    read_caption_file,
)
from tests.files import write
from tests.pipeline import Pipeline

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n"


@pytest.fixture
def admin(pipeline: Pipeline) -> Actor:
    with pipeline.sessions.begin() as session:
        user = create_user(session, User(email="ada@example.org", is_admin=True), SETUP_ACTOR)
    return Actor("Ada", user.id, is_admin=True)


def captioned(pipeline: Pipeline, root: Path, content: str | bytes = SRT) -> tuple[uuid.UUID, uuid.UUID]:
    """A clip with a caption file; its id and the file's."""
    write(root, "clip.mov")
    data = content if isinstance(content, bytes) else content.encode()
    (root / "clip.en.srt").write_bytes(data)
    pipeline.settle()
    return file_of(pipeline, b"clip.en.srt")


def file_of(pipeline: Pipeline, name: bytes) -> tuple[uuid.UUID, uuid.UUID]:
    with pipeline.sessions() as session:
        row = session.execute(
            text("SELECT file_set.asset_id, file.id FROM file JOIN file_set_file ON file_id = file.id "
                 "JOIN file_set ON file_set.id = file_set_id WHERE file.name = :name"),
            {"name": name},
        ).one()  # fmt: skip
        return row[0], row[1]


def read(pipeline: Pipeline, actor: Actor, asset: uuid.UUID, file: uuid.UUID, **how: Any) -> Job:
    """Ask for it and run the job; the job as it ended."""
    with pipeline.sessions.begin() as session:
        job = create_caption_job(session, asset, file, actor, **how)
    CAPTION_JOBS.run(pipeline.sessions, [job.id], Timing())
    return ended(pipeline, job.id)


def ended(pipeline: Pipeline, job_id: uuid.UUID) -> Job:
    with pipeline.sessions() as session:
        return session.get_one(Job, job_id)


def lines_of(pipeline: Pipeline, asset: uuid.UUID) -> list[tuple[int | None, str]]:
    with pipeline.sessions() as session:
        query = select(Segment).where(Segment.asset_id == asset).order_by(Segment.time_start_milliseconds)
        return [(each.time_start_milliseconds, each.segment_text) for each in session.scalars(query)]


def test_lines_come_once_however_often_they_are_read(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    job = read(pipeline, admin, asset, file)
    assert (job.status, job.type, job.message) == (
        "FINISHED", "TRANSCRIPTION", '2 lines of captions read from "clip.en.srt"')  # fmt: skip
    assert lines_of(pipeline, asset) == [(1_000, "Hello"), (3_000, "World")]
    read(pipeline, admin, asset, file)
    assert len(lines_of(pipeline, asset)) == 2
    with pipeline.sessions() as session:
        told = session.execute(select(History.operation_type, History.job_id).where(History.asset_id == asset))
        assert ("TRANSCRIPTION", job.id) in [tuple(row) for row in told]
        segments = session.scalars(select(Segment).where(Segment.asset_id == asset)).all()
    assert {(each.segment_type, each.transcription_id, each.user_id) for each in segments} == {
        (SegmentType.TRANSCRIPTION, file, admin.user_id)
    }


def test_the_lines_of_other_files_go_only_when_that_is_asked_for(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    (root / "clip.de.srt").write_text(SRT.replace("Hello", "Hallo"))
    pipeline.settle()
    read(pipeline, admin, asset, file)
    german = file_of(pipeline, b"clip.de.srt")[1]
    read(pipeline, admin, asset, german)
    assert len(lines_of(pipeline, asset)) == 4
    read(pipeline, admin, asset, german, replaces_all=True)
    assert [said for _, said in lines_of(pipeline, asset)] == ["Hallo", "World"]


def test_only_caption_files_of_the_asset_are_read_and_by_who_may_write_it(
    pipeline: Pipeline, root: Path, admin: Actor
) -> None:
    asset, file = captioned(pipeline, root)
    _, movie = file_of(pipeline, b"clip.mov")
    with pipeline.sessions() as session:
        with pytest.raises(ValidationFailed, match="no caption file"):
            create_caption_job(session, asset, movie, admin)
        reader = Actor("Eve", uuid.uuid4())
        entry = "INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, permissions) " \
                "VALUES (:a, 'assets', :u, 'user', '{read}')"  # fmt: skip
        session.execute(text(entry), {"a": asset, "u": reader.user_id})
        with pytest.raises(PermissionDenied):
            create_caption_job(session, asset, file, reader)


def test_a_bad_file_fails_with_its_reason_and_writes_nothing(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root, b"\x00\x01 nothing to see")
    job = read(pipeline, admin, asset, file)
    assert (job.status, lines_of(pipeline, asset)) == ("FAILED", [])
    assert job.message == "the file clip.en.srt: has no caption with a text and times that can be read"


def test_what_goes_wrong_unforeseen_is_told_and_tried_again(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    with pipeline.sessions.begin() as session:
        job = create_caption_job(session, asset, file, admin)
        job.arguments = {"file_id": str(file)}
    with pytest.raises(KeyError):
        CAPTION_JOBS.run(pipeline.sessions, [job.id], Timing())
    job = ended(pipeline, job.id)
    assert (job.status, job.lease_until, job.error_message) == ("STARTED", None, "KeyError: 'replaces_all'")
    assert lines_of(pipeline, asset) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(
    pipeline: Pipeline, root: Path, tmp_path: Path, admin: Actor
) -> None:
    asset, file = captioned(pipeline, root)
    secret = tmp_path / "secret.srt"
    secret.write_text(SRT)
    (root / "clip.en.srt").unlink()
    (root / "clip.en.srt").symlink_to(secret)
    job = read(pipeline, admin, asset, file)
    assert (job.status, lines_of(pipeline, asset)) == ("STARTED", [])
    assert "cannot be opened" in (job.error_message or "")


def test_who_lost_the_right_meanwhile_writes_nothing(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    with pipeline.sessions.begin() as session:
        job = create_caption_job(session, asset, file, admin)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE user_account SET is_admin = false"))
        session.get_one(Asset, asset)
    CAPTION_JOBS.run(pipeline.sessions, [job.id], Timing())
    assert (ended(pipeline, job.id).status, lines_of(pipeline, asset)) == ("FAILED", [])


def test_an_aborted_or_doubled_job_writes_nothing_more(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    with pipeline.sessions.begin() as session:
        job = create_caption_job(session, asset, file, admin)
    assert len(CAPTION_JOBS.run(pipeline.sessions, [job.id], Timing())) == 1
    assert len(CAPTION_JOBS.run(pipeline.sessions, [job.id], Timing())) == 0
    assert len(lines_of(pipeline, asset)) == 2


def correct(pipeline: Pipeline, root: Path, content: str) -> Job | None:
    """Overwrite the file, and return the finished job that reads it again, if any."""
    (root / "clip.en.srt").write_text(content)
    pipeline.settle()
    with pipeline.sessions() as session:
        waiting = list(session.scalars(select(Job.id).where(Job.task == CAPTION_TASK, Job.status == "READY")))
    CAPTION_JOBS.run(pipeline.sessions, waiting, Timing())
    return ended(pipeline, waiting[0]) if waiting else None


def segments_of(pipeline: Pipeline, asset: uuid.UUID) -> dict[str, uuid.UUID]:
    with pipeline.sessions() as session:
        query = select(Segment).where(Segment.asset_id == asset, Segment.segment_type == SegmentType.TRANSCRIPTION)
        return {each.segment_text: each.id for each in session.scalars(query)}


def test_lines_follow_their_file_when_it_is_corrected(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    read(pipeline, admin, asset, file)
    before = segments_of(pipeline, asset)
    job = correct(pipeline, root, SRT.replace("World", "Planet") + "\n3\n00:00:05,000 --> 00:00:06,000\nBye\n")
    said = '3 lines of captions read from "clip.en.srt": 1 new, 1 changed'
    assert job is not None
    assert (job.status, job.created_by, job.message) == ("FINISHED", None, said)
    assert lines_of(pipeline, asset) == [(1_000, "Hello"), (3_000, "Planet"), (5_000, "Bye")]
    now = segments_of(pipeline, asset)
    assert (now["Hello"], now["Planet"]) == (before["Hello"], before["World"])
    assert pipeline.history(asset)[-1] == f"TRANSCRIPTION: {said}"
    with pipeline.sessions() as session:
        assert {each.user_id for each in session.scalars(select(Segment))} == {admin.user_id}
    correct(pipeline, root, SRT.replace("World", "Planet"))
    assert lines_of(pipeline, asset) == [(1_000, "Hello"), (3_000, "Planet")]


def test_nobodys_words_are_lost_when_a_caption_file_changes(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root, SRT + "\n3\n00:00:05,000 --> 00:00:06,000\nBye\n")
    read(pipeline, admin, asset, file)
    lines = segments_of(pipeline, asset)
    with pipeline.sessions.begin() as session:
        change = SegmentChange(lines["Hello"], {"segment_text": "Hello, you"})
        update_segments(session, admin, asset, [change])
        update_segments(session, admin, asset, [SegmentChange(lines["World"], {"status": SegmentStatus.DELETED})])
        answer = NewSegment(SegmentType.COMMENT, {"segment_text": "Who?"}, parent_id=lines["Bye"])
        add_segments(session, admin, asset, [answer])
    job = correct(pipeline, root, SRT.replace("Hello", "Hallo").replace("World", "Welt"))
    assert job is not None
    assert job.message == '2 lines of captions read from "clip.en.srt": nothing new; 3 lines left as people made them'
    assert segments_of(pipeline, asset).keys() == {"Hello, you", "World", "Bye"}
    with pipeline.sessions() as session:
        assert session.get_one(Segment, lines["World"]).status == SegmentStatus.DELETED
        assert session.scalar(select(Segment.segment_text).where(Segment.parent_id == lines["Bye"])) == "Who?"


def test_a_caption_file_that_nobody_had_read_is_not_read_when_it_changes(
    pipeline: Pipeline, root: Path, admin: Actor
) -> None:
    asset, file = captioned(pipeline, root)
    assert correct(pipeline, root, SRT.replace("World", "Planet")) is None
    read(pipeline, admin, asset, file)
    with pipeline.sessions.begin() as session:
        gone = [
            SegmentChange(line, {"status": SegmentStatus.DELETED}) for line in segments_of(pipeline, asset).values()
        ]
        update_segments(session, admin, asset, gone)
    assert correct(pipeline, root, SRT) is None


def test_a_file_that_went_bad_leaves_the_lines_that_were_read(pipeline: Pipeline, root: Path, admin: Actor) -> None:
    asset, file = captioned(pipeline, root)
    read(pipeline, admin, asset, file)
    job = correct(pipeline, root, "nothing to see")
    assert job is not None
    assert (job.status, len(lines_of(pipeline, asset))) == ("FAILED", 2)


def test_what_was_read_before_the_file_changed_is_not_written_after(
    pipeline: Pipeline, root: Path, admin: Actor
) -> None:
    asset, file = captioned(pipeline, root)
    with pipeline.sessions.begin() as session:
        job = create_caption_job(session, asset, file, admin)
    (claim,) = transact(pipeline.sessions, JOB_QUEUE.claim, Timing(), ids=[job.id], task=CAPTION_TASK)
    reading = CaptionImport(JobRun(pipeline.sessions, Timing(), claim))
    source, _ = transact(pipeline.sessions, reading.find)
    captions = read_caption_file(source)
    correct(pipeline, root, SRT.replace("World", "Planet, all of it"))
    with pytest.raises(SourceChangedError, match=r'"clip\.en\.srt" changed while it was read'):
        transact(pipeline.sessions, lambda session: reading.finish(session, source, captions))
    assert lines_of(pipeline, asset) == []
