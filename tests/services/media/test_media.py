"""Media probing from files to stored results: what is read, what is pending, and how errors are reported."""

import dataclasses
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping.model.frames import Frames
from media.sandbox.batch_reader import ReadEnd
from media.sandbox.families import MediaFamily
from media.sandbox.seccomp import ResourceLimits
from models.catalog.asset import Component, Format, Keyframe
from models.core.base import new_id
from models.core.sessions import transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from models.queues.media_queue import MediaKind, MediaWork, claim_media, has_claimable_media, queue_media
from services.catalog.assets.sources import spread_frames
from services.jobs.actions import JobAction, apply_job_action
from services.media.drain import MediaReading, SetOutcome, drain_media, reread_jobs
from services.media.jobs import create_reread_job
from services.media.previews import delete_orphaned_pictures, preview_reading_for
from services.media.probe import PROBE_READING
from tests.files import write
from tests.pipeline import Pipeline
from tests.services.draining import titles
from tests.services.media_clips import put
from tests.services.media_steps import ADMIN, end_waits, in_order, jobs, media_of, read, rows, warnings

MISBEHAVING = "tests.media.sandbox.misbehaving_child"


def misbehaving(deed: str, name: str, limits: ResourceLimits | None = None) -> MediaReading:
    """Headers as they are read, but for one file that makes its reader misbehave."""

    def ask(one: Any) -> dict[str, Any]:
        return {"deed": deed} if one.name == name else {}

    def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
        facts = {"container": "mov", "streams": [{"type": "VIDEO", "codec": "h264"}]}
        done = [
            replace(one, outcome=replace(one.outcome, result={"files": [facts]}))
            if one.outcome.end is ReadEnd.READ
            else one
            for one in outcomes
        ]
        return PROBE_READING.keep(done)

    limits = limits or ResourceLimits(wall_seconds=20, cpu_seconds=2, memory_bytes=256 << 20)
    return dataclasses.replace(
        PROBE_READING,
        programs={MediaFamily.VIDEO: MISBEHAVING},
        limits=limits,
        ask=ask,
        keep=keep,
    )


