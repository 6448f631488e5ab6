"""Regrouping a storage with another profile: first a dry run, then a job that can be watched, stopped and killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from models.core.sessions import transact
from models.core.timing import Timing
from models.queues.island import ISLAND_QUEUE, Island
from models.queues.job import JOB_QUEUE, MAX_JOB_CRASHES, JobStatus
from search.postgres.engine import PostgresEngine
from services.grouping.regroup import REGROUP_TASK, InvalidProfile, RegroupLimits, request_regroup, set_storage_profile
from services.jobs.actions import JobAction, apply_job_action
from services.operations.check_result import VerifyContext
from services.operations.grouping_invariants import check_grouping
from services.operations.sweep import is_work_waiting, sweep_backlog
from services.storages.storages import find_storage_by_name
from tests.files import write
from tests.pipeline import FAST, Pipeline, open_pipeline
from tests.services.regrouping import ADMIN, change_profile, dirty, finish, job, on_paper, preview, profile_of, regroup
from tests.waiting import wait_until
from watch.reconcile import ProfileChangedError

SHOOT = [
    *(f"plates/plate.{number}.exr" for number in range(1001, 1004)),
    *(f"plates/key.{number}.exr" for number in range(1, 21)),
    *(f"photos/shot{number:04}.jpg" for number in range(1, 6)),
    "reel.mov",
    "dailies/reel.mov",
    "take.foo",
    "take.en.srt",
    "talk_v01.mov",
    "talk_v02.mov",
    "a_L.mov",
    "a_R.mov",
    "b_port.mov",
    "b_star.mov",
]
PROFILES: dict[str, dict[str, Any]] = {
    "fewer frames are stills": {"min_frames": 5},
    "photographs are no frames": {"photos": "stills"},
    "an extension is a video's": {"extensions": {"video": ["foo"]}},
    "an extension is no picture's": {"extensions": {"other": ["exr"]}},
    "a folder holds renditions": {"rendition_dirs": ["dailies"]},
    "versions are one asset": {"versions": "asset"},
    "eyes have other words": {"eye_tokens": [["port", "star"]]},
}


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """A storage where a caption without its video becomes an asset of its own at once."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        with pipeline.sessions.begin() as session:
            find_storage_by_name(session, "Rushes").profile = {"orphan_after_seconds": 0}
        yield pipeline


@pytest.mark.parametrize("name", PROFILES)
def test_a_dry_run_says_what_the_job_then_does(pipeline: Pipeline, root: Path, name: str) -> None:
    write(root, *SHOOT)
    pipeline.settle()
    assert pipeline.assets() == on_paper(root, profile_of({}))
    stored, before, profile = pipeline.assets(), pipeline.ids(), profile_of(PROFILES[name])
    difference = preview(pipeline, profile)
    assert not difference.is_empty
    assert pipeline.ids() == before
    done = finish(pipeline, change_profile(pipeline, profile))
    assert (done.status, done.error_message) == (JobStatus.FINISHED, None)
    assert done.progress_processed == done.progress_total > 0
    assert pipeline.assets() == on_paper(root, profile)
    made = difference.counts["split"] + difference.counts["new"]
    assert len(pipeline.assets()) == len(stored) + made - difference.merged
    assert preview(pipeline, profile).is_empty
    assert pipeline.broken() == []


def audited(pipeline: Pipeline, engine: Any = None) -> VerifyContext:
    return VerifyContext(pipeline.sessions, engine, FAST, pipeline.media_folder)


def test_the_way_back_gives_the_same_groups_and_the_oldest_ids(pipeline: Pipeline, root: Path) -> None:
    write(root, *SHOOT)
    pipeline.settle()
    before, stored = pipeline.ids(), pipeline.assets()
    for values in ({"min_frames": 50, "extensions": {"other": ["jpg"]}}, {}):
        finish(pipeline, change_profile(pipeline, profile_of(values)))
    assert pipeline.assets() == stored
    assert pipeline.ids() == before
    assert pipeline.broken() == []


