"""Every log line written while a job runs names the job."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.core.base import new_id
from models.core.log_context import log_fields
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.jobs.batch_runner import BatchCursor, run_batch_job
from services.jobs.leases import JobClaim

TASK = "maintenance.example"
SERVICES = Path(__file__).parents[3] / "services"
CLAIMED_FOR = {"leases.py", "queue.py"}
"""The claim itself, and one that claims for another module."""


def test_lines_of_a_job_carry_its_id_and_those_around_it_do_not(sessions: Sessions) -> None:
    told: list[Any] = []

    def batch(_session: Session, claim: JobClaim, _place: BatchCursor) -> tuple[int, None]:
        told.append((claim.id, log_fields().get("job_id")))
        return 1, None

    jobs = [Job(id=new_id(), type="CUSTOM", title=name, task=TASK, created_by=None) for name in "ab"]
    transact(sessions, lambda session: session.add_all(jobs))
    run_batch_job(sessions, TASK, [job.id for job in jobs], Timing(), batch, "rows")
    assert told == [(job.id, str(job.id)) for job in sorted(jobs, key=lambda job: job.id)]
    assert log_fields() == {}
    with sessions() as session:
        assert {session.get_one(Job, job.id).status for job in jobs} == {JobStatus.FINISHED}


def test_every_module_that_claims_jobs_names_them_in_the_log() -> None:
    claiming = {
        path.name for path in SERVICES.rglob("*.py") if "claim_jobs(session" in path.read_text(encoding="utf-8")
    }
    naming = {
        path.name for path in SERVICES.rglob("*.py") if "with job_context(claim" in path.read_text(encoding="utf-8")
    }
    assert claiming - naming - CLAIMED_FOR == set()
    assert len(naming) > 10