def test_headers_become_facts_of_components_that_search_and_people_find(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    assert pipeline.status().jobs_waiting == 1
    assert read(pipeline).read == 1
    assert (media_of(pipeline)["codec"], media_of(pipeline)["frame_rate"]) == ("h264", "24/1")
    assert media_of(pipeline, "AUDIO")["codec"] == "aac"
    assert "h264" in str(pipeline.show("clip"))
    assert "its header says: mp4, 2.000 s" in pipeline.explain("clip.mp4")
    assert pipeline.broken() == []
    wide = {"operator": "AND", "terms": [{"name": "width", "range": {"min": "480", "max": "500"}}]}
    assert titles(pipeline.sessions, filter=wide) == ["clip"]
    assert titles(pipeline.sessions, filter={"operator": "AND", "terms": [{"name": "codec", "value": "prores"}]}) == []
    assert jobs(pipeline) == [("MEDIAINFO", "FINISHED", None)]


def test_reading_changes_nothing_of_what_was_grouped(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4", "news_V1.mp4", "news_A1.wav")
    pipeline.settle()
    read(pipeline)
    before = {row.id for row in rows(pipeline, Component)}
    put(root, "other.mp4")
    pipeline.settle()
    assert before <= {row.id for row in rows(pipeline, Component)}
    assert pipeline.broken() == []


def test_a_sequence_is_read_by_three_frames_and_has_the_rate_of_its_storage(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(sequence_frame_rate="25")
    put(root, *(f"plate.{number}.exr" for number in range(1001, 1051) if number != 1020))
    pipeline.settle()
    assert read(pipeline).read == 1
    media = media_of(pipeline)
    assert (media["frame_rate"], media["frame_count"], media["duration_milliseconds"]) == ("25/1", 50, 2000)
    assert (media["codec"], media_of(pipeline, "GENERAL")["compression"]) == ("exr", "zip")


def test_frames_that_are_not_alike_are_a_warning(pipeline: Pipeline, root: Path) -> None:
    put(root, "plate.1001.exr", "plate.1002.exr")
    put(root, "other.png")
    (root / "other.png").rename(root / "plate.1003.exr")
    write(root, "shot.1001.exr", "shot.1002.exr", content="no picture")
    pipeline.settle()
    read(pipeline)
    unlike, unreadable = sorted(warnings(pipeline))
    assert "plate.1003.exr is not like plate.1001.exr: pixel_format rgb24 instead of" in unlike
    assert unreadable == "shot.[1001-1002].exr: holds nothing that can be read as media, or breaks off in its header"


def test_tracks_of_different_lengths_are_a_warning_until_they_are_not(pipeline: Pipeline, root: Path) -> None:
    put(root, "news_V1.mp4", "news_A1.wav")
    data = (root / "news_A1.wav").read_bytes()
    (root / "news_A1.wav").write_bytes(data[: len(data) // 2])
    pipeline.settle()
    read(pipeline)
    broken_off, lengths = sorted(warnings(pipeline))
    assert broken_off.startswith("news_A1.wav: breaks off: ")
    assert lengths == "tracks are of different lengths: V1 2.000 s, but A1 1.000 s"
    assert "of different lengths" in str(pipeline.show("news"))
    put(root, "news_A1.wav")
    pipeline.settle()
    end_waits(pipeline)
    assert read(pipeline).read == 1
    assert warnings(pipeline) == []


def test_a_file_that_changes_is_read_again_and_one_that_only_moves_is_not(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    read(pipeline)
    (root / "day1").mkdir()
    (root / "clip.mp4").rename(root / "day1" / "clip.mp4")
    pipeline.settle()
    assert [row.kind for row in rows(pipeline, MediaWork)] == [MediaKind.PICTURES]
    put(root, "sound.wav")
    (root / "sound.wav").rename(root / "day1" / "clip.mp4")
    pipeline.settle()
    end_waits(pipeline)
    assert read(pipeline).read == 1
    assert media_of(pipeline, "GENERAL")["container"] == "wav"
    assert media_of(pipeline) == {}


def test_what_is_no_media_is_told_on_its_format_in_a_job_and_in_explain(pipeline: Pipeline, root: Path) -> None:
    put(root, "good.mp4")
    write(root, "notes.mov")
    pipeline.settle()
    done = read(pipeline)
    reason = "holds nothing that can be read as media, or breaks off in its header"
    assert (done.read, list(done.troubles.values())) == (1, [f"notes.mov: {reason}"])
    assert warnings(pipeline) == [f"notes.mov: {reason}"]
    assert jobs(pipeline) == [("MEDIAINFO", "FINISHED", None), ("MEDIAINFO", "FAILED", f"notes.mov: {reason}")]
    assert f"its header could not be read: it {reason}" in pipeline.explain("notes.mov")
    assert pipeline.status().parked == 0


@pytest.mark.parametrize(("deed", "tries"), [("crash", 3), ("eat", 1)])
def test_what_kills_its_reader_is_parked_with_its_reason_and_the_queue_goes_on(
    pipeline: Pipeline, root: Path, deed: str, tries: int
) -> None:
    put(root, *(f"day{number}/clip{number}.mp4" for number in range(5)))
    pipeline.settle()
    reading = misbehaving(deed, "clip2.mp4")
    read_at_first = drain_media(pipeline.sessions, reading, pipeline.timing).read
    for _ in range(tries - 1):
        end_waits(pipeline)
        drain_media(pipeline.sessions, reading, pipeline.timing)
    assert read_at_first == 4
    (parked,) = (row for row in rows(pipeline, MediaWork) if row.dead_lettered_at is not None)
    reason = parked.error.partition(": ")[2]
    assert reason in ("its reader crashed (SIGSEGV)", "needs more memory than a file may take")
    assert warnings(pipeline) == [f"clip2.mp4: {reason}"]
    assert f"its header could not be read: clip2.mp4: {reason}; restart its job" in pipeline.explain("day2/clip2.mp4")
    assert pipeline.status().parked == 1
    assert jobs(pipeline)[-1] == ("MEDIAINFO", "FAILED", f"clip2.mp4: {reason}")


def test_a_restarted_job_reads_what_was_parked(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    drain_media(pipeline.sessions, misbehaving("eat", "clip.mp4"), pipeline.timing)
    (job,) = rows(pipeline, Job)
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    reread_jobs(misbehaving("crash", "clip.mp4")).run(pipeline.sessions, [job.id], pipeline.timing)
    assert jobs(pipeline) == [("MEDIAINFO", "FAILED", "clip.mp4: its reader crashed (SIGSEGV)")]
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    reread_jobs(PROBE_READING).run(pipeline.sessions, [job.id], pipeline.timing)
    assert jobs(pipeline) == [("MEDIAINFO", "FINISHED", None)]
    assert (warnings(pipeline), pipeline.status().parked) == ([], 0)
    assert media_of(pipeline)["codec"] == "h264"


def test_a_file_that_is_gone_or_another_by_the_time_that_it_is_read_waits_for_the_watcher(
    pipeline: Pipeline, root: Path
) -> None:
    put(root, "gone.mp4", "fifo.mp4", "new.mp4", "good.mp4")
    pipeline.settle()
    (root / "gone.mp4").unlink()
    (root / "fifo.mp4").unlink()
    os.mkfifo(root / "fifo.mp4")
    put(root, "new.mp4")
    os.utime(root / "new.mp4", (1, 1))
    assert read(pipeline).read == 1
    waiting = [row for row in rows(pipeline, MediaWork) if row.kind == MediaKind.HEADERS]
    assert [(row.attempt, row.failures, row.dead_lettered_at) for row in waiting] == [(0, 0, None)] * 3
    pipeline.settle()
    end_waits(pipeline)
    read(pipeline)
    assert warnings(pipeline) == []
    assert [row for row in rows(pipeline, MediaWork) if row.kind == MediaKind.HEADERS] == []


def test_a_finish_that_comes_too_late_writes_nothing(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()

    def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
        with pipeline.sessions.begin() as session:  # its lease expired meanwhile, and another worker claimed the set
            session.execute(text("UPDATE media_work SET lease_owner = 'another', attempt = attempt + 1"))
        return PROBE_READING.keep(outcomes)

    drain_media(pipeline.sessions, dataclasses.replace(PROBE_READING, keep=keep), pipeline.timing)
    assert media_of(pipeline) == {}
    (work,) = rows(pipeline, MediaWork)
    assert (work.lease_owner, work.attempt) == ("another", 2)


def test_what_changes_while_it_is_read_waits_again(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    (work,) = rows(pipeline, MediaWork)

    def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
        transact(pipeline.sessions, lambda session: queue_media(session, MediaKind.HEADERS, [work.file_set_id]))
        return PROBE_READING.keep(outcomes)

    drain_media(pipeline.sessions, dataclasses.replace(PROBE_READING, keep=keep), pipeline.timing, seconds=0.01)
    (again,) = rows(pipeline, MediaWork)
    assert again.revision > work.revision
    assert (again.lease_owner, again.attempt) == (None, 0)


def test_a_batch_whose_worker_died_is_read_one_by_one(pipeline: Pipeline, root: Path) -> None:
    put(root, "a/one.mp4", "b/two.mp4")
    pipeline.settle()
    claim = partial(claim_media, kind=MediaKind.HEADERS, most=10)
    assert len(transact(pipeline.sessions, claim, timing=Timing(lease_seconds=0))) == 2
    alone = transact(pipeline.sessions, claim, timing=Timing(lease_seconds=60))
    assert [claim.attempt for claim in alone] == [2]


def test_media_wait_while_folders_wait_to_be_grouped_but_not_for_ever(pipeline: Pipeline, root: Path) -> None:
    put(root, *(f"day{number}/clip{number}.mp4" for number in range(30)))
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE island SET dirty_since = now() WHERE id = (SELECT min(id) FROM island)"))
    assert read(pipeline).read == 20
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE island SET dirty_since = NULL"))
    assert read(pipeline).read == 10


def test_posters_and_strips_are_made_and_those_of_what_is_gone_removed(
    pipeline: Pipeline, root: Path, tmp_path: Path
) -> None:
    put(root, "clip.mp4", "sound.wav", "still.png", *(f"plate.{number}.exr" for number in range(1001, 1031)))
    pipeline.settle()
    read(pipeline)
    folder = tmp_path / "media"
    assert drain_media(pipeline.sessions, preview_reading_for(folder), pipeline.timing).read == 4
    found = rows(pipeline, Keyframe)
    assert sorted(row.type.value for row in found) == ["KEYFRAME"] * 3 + ["KEYFRAME_MAP"] * 2 + ["POSTER"] * 4
    assert {row.path for row in found} == {
        str(path.relative_to(folder)) for path in folder.rglob("[!.]*") if path.is_file()
    }
    assert pipeline.status().jobs_waiting == 0
    with pipeline.sessions.begin() as session:
        session.execute(text("DELETE FROM keyframe WHERE type = 'KEYFRAME_MAP'"))
    assert delete_orphaned_pictures(pipeline.sessions, folder) == 0, "a young file may belong to a row that is to come"
    for path in folder.rglob("*.*"):
        os.utime(path, (1, 1))
    assert delete_orphaned_pictures(pipeline.sessions, folder) == 2
    assert len([path for path in folder.rglob("[!.]*") if path.is_file()]) == 7


def test_a_storage_may_want_no_pictures(pipeline: Pipeline, root: Path) -> None:
    pipeline.change_settings(local_keyframe_creation=False)
    put(root, "clip.mp4")
    pipeline.settle()
    read(pipeline)
    assert rows(pipeline, MediaWork) == []


def test_a_person_has_a_header_read_again(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4")
    pipeline.settle()
    read(pipeline)
    file, asset_id = pipeline.file("clip.mp4"), pipeline.ids()["clip"]
    job = transact(
        pipeline.sessions, lambda session: create_reread_job(session, MediaKind.HEADERS, asset_id, file.id, ADMIN)
    )
    reread_jobs(PROBE_READING).run(pipeline.sessions, [job.id], pipeline.timing)
    assert [row.status for row in rows(pipeline, Job) if row.id == job.id] == [JobStatus.FINISHED]
    with pipeline.sessions() as session:
        assert not has_claimable_media(session, MediaKind.HEADERS)


def test_a_restarted_job_of_several_reads_them_all_again(pipeline: Pipeline, root: Path) -> None:
    put(root, "a.mp4", "b.mp4")
    pipeline.settle()
    assert read(pipeline).read == 2
    (job,) = rows(pipeline, Job)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE component SET media = '{}'"))
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    reread_jobs(PROBE_READING).run(pipeline.sessions, [job.id], pipeline.timing)
    (job,) = rows(pipeline, Job)
    assert (job.status, job.message) == (JobStatus.FINISHED, "was read")
    assert [row.media["codec"] for row in rows(pipeline, Component) if row.type == "VIDEO"] == ["h264", "h264"]


@pytest.mark.parametrize("sets", [[], [str(uuid.uuid4())]])
def test_a_job_of_what_is_on_no_storage_any_more_ends(pipeline: Pipeline, sets: list[str]) -> None:
    job_id = job_about(pipeline, sets)
    reread_jobs(PROBE_READING).run(pipeline.sessions, [job_id], pipeline.timing)
    (job,) = rows(pipeline, Job)
    assert (job.status, "not there to be read" in job.message) == (JobStatus.FINISHED, True)


def test_a_job_whose_reading_goes_wrong_says_why_and_is_tried_again(pipeline: Pipeline) -> None:
    job_id = job_about(pipeline, ["no id"])
    with pytest.raises(ValueError, match="badly formed"):
        reread_jobs(PROBE_READING).run(pipeline.sessions, [job_id], pipeline.timing)
    (job,) = rows(pipeline, Job)
    assert (job.status, job.lease_until) == (JobStatus.STARTED, None)
    assert job.error_message == "ValueError: badly formed hexadecimal UUID string"


def job_about(pipeline: Pipeline, sets: list[str]) -> uuid.UUID:
    with pipeline.sessions.begin() as session:
        job = Job(id=new_id(), type="MEDIAINFO", title="Read", task="metadata.probe", arguments={"file_sets": sets})
        session.add(job)
        return job.id


def test_one_frame_of_many_is_the_first() -> None:
    frames = Frames.from_text("7-9,20-30")
    assert (spread_frames(frames, 1), spread_frames(frames, 2)) == ([7], [7, 30])


def test_what_goes_wrong_in_our_own_code_is_parked_alone(pipeline: Pipeline, root: Path) -> None:
    put(root, "a/one.mp4", "b/two.mp4")
    pipeline.settle()

    def keep(outcomes: Sequence[SetOutcome]) -> Callable[[Session, Sequence[SetOutcome]], None]:
        if any(one.read.name == "two.mp4" for one in outcomes):
            raise ValueError("no such word")
        return PROBE_READING.keep(outcomes)

    reading = dataclasses.replace(PROBE_READING, keep=keep)
    for _ in range(3):
        with pytest.raises(ValueError, match="no such word"):
            drain_media(pipeline.sessions, reading, pipeline.timing)
        end_waits(pipeline)
    (parked,) = (row for row in rows(pipeline, MediaWork) if row.dead_lettered_at is not None)
    assert parked.error == "ValueError: no such word"
    assert media_of(pipeline, "GENERAL")["container"] == "mp4"


def test_a_storage_whose_files_all_hang_costs_a_few_of_them_and_blames_no_other(pipeline: Pipeline, root: Path) -> None:
    put(root, *(f"day{number}/clip{number}.mp4" for number in range(9)))
    pipeline.settle()
    reading = misbehaving("crash", "", limits=None)
    reading = dataclasses.replace(reading, ask=lambda _one: {"deed": "crash"}, batch=9)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE island SET dirty_since = now()"))  # one batch, and no more
    drain_media(pipeline.sessions, reading, pipeline.timing)
    errors = [row.error for row in rows(pipeline, MediaWork)]
    assert sorted(error is None for error in errors) == [False] * 5 + [True] * 4


def test_what_a_header_said_goes_along_with_its_file_set(pipeline: Pipeline, root: Path) -> None:
    put(root, "clip.mp4", "other.mp4")
    pipeline.settle()
    read(pipeline)
    first, second = sorted(rows(pipeline, Format), key=in_order)
    with pipeline.sessions.begin() as session:
        session.execute(
            text("UPDATE file_set SET format_id = :to WHERE format_id = :of"), {"to": second.id, "of": first.id}
        )
    assert {row.format_id for row in rows(pipeline, Component)} == {second.id}
