"""Every log line written while a job runs names the job."""

from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.base import new_id
from models.job import Job, JobStatus
from models.log_context import log_fields
from models.sessions import Sessions, transact
from models.timing import Timing
from tasks.batches import Place, work_off
from tasks.job_leases import JobClaim

TASK = "maintenance.example"
TASKS = Path(__file__).parent.parent.parent / "tasks"
CLAIMED_FOR = {"job_leases.py", "transcode_jobs.py"}
"""The claim itself, and one that claims for another module."""


def test_lines_of_a_job_carry_its_id_and_those_around_it_do_not(sessions: Sessions) -> None:
    told: list[Any] = []

    def batch(_session: Session, claim: JobClaim, _place: Place) -> tuple[int, None]:
        told.append((claim.id, log_fields().get("job_id")))
        return 1, None

    jobs = [Job(id=new_id(), type="CUSTOM", title=name, task=TASK, created_by=None) for name in "ab"]
    transact(sessions, lambda session: session.add_all(jobs))
    work_off(sessions, TASK, [job.id for job in jobs], Timing(), batch, "rows")
    assert told == [(job.id, str(job.id)) for job in sorted(jobs, key=lambda job: job.id)]
    assert log_fields() == {}
    with sessions() as session:
        assert {session.get_one(Job, job.id).status for job in jobs} == {JobStatus.FINISHED}


def test_every_module_that_claims_jobs_names_them_in_the_log() -> None:
    claiming = {path.name for path in TASKS.glob("*.py") if "claim_jobs(session" in path.read_text(encoding="utf-8")}
    naming = {path.name for path in TASKS.glob("*.py") if "with about_job(claim" in path.read_text(encoding="utf-8")}
    assert claiming - naming - CLAIMED_FOR == set()
    assert len(naming) > 10