def test_a_dry_run_names_what_merges_splits_and_changes_its_kind(pipeline: Pipeline, root: Path) -> None:
    write(root, "plates/plate.1001.exr", "plates/plate.1002.exr", "reel.mov", "dailies/reel.mov")
    pipeline.settle()
    stills = preview(pipeline, profile_of({"min_frames": 3}))
    assert stills.counts == {"kind": 1, "split": 1}
    kept = next(change for change in stills.changes if change.change == "kind")
    assert kept.formats[0].before == "original image sequence"
    assert kept.formats[0].after == "original picture"
    assert kept.leaves.shown == (b"plates/plate.1002.exr",)
    (made,) = [change for change in stills.changes if change.change == "split"]
    assert [origin.title for origin in made.comes_from] == ["plate"]
    together = preview(pipeline, profile_of({"rendition_dirs": ["dailies"]}))
    assert together.counts == {"merge": 1}
    (merge,) = together.changes
    assert [name.title for name in merge.takes_in] == ["reel"]
    assert {part.after for part in merge.formats} == {"transcode single video"}


def test_the_present_profile_changes_nothing(pipeline: Pipeline, root: Path) -> None:
    write(root, *SHOOT)
    pipeline.settle()
    difference = preview(pipeline, profile_of({}))
    assert difference.is_empty
    assert difference.unchanged == len(pipeline.assets())
    assert difference.files == len(SHOOT)
    with pipeline.sessions.begin() as session:
        assert set_storage_profile(session, find_storage_by_name(session, "Rushes"), profile_of({})) is None
    assert pipeline.storage().profile_revision == 1


def test_an_unknown_key_is_refused_by_its_name_and_nothing_is_written(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session, pytest.raises(InvalidProfile, match="unknown key 'min_framse'"):
        set_storage_profile(session, find_storage_by_name(session, "Rushes"), {"min_framse": 3})
    storage = pipeline.storage()
    assert (storage.profile_revision, storage.profile) == (1, {"orphan_after_seconds": 0})


def test_no_more_islands_wait_at_a_time_than_the_limit_says(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"day{number}/clip.mov" for number in range(12)))
    pipeline.settle()
    job_id, limits = change_profile(pipeline, profile_of({"min_frames": 3})), RegroupLimits(dirty=5, islands=2)
    pipeline.watch()
    seen = []
    while regroup(pipeline, job_id, limits) is JobStatus.STARTED:
        seen.append((dirty(pipeline), job(pipeline, job_id).progress_processed))
        pipeline.ingest()
    assert max(waiting for waiting, _ in seen) == 5
    assert [processed for _, processed in seen[:2]] == [5, 10]
    assert job(pipeline, job_id).message == "12 islands grouped again"


def test_rows_of_one_island_are_read_again_in_many_transactions(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"shot/plate.{number}.exr" for number in range(1, 60)))
    pipeline.settle()
    profile = profile_of({"extensions": {"document": ["exr"]}})
    finish(pipeline, change_profile(pipeline, profile), RegroupLimits(rows=7, files=10))
    assert pipeline.assets() == on_paper(root, profile)
    assert len(pipeline.ids()) == 59
    assert pipeline.broken() == []


