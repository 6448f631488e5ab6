"""Every log line written while a job runs names the job."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.core.base import new_id
from models.core.log_context import log_fields
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

TASK = "maintenance.example"
SERVICES = Path(__file__).parents[3] / "services"
CLAIMING = {"runner.py"}
"""The runner names each job in the log; transcodes are claimed beside the queue of jobs, and it runs them."""


def test_lines_of_a_job_carry_its_id_and_those_around_it_do_not(sessions: Sessions) -> None:
    told: list[Any] = []

    def batch(_session: Session, run: JobRun, _place: BatchCursor) -> tuple[int, None]:
        told.append((run.claim.id, log_fields().get("job_id")))
        return 1, None

    jobs = [Job(id=new_id(), type="CUSTOM", title=name, task=TASK, created_by=None) for name in "ab"]
    transact(sessions, lambda session: session.add_all(jobs))
    JobKind(TASK, batches(batch, "rows")).run(sessions, [job.id for job in jobs], Timing())
    assert told == [(job.id, str(job.id)) for job in sorted(jobs, key=lambda job: job.id)]
    assert log_fields() == {}
    with sessions() as session:
        assert {session.get_one(Job, job.id).status for job in jobs} == {JobStatus.FINISHED}


def test_only_the_runner_claims_jobs() -> None:
    assert {
        path.name for path in SERVICES.rglob("*.py") if "JOB_QUEUE.claim" in path.read_text(encoding="utf-8")
    } == CLAIMING
