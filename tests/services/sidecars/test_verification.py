"""Checksum lists are verified: matches, mismatches, missing files, and later changes."""

import hashlib
import uuid
from pathlib import Path

import pytest
import xxhash
from sqlalchemy import text

from models.access.acl import Actor
from models.catalog.sidecar_results import FileChecksum
from models.core.sessions import transact
from models.queues.job import Job
from services.jobs.actions import JobAction, apply_job_action
from services.sidecars.verification import CHECKSUM_TASK, checksum_jobs
from tests.files import write
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import put, read, rows, warnings

ADMIN = Actor("somebody", uuid.uuid4(), is_admin=True)
HELLO = hashlib.md5(b"hello").hexdigest()
MHL = """<?xml version="1.0" encoding="UTF-8"?><hashlist version="1.1">
<hash><file>A/one.mov</file><size>5</size><xxhash64>{xxh}</xxhash64></hash>
<hash><file>B/deep/two.mov</file><size>5</size><sha1>{sha}</sha1></hash>
<hash><file>../../etc/passwd</file><size>5</size><md5>{md5}</md5></hash></hashlist>"""


def stand_alone_at_once(pipeline: Pipeline) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text("""UPDATE storage SET profile = '{"orphan_after_seconds": 0}'"""))


def verify(pipeline: Pipeline, **options: float) -> list[tuple[str, str, str | None]]:
    """Read the lists, run the jobs, and give what became of those that ran."""
    read(pipeline)
    waiting = [job.id for job in rows(pipeline, Job) if job.task == CHECKSUM_TASK and job.status == "READY"]
    checksum_jobs(**options).run(pipeline.sessions, waiting, pipeline.timing)
    found = [job for job in rows(pipeline, Job) if job.id in waiting]
    return [(job.status.value, job.message, job.error_message) for job in sorted(found, key=lambda job: job.id)]


def test_a_sum_beside_its_file_is_verified(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]
    assert 'its md5 is that of "clip.mov.md5"' in pipeline.explain("clip.mov")
    assert (warnings(pipeline), pipeline.broken()) == ([], [])


def test_what_does_not_match_is_told_on_its_format_in_its_job_and_in_explain_until_it_does(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "clip.mov", "good.mov", content="hello")
    put(root, "clip.mov.md5", "0" * 32)
    put(root, "good.mov.md5", HELLO)
    sentence = f'clip.mov: its md5 is {HELLO}, but "clip.mov.md5" says {"0" * 32}'
    assert sorted(verify(pipeline)) == [
        ("FAILED", "0 of 1 file match", "1 file not as listed: clip.mov"),
        ("FINISHED", "1 of 1 file match", None),
    ]
    assert warnings(pipeline) == [sentence]
    assert f"does not match its checksum: {sentence}" in pipeline.explain("clip.mov")
    write(root, "clip.srt")
    pipeline.settle()
    assert warnings(pipeline) == [sentence]
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]
    assert warnings(pipeline) == []


def test_a_file_that_changes_is_verified_again_and_the_others_are_not_read(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    write(root, "one.mov", "two.mov", content="hello")
    put(root, "day.md5", f"{HELLO}  one.mov\n{HELLO}  two.mov\n")
    assert verify(pipeline) == [("FINISHED", "2 of 2 files match", None)]
    before = {row.file_id: row.date_checked for row in rows(pipeline, FileChecksum)}
    write(root, "two.mov", content="other")
    ((status, message, error),) = verify(pipeline)
    assert (status, message, error) == ("FAILED", "1 of 2 files match", "1 file not as listed: two.mov")
    after = {row.file_id: row.date_checked for row in rows(pipeline, FileChecksum)}
    assert sum(before[file_id] != after[file_id] for file_id in before) == 1


def test_a_list_of_a_whole_card_finds_its_files_below_it_and_nothing_outside(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    write(root, "card/A/one.mov", content="hello")
    sums = {"xxh": xxhash.xxh64_hexdigest(b"hello"), "sha": hashlib.sha1(b"hello").hexdigest(), "md5": HELLO}
    put(root, "card/card.mhl", MHL.format(**sums))
    assert verify(pipeline) == [
        ("FINISHED_WITH_WARNING", "1 of 2 files match", "1 file not there or not readable: B/deep/two.mov")
    ]
    write(root, "card/B/deep/two.mov", content="hello")
    assert verify(pipeline) == [("FINISHED", "2 of 2 files match", None)]


def test_a_job_lets_others_in_between_and_goes_on_where_it_was(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    names = [f"clip{number}.mov" for number in range(3)]
    write(root, *names, content="hello")
    put(root, "day.md5", "".join(f"{HELLO}  {name}\n" for name in names))
    assert verify(pipeline, turn_seconds=0) == [("STARTED", "1 of 3 files summed up; goes on soon", None)]
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    checksum_jobs().run(pipeline.sessions, [job.id], pipeline.timing)
    assert [row.matches for row in rows(pipeline, FileChecksum)] == [True] * 3


def test_a_file_that_cannot_be_read_is_tried_once_and_ends_no_turn_as_the_last(pipeline: Pipeline, root: Path) -> None:
    stand_alone_at_once(pipeline)
    names = [f"clip{number}.mov" for number in range(2)]
    write(root, *names, content="hello")
    put(root, "day.md5", "".join(f"{HELLO}  {name}\n" for name in names))
    read(pipeline)
    for name in names:
        (root / name).unlink()
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    for _turn in range(2):
        checksum_jobs(turn_seconds=0).run(pipeline.sessions, [job.id], pipeline.timing)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    absent = "2 files not there or not readable: clip0.mov, clip1.mov"
    assert (job.status, job.error_message, job.details) == ("FINISHED_WITH_WARNING", absent, {"gone": []})


def test_a_job_that_fails_for_no_reason_of_its_files_is_tried_again_and_says_why(
    pipeline: Pipeline, root: Path
) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", HELLO)
    read(pipeline)
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE job SET arguments = '{}' WHERE task = :task"), {"task": CHECKSUM_TASK})
    waiting = [job.id for job in rows(pipeline, Job) if job.task == CHECKSUM_TASK]
    with pytest.raises(KeyError):
        checksum_jobs().run(pipeline.sessions, waiting, pipeline.timing)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    assert (job.lease_owner, job.error_message) == (None, "KeyError: 'file_set'")


def test_a_list_that_is_none_fails_and_is_read_again_when_it_changes(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", "nothing of the kind")
    assert verify(pipeline) == []
    assert warnings(pipeline) == ["clip.mov.md5: is no list of md5 sums: line 1 is not a sum and a file"]
    put(root, "clip.mov.md5", HELLO)
    assert verify(pipeline) == [("FINISHED", "1 of 1 file match", None)]


def test_a_restarted_job_verifies_again(pipeline: Pipeline, root: Path) -> None:
    write(root, "clip.mov", content="hello")
    put(root, "clip.mov.md5", "0" * 32)
    verify(pipeline)
    (job,) = (row for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK)
    transact(pipeline.sessions, lambda session: apply_job_action(session, [job.id], JobAction.RESTART, ADMIN))
    checksum_jobs().run(pipeline.sessions, [job.id], pipeline.timing)
    assert [row.status for row in rows(pipeline, Job) if row.task == CHECKSUM_TASK] == ["FAILED"]
