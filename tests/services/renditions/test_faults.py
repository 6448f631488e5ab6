"""A transcode that is stopped, killed or hangs leaves no files, and the next attempt restarts it."""

import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from media.sandbox.seccomp import ResourceLimits
from models.core.sessions import transact
from models.queues.job import JobStatus
from services.jobs.actions import JobAction, apply_job_action
from tests.services.media_clips import put
from tests.services.transcode_steps import ADMIN, Studio
from tests.waiting import wait_until

NEVER_ENDING = "tests.media.sandbox.endless_child"
REPOSITORY = Path(__file__).parents[3]


def encoders(parent: int) -> list[int]:
    """The encoders that a process has."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and NEVER_ENDING.encode() in command:
            found.append(int(status.parent.name))
    return found


def asked(studio: Studio, root: Path) -> uuid.UUID:
    put(root, "clip.mp4")
    studio.pipeline.settle()
    return studio.ask("clip")


def is_half_way(studio: Studio, job_id: uuid.UUID) -> bool:
    return studio.job(job_id).progress_processed == 50


def finishes_cleanly(studio: Studio, job_id: uuid.UUID) -> None:
    studio.end_waits()
    assert studio.run() == 1
    assert studio.job(job_id).status == JobStatus.FINISHED
    assert [path.name for path in studio.files()] == ["clip.web.mp4"]
    assert studio.pipeline.broken() == []


def test_a_person_stops_it_and_nothing_is_kept(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    with studio.running(NEVER_ENDING):
        wait_until(lambda: is_half_way(studio, job_id), what="it says how far it is", seconds=60)
        transact(studio.sessions, lambda session: apply_job_action(session, [job_id], JobAction.ABORT, ADMIN))
    assert studio.job(job_id).status == JobStatus.ABORTED
    assert studio.files() == []
    assert encoders(os.getpid()) == []
    transact(studio.sessions, lambda session: apply_job_action(session, [job_id], JobAction.RESTART, ADMIN))
    finishes_cleanly(studio, job_id)


def test_an_encoder_that_is_killed_is_told_and_tried_again(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    with studio.running(NEVER_ENDING):
        wait_until(lambda: is_half_way(studio, job_id), what="it says how far it is", seconds=60)
        os.kill(encoders(os.getpid())[0], signal.SIGKILL)
    job = studio.job(job_id)
    assert (job.status, job.lease_until) == (JobStatus.STARTED, None)
    assert job.error_message == "its encoder was killed, as the system does where memory runs out"
    assert studio.files() == []
    finishes_cleanly(studio, job_id)


def test_an_encoder_that_stands_still_is_ended_and_then_fails(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    limits = ResourceLimits(wall_seconds=0.5, cpu_seconds=20, memory_bytes=1 << 30, written_bytes=1 << 30)
    real, studio.by = studio.by, replace(studio.by, program="tests.media.sandbox.stalled_child", limits=limits)
    assert studio.run() == 1
    studio.end_waits()
    assert studio.run() == 1
    job = studio.job(job_id)
    assert (job.status, job.error_message) == (JobStatus.FAILED, "its encoder made no progress for 0.5 s and was ended")
    assert studio.files() == []
    studio.by = real


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_named_and_no_fault_of_the_source(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    studio.proxies.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=32k", "none", studio.proxies]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        for _ in range(3):
            studio.end_waits()
            assert studio.run() == 1
        job = studio.job(job_id)
        assert job.status == JobStatus.STARTED, "more attempts than for an encoder that dies"
        assert job.error_message.startswith('the disk of "')
        assert job.error_message.endswith(" is full: make room there, or move renditions to another storage")
        assert studio.files() == []
    finally:
        subprocess.run(["umount", studio.proxies], check=True)
    finishes_cleanly(studio, job_id)


def test_what_goes_wrong_unforeseen_is_told_and_leaves_nothing_behind(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    real, studio.by = studio.by, replace(studio.by, program="tests.media.sandbox.silent_child")
    with pytest.raises(KeyError):
        studio.run()
    job = studio.job(job_id)
    assert (job.status, job.lease_until, job.error_message) == (JobStatus.STARTED, None, "KeyError: 'facts'")
    assert studio.files() == []
    studio.by = real
    finishes_cleanly(studio, job_id)


def test_a_worker_that_is_killed_leaves_no_encoder_and_the_next_starts_over(
    studio: Studio, root: Path, database_url: str
) -> None:
    job_id = asked(studio, root)
    command = [sys.executable, "-m", "tests.services.transcoding_worker", database_url, str(studio.proxies.parent)]
    worker = subprocess.Popen(command, cwd=REPOSITORY)
    wait_until(lambda: is_half_way(studio, job_id), what="the worker says how far it is", seconds=60)
    (encoder,) = encoders(worker.pid)
    worker.kill()
    worker.wait()
    wait_until(lambda: not Path(f"/proc/{encoder}").exists(), what="the encoder is gone too", seconds=20)
    assert [path.name for path in studio.files()] == [".clip.web.mp4.part"]
    finishes_cleanly(studio, job_id)
    assert studio.job(job_id).crashes == 0


def test_what_changes_while_it_is_read_makes_no_rendition(studio: Studio, root: Path) -> None:
    job_id = asked(studio, root)
    put(root, "clip.mp4")
    os.utime(root / "clip.mp4", ns=(1, 1))
    assert studio.run() == 1
    job = studio.job(job_id)
    assert (job.status, job.error_message) == (JobStatus.STARTED, "clip.mp4 changed while it was read")
    assert studio.files() == []


def test_what_cannot_be_decoded_fails_with_a_sentence(studio: Studio, root: Path) -> None:
    (root / "bad.mp4").write_bytes(bytes(10_000))
    studio.pipeline.settle()
    job_id = studio.ask("bad")
    assert studio.run() == 1
    job = studio.job(job_id)
    assert job.status == JobStatus.FAILED
    assert job.error_message == "bad.mp4: holds nothing that can be read as media, or breaks off in its header"
    assert studio.files() == []
