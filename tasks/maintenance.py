"""Tasks of the queue `maintenance`: the periodic sweep, mail, webhooks, and jobs that change many rows."""

from collections.abc import Sequence

from celery import Task, shared_task

from models.core.sessions import transact
from models.queues.outbox import MAIL_TASK, WEBHOOK_TASK
from services.approvals.collection_requests import COLLECTION_APPROVALS_TASK
from services.catalog.collections.folder_mirror import MIRROR_FOLDERS_TASK
from services.catalog.collections.permissions import CONTENT_PERMISSIONS_TASK
from services.catalog.collections.tree import DELETE_COLLECTIONS_TASK
from services.grouping.regroup import REGROUP_TASK
from services.lifecycle.purge import PURGE_ASSETS_TASK, PURGE_COLLECTIONS_TASK
from services.lifecycle.restore import RESTORE_DELETED_TASK
from services.mails.failures import queue_failure_digest
from services.mails.kinds import make_mail_kinds
from services.metadata.bulk_write import SET_VALUES_TASK
from services.operations.samples import SAMPLE_TASK, record_sample
from services.operations.sweep import purge_expired_rows, sweep_backlog
from services.outbound.mail_sender import send_mails
from services.outbound.webhook_sender import send_webhooks
from services.readiness.copy_count import count_copies
from services.readiness.fixity import create_fixity_jobs
from services.sidecars.refresh_captions import CAPTION_TASK
from services.storages.removal import REMOVE_STORAGE_TASK
from services.triggers.runner import TRIGGER_TASK
from tasks import make_job_task

JOB_TASKS = [
    make_job_task(name)
    for name in (
        CAPTION_TASK,
        COLLECTION_APPROVALS_TASK,
        CONTENT_PERMISSIONS_TASK,
        DELETE_COLLECTIONS_TASK,
        MIRROR_FOLDERS_TASK,
        PURGE_ASSETS_TASK,
        PURGE_COLLECTIONS_TASK,
        REGROUP_TASK,
        REMOVE_STORAGE_TASK,
        RESTORE_DELETED_TASK,
        SET_VALUES_TASK,
        TRIGGER_TASK,
    )
]


@shared_task(name="maintenance.sweep", bind=True, ignore_result=True)
def run_sweep_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Notify workers of waiting work."""
    context = self.app.context
    sweep_backlog(context.sessions, context.timing, context.notify)


@shared_task(name="maintenance.tidy", bind=True, ignore_result=True)
def run_purge_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Purge expired rows, count copies, have files proven that are due, and mail the digest of failures once a day."""
    context = self.app.context
    purge_expired_rows(context.sessions, context.timing)
    transact(context.sessions, count_copies)
    transact(context.sessions, create_fixity_jobs)
    transact(context.sessions, queue_failure_digest, context.own_folders)


@shared_task(name=SAMPLE_TASK, bind=True, ignore_result=True)
def run_sample_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Count what the system holds and has to do, for the lines of the last day."""
    transact(self.app.context.sessions, record_sample)


@shared_task(name=MAIL_TASK, bind=True, ignore_result=True)
def run_mail_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Send due mails."""
    context = self.app.context
    send_mails(context.sessions, context.timing, context.outside, make_mail_kinds(context.own_folders))


@shared_task(name=WEBHOOK_TASK, bind=True, ignore_result=True)
def run_webhook_task(self: Task, _ids: Sequence[object] = ()) -> None:
    """Deliver webhooks."""
    context = self.app.context
    send_webhooks(context.sessions, context.timing, context.outside)