def test_an_ingest_that_read_the_old_names_may_not_finish(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov")
    pipeline.settle()
    write(root, "clip.mov", content="written anew")
    pipeline.wait_for(lambda: pipeline.show("clip")["history"], what="the clip is known")
    with pipeline.sessions.begin() as session:
        session.execute(update(Island).values(seen=Island.seen + 1, dirty_since=func.now()))
        ids = session.scalars(select(Island.id).where(Island.done > 0)).all()
    claims = transact(pipeline.sessions, ISLAND_QUEUE.claim, FAST, ids=ids)
    assert claims
    regroup(pipeline, change_profile(pipeline, profile_of({"min_frames": 3})))
    assert transact(pipeline.sessions, ISLAND_QUEUE.fence, claims) == {}


def test_a_watcher_of_the_old_profile_publishes_nothing_more(pipeline: Pipeline, root: Path) -> None:
    pipeline.settle()
    change_profile(pipeline, profile_of({"extensions": {"document": ["exr"]}}))
    write(root, "plate.1001.exr", "plate.1002.exr")

    def refused() -> bool:
        try:
            pipeline.watcher.step()
        except ProfileChangedError:
            return True
        return False

    wait_until(refused, what="the old watcher is refused")
    assert pipeline.file("plate.1001.exr") is None
    pipeline.watch()
    pipeline.settle()
    assert {asset["formats"][0]["kind"] for asset in pipeline.assets()} == {"document"}


def test_names_not_read_again_yet_are_grouped_as_their_rows_say(pipeline: Pipeline, root: Path) -> None:
    """A file that comes between the change and the job must not fail its island."""
    write(root, *(f"photos/DSC_{number:04}.tif" for number in range(1, 6)))
    with pipeline.sessions.begin() as session:
        find_storage_by_name(session, "Rushes").profile = {"extensions": {"document": ["tif"]}}
    pipeline.settle()
    job_id = change_profile(pipeline, profile_of({}))
    pipeline.watch()
    write(root, "photos/DSC_0006.tif")
    pipeline.settle()
    with pipeline.sessions() as session:
        assert session.scalars(select(Island.error).where(Island.error.is_not(None))).all() == []
    finish(pipeline, job_id)
    assert pipeline.assets() == on_paper(root, profile_of({}))
    assert pipeline.broken() == []


def test_a_job_goes_on_behind_its_last_batch_after_its_worker_died(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"day{number}/clip.mov" for number in range(6)))
    pipeline.settle()
    job_id = change_profile(pipeline, profile_of({"min_frames": 3}))
    regroup(pipeline, job_id, RegroupLimits(dirty=3))
    before = job(pipeline, job_id)
    assert before.progress_processed == 3
    hurried = Timing(lease_seconds=0.05)
    assert transact(pipeline.sessions, JOB_QUEUE.claim, hurried, ids=[job_id], task=REGROUP_TASK)
    done = finish(pipeline, job_id)
    assert done.status is JobStatus.FINISHED
    assert done.progress_processed == 6


def test_a_job_that_kills_its_workers_is_parked_with_its_reason(pipeline: Pipeline, root: Path) -> None:
    job_id = change_profile(pipeline, profile_of({"min_frames": 3}))
    hurried = Timing(lease_seconds=0.01)
    for _ in range(MAX_JOB_CRASHES + 1):
        wait_until(
            lambda: transact(pipeline.sessions, JOB_QUEUE.claim, hurried, ids=[job_id], task=REGROUP_TASK),
            what="the dead worker's lease has ended",
        )
    wait_until(lambda: sweep_once(pipeline) == [] and job(pipeline, job_id).dead_lettered_at, what="it is parked")
    assert "died 3 times" in job(pipeline, job_id).error_message


def sweep_once(pipeline: Pipeline) -> list[tuple[str, Any]]:
    pipeline.notified.clear()
    sweep_backlog(pipeline.sessions, FAST, pipeline.notify)
    return [notify for notify in pipeline.notified if notify[0] == REGROUP_TASK]


def test_the_sweep_rings_for_a_job_that_waits_and_not_twice(pipeline: Pipeline) -> None:
    with pipeline.sessions() as session:
        assert not is_work_waiting(session, FAST)
    job_id = change_profile(pipeline, profile_of({"min_frames": 3}))
    with pipeline.sessions() as session:
        assert is_work_waiting(session, FAST)
    assert sweep_once(pipeline) == [(REGROUP_TASK, [job_id])]
    assert sweep_once(pipeline) == []
    assert regroup(pipeline, job_id) is JobStatus.FINISHED
    with pipeline.sessions() as session:
        assert not is_work_waiting(session, FAST)


def test_a_job_is_stopped_by_a_person_and_started_again(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"day{number}/clip.mov" for number in range(6)))
    pipeline.settle()
    job_id = change_profile(pipeline, profile_of({"min_frames": 3}))
    regroup(pipeline, job_id, RegroupLimits(dirty=2))
    with pipeline.sessions.begin() as session:
        apply_job_action(session, [job_id], JobAction.ABORT, ADMIN)
    assert job(pipeline, job_id).status is JobStatus.ABORT_PENDING
    sweep_once(pipeline)
    assert job(pipeline, job_id).status is JobStatus.ABORTED
    with pipeline.sessions.begin() as session:
        apply_job_action(session, [job_id], JobAction.RESTART, ADMIN)
    done = finish(pipeline, job_id)
    assert (done.status, done.progress_processed) == (JobStatus.FINISHED, 6)


