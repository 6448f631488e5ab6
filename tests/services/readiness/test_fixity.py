"""Proving files on a schedule: oldest first, within the pace that is set, and what lost bits fails the job by name."""

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlalchemy import select, text

from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.catalog.assets.digests import load_known_digests
from services.catalog.assets.files import load_watched_files
from services.jobs.runner import JobKind
from services.readiness.fixity import FIXITY_JOBS, FixityTurn, ReadPace, create_fixity_jobs
from tests.pipeline import Pipeline
from tests.services.media_clips import put


def run(pipeline: Pipeline, kind: JobKind = FIXITY_JOBS) -> list[Job]:
    """Have files proven as the hourly task and the worker would, and return the jobs that ended."""
    made = transact(pipeline.sessions, lambda session: [job.id for job in create_fixity_jobs(session)])
    while any(outcome is not None and not hasattr(outcome, "status") for outcome in _work(pipeline, kind, made)):
        continue
    with pipeline.sessions() as session:
        return [session.get_one(Job, one) for one in made]


def _work(pipeline: Pipeline, kind: JobKind, jobs: list[uuid.UUID]) -> list[object]:
    return list(kind.run(pipeline.sessions, jobs, pipeline.timing).values())


def sums(pipeline: Pipeline, name: str) -> Mapping[str, tuple[str, str]]:
    row = pipeline.file(name)
    assert row is not None
    with pipeline.sessions() as session:
        return {one.algorithm: (one.digest, one.proven_by) for one in load_known_digests(session, [row.id])[row.id]}


def flip(path: Path) -> None:
    """Change one bit as a failing disk does: size and time stay."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def make_due(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE file_digest SET date_found = date_found - interval '40 days'"))


def test_files_are_proven_within_the_days_and_a_flipped_bit_fails_the_job(pipeline: Pipeline, root: Path) -> None:
    put(root, "a/clip.mp4", "b/clip.mp4")
    pipeline.settle()
    assert run(pipeline) == []  # off by default
    pipeline.change_settings(fixity_days=30, fixity_megabytes_per_second=1000, checksum_algorithms=["sha256", "c4"])
    (first,) = run(pipeline)
    assert (first.status, first.message) == (JobStatus.FINISHED, "2 files read whole; all are as they were")
    known = sums(pipeline, "a/clip.mp4")
    assert sorted(known) == ["c4", "sha256", "xxh128"]
    assert {by for _, by in known.values()} == {"schedule"}
    assert known == sums(pipeline, "b/clip.mp4")
    assert run(pipeline) == []  # proven, and not due
    row = pipeline.file("a/clip.mp4")
    assert row is not None
    with pipeline.sessions() as session:
        view = load_watched_files(session, [row.id])[row.id]
    assert view.checksum in {digest for digest, _ in known.values()}
    assert [one.algorithm for one in view.checksums] == ["c4", "sha256", "xxh128"]

    make_due(pipeline)
    flip(root / "a/clip.mp4")
    pipeline.settle()
    (second,) = run(pipeline, JobKind(FIXITY_JOBS.task, lambda one: FixityTurn(one, seconds=0).prove()))
    assert (second.status, second.message) == (JobStatus.FAILED, "2 files read whole")
    assert second.error_message == "1 file lost bits: a/clip.mp4 (good copies: Rushes/b/clip.mp4)"
    assert pipeline.status().flipped_files == 1
    assert run(pipeline) == []  # it is told once, and proven again when it is due


def test_what_cannot_be_read_is_named_and_does_not_hold_up_the_rest(pipeline: Pipeline, root: Path) -> None:
    put(root, "a.mp4", "b.mp4")
    pipeline.change_settings(fixity_days=30)
    pipeline.settle()
    (root / "a.mp4").write_bytes(b"changed, and the watcher did not look yet")
    (job,) = run(pipeline)
    assert (job.status, job.message) == (JobStatus.FINISHED_WITH_WARNING, "1 file read whole")
    assert job.error_message == "1 file not read: a.mp4 changed while it was read"
    assert list(sums(pipeline, "b.mp4")) == ["xxh128"]


def test_a_storage_without_days_ends_a_job_that_waited(pipeline: Pipeline, root: Path) -> None:
    put(root, "a.mp4")
    pipeline.change_settings(fixity_days=30)
    pipeline.settle()
    (made,) = transact(pipeline.sessions, lambda session: [job.id for job in create_fixity_jobs(session)])
    assert transact(pipeline.sessions, lambda session: len(create_fixity_jobs(session))) == 0  # one waits already
    pipeline.change_settings(fixity_days=0)
    _work(pipeline, FIXITY_JOBS, [made])
    with pipeline.sessions() as session:
        assert session.scalars(select(Job.status).where(Job.id == made)).one() is JobStatus.DISCARDED


@pytest.mark.parametrize(("rate", "pieces"), [(1_000_000, 10), (4_000_000, 40)])
def test_reading_keeps_its_pace(rate: int, pieces: int) -> None:
    pace, began = ReadPace(rate), time.monotonic()
    for _ in range(pieces):
        pace.wait_after(10_000)
    assert time.monotonic() - began >= pieces * 10_000 / rate
