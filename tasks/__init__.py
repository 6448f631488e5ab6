"""Celery tasks, one module a queue; each calls one service and names the tasks to wake next."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.job_kinds import run_job_message


def make_job_task(name: str) -> Task:
    """Create the Celery task that runs the jobs whose ids its message has."""

    def run_jobs(self: Task, ids: Sequence[str] = ()) -> str | None:
        return run_job_message(self.app.context, name, ids)

    return shared_task(name=name, bind=True, ignore_result=True)(run_jobs)