def test_a_later_profile_ends_the_job_of_the_one_before(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"day{number}/clip.mov" for number in range(4)))
    pipeline.settle()
    first = change_profile(pipeline, profile_of({"min_frames": 3}))
    regroup(pipeline, first, RegroupLimits(dirty=1))
    second = change_profile(pipeline, profile_of({"min_frames": 4}))
    assert regroup(pipeline, first) is JobStatus.DISCARDED
    assert finish(pipeline, second).status is JobStatus.FINISHED


def test_an_island_is_checked_by_the_profile_that_grouped_it(pipeline: Pipeline, root: Path) -> None:
    write(root, "plate.1.exr", "plate.2.exr", "day1/clip.mov")
    pipeline.settle()
    change_profile(pipeline, profile_of({"min_frames": 3}))
    found = check_grouping(audited(pipeline), False)
    assert (found.checked, found.broken, len(found.notes)) == (2, 0, 1)
    assert '"Rushes": 2 islands grouped by an older profile' in found.notes[0]
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE format SET structure = 'other'"))
    assert check_grouping(audited(pipeline), False).broken == 2


def test_an_upgrade_regroups_nothing_by_itself_but_is_told_and_done_on_request(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", "day1/clip.mov")
    pipeline.settle()
    with pipeline.sessions.begin() as session:
        session.execute(update(Island).values(rules_version=0))
        session.execute(text("UPDATE format SET structure = 'other'"))
    found = check_grouping(
        VerifyContext(pipeline.sessions, PostgresEngine(pipeline.sessions), FAST, pipeline.media_folder), False
    )
    assert (found.broken, len(found.notes)) == (0, 1)
    assert '"Rushes": 2 islands grouped by older rules' in found.notes[0]
    assert preview(pipeline, profile_of({})).counts == {"kind": 2}
    with pipeline.sessions.begin() as session:
        job_id = request_regroup(session, find_storage_by_name(session, "Rushes")).id
        assert request_regroup(session, find_storage_by_name(session, "Rushes")).id == job_id
    finish(pipeline, job_id)
    found = check_grouping(
        VerifyContext(pipeline.sessions, PostgresEngine(pipeline.sessions), FAST, pipeline.media_folder), False
    )
    assert (found.broken, found.notes) == (0, [])
    assert pipeline.assets() == on_paper(root, profile_of({}))


KILLED = """
import sys, uuid
from models.core.sessions import make_engine, make_sessions
from models.core.timing import Timing
from services.grouping.regroup import RegroupLimits, regroup_jobs
sessions = make_sessions(make_engine(sys.argv[1]))
regroup_jobs(RegroupLimits(rows=1)).run(sessions, [uuid.UUID(sys.argv[2])], Timing(lease_seconds=1))
"""


def test_a_worker_killed_within_an_island_loses_nothing(pipeline: Pipeline, root: Path, database_url: str) -> None:
    write(root, *(f"shot/plate.{number}.exr" for number in range(1, 1_001)), "clip.mov")
    pipeline.settle(60)
    profile = profile_of({"extensions": {"document": ["exr"]}})
    job_id = change_profile(pipeline, profile)
    worker = subprocess.Popen([sys.executable, "-c", KILLED, database_url, str(job_id)])
    read_again = text("SELECT count(*) FROM file WHERE media_class = 'document'")

    def is_within() -> bool:
        with pipeline.sessions() as session:
            return session.scalar(read_again) > 20

    wait_until(is_within, what="the worker reads names again", seconds=30)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    with pipeline.sessions() as session:
        assert session.scalar(read_again) < 1_000
    wait_until(lambda: regroup(pipeline, job_id) and job(pipeline, job_id).progress_processed, what="the lease ended")
    assert finish(pipeline, job_id).status is JobStatus.FINISHED
    assert pipeline.assets() == on_paper(root, profile)
    assert pipeline.broken() == []
