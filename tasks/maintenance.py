"""Tasks of the queue `maintenance`: the periodic sweep, mail, webhooks, and jobs that change many rows."""

from collections.abc import Callable, Sequence
from uuid import UUID

from celery import Task, shared_task

from models.core.sessions import Sessions
from models.core.timing import Timing
from services.approvals.collection_requests import COLLECTION_APPROVALS_TASK, run_collection_request_jobs
from services.catalog.collections.bulk_delete import DELETE_COLLECTIONS_TASK, run_collection_deletions
from services.catalog.collections.mirror_backfill import MIRROR_FOLDERS_TASK, run_mirror_backfills
from services.catalog.collections.permissions import CONTENT_PERMISSIONS_TASK, run_content_permission_jobs
from services.grouping.regroup import REGROUP_TASK, run_regroup_jobs
from services.jobs.jobs import parse_ids
from services.lifecycle.purge_assets import PURGE_ASSETS_TASK, run_asset_purge
from services.lifecycle.purge_collections import PURGE_COLLECTIONS_TASK, run_collection_purges
from services.lifecycle.restore import RESTORE_DELETED_TASK, run_restore_jobs
from services.metadata.bulk_write import SET_VALUES_TASK, run_bulk_write_jobs
from services.operations.mail_kinds import MAIL_WRITERS
from services.operations.sweep import purge_expired_rows, sweep_backlog
from services.outbound.mail_queue import MAIL_TASK
from services.outbound.mail_sender import send_mails
from services.outbound.webhook_sender import WEBHOOK_TASK, send_webhooks
from services.sidecars.caption_import import run_caption_jobs
from services.sidecars.refresh_captions import CAPTION_TASK
from services.triggers.runner import TRIGGER_TASK, TriggerEnvironment, run_triggers

JobRunner = Callable[[Sessions, Sequence[UUID], Timing], object]
JOB_RUNNERS: dict[str, JobRunner] = {
    CAPTION_TASK: run_caption_jobs,
    COLLECTION_APPROVALS_TASK: run_collection_request_jobs,
    CONTENT_PERMISSIONS_TASK: run_content_permission_jobs,
    DELETE_COLLECTIONS_TASK: run_collection_deletions,
    MIRROR_FOLDERS_TASK: run_mirror_backfills,
    PURGE_ASSETS_TASK: run_asset_purge,
    PURGE_COLLECTIONS_TASK: run_collection_purges,
    REGROUP_TASK: run_regroup_jobs,
    RESTORE_DELETED_TASK: run_restore_jobs,
    SET_VALUES_TASK: run_bulk_write_jobs,
}
"""What runs the jobs of each task; all of them take the ids of jobs, and claim nothing for a duplicate message."""


def make_job_task(name: str, run_jobs: JobRunner) -> Task:
    """Create the Celery task that runs the jobs whose ids its message has."""

    def run_job_task(self: Task, ids: Sequence[str] = ()) -> None:
        run_jobs(self.app.context.sessions, parse_ids(ids), self.app.context.timing)

    return shared_task(name=name, bind=True, ignore_result=True)(run_job_task)


JOB_TASKS = {name: make_job_task(name, run_jobs) for name, run_jobs in JOB_RUNNERS.items()}


@shared_task(name="maintenance.sweep", bind=True, ignore_result=True)
def run_sweep_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Notify workers of waiting work."""
    context = self.app.context
    sweep_backlog(context.sessions, context.timing, context.notify)


@shared_task(name="maintenance.tidy", bind=True, ignore_result=True)
def run_purge_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Purge expired rows."""
    purge_expired_rows(self.app.context.sessions, self.app.context.timing)


@shared_task(name=MAIL_TASK, bind=True, ignore_result=True)
def run_mail_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Send due mails."""
    context = self.app.context
    send_mails(context.sessions, context.timing, context.outside, MAIL_WRITERS)


@shared_task(name=WEBHOOK_TASK, bind=True, ignore_result=True)
def run_webhook_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Deliver webhooks."""
    context = self.app.context
    send_webhooks(context.sessions, context.timing, context.outside)


@shared_task(name=TRIGGER_TASK, bind=True, ignore_result=True)
def resume_triggers(self: Task, ids: Sequence[str]) -> None:
    """Continue trigger jobs that came over HTTP, that wait for something, or that lost their worker."""
    context = self.app.context
    environment = TriggerEnvironment(context.trigger_user, context.outside)
    run_triggers(context.sessions, parse_ids(ids), context.timing, environment, context.notify)
