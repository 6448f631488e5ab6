"""Jobs of automatic reading, as users see them."""

from pathlib import Path

from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.jobs.actions import JobAction, apply_job_action
from services.media.drain import reread_jobs
from services.media.jobs import MAX_JOBS_OF_UNREADABLE_SETS
from services.media.probe import PROBE_READING
from tests.files import write
from tests.pipeline import Pipeline
from tests.services.media_clips import put
from tests.services.media_steps import ADMIN, jobs, read, rows, warnings


def test_of_many_files_that_are_no_media_each_is_told_on_its_format_and_one_job_reads_all_again(
    pipeline: Pipeline, root: Path
) -> None:
    count = MAX_JOBS_OF_UNREADABLE_SETS + 2
    names = [f"notes{letter}.mov" for letter in "abcdefghijklmnopqrstuvwxyz"[:count]]
    put(root, "good.mp4")
    write(root, *names)
    pipeline.settle()
    assert len(read(pipeline).troubles) == count
    reason = "holds nothing that can be read as media, or breaks off in its header"
    assert sorted(warnings(pipeline)) == [f"{name}: {reason}" for name in names]
    done, failed = rows(pipeline, Job)
    assert (done.status, done.progress_total) == (JobStatus.FINISHED, 1)
    assert (failed.status, failed.title) == (JobStatus.FAILED, f"Read the headers of {count} file sets")
    assert failed.error_message.startswith("notes")
    assert failed.error_message.endswith("; and 2 more like these")
    for name in names:
        put(root, "clip.mp4")
        (root / "clip.mp4").rename(root / name)
    pipeline.settle()
    transact(pipeline.sessions, lambda session: apply_job_action(session, [failed.id], JobAction.RESTART, ADMIN))
    reread_jobs(PROBE_READING).run(pipeline.sessions, [failed.id], pipeline.timing)
    assert jobs(pipeline)[-1] == ("MEDIAINFO", "FINISHED", None)
    assert (warnings(pipeline), pipeline.broken()) == ([], [])
