"""Retention: expired rows are deleted; dead-lettered and recent ones are kept."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.job import Job, JobStatus
from services.lifecycle.retention import delete_expired_work

LONG_AGO = datetime.now(UTC) - timedelta(days=31)


def job(title: str, **values: object) -> Job:
    return Job(id=new_id(), type="CUSTOM", title=title, **values)


def test_jobs_that_ended_long_ago_go_children_first(sessions: Sessions) -> None:
    with sessions() as session:
        old = {"status": JobStatus.FINISHED, "completed_at": LONG_AGO}
        parent = job("parent", **old)
        session.add_all(
            [
                parent,
                job("alone", **old),
                job("young", status=JobStatus.FINISHED, completed_at=datetime.now(UTC)),
                job("waits for a person", dead_lettered_at=LONG_AGO, **old),
                job("runs", status=JobStatus.STARTED),
            ]
        )
        session.flush()
        session.add(job("child", parent_id=parent.id, **old))
        session.flush()
        assert delete_expired_work(session) == 2
        assert delete_expired_work(session) == 1
        assert delete_expired_work(session) == 0
        assert set(session.scalars(select(Job.title))) == {"young", "waits for a person", "runs"}
