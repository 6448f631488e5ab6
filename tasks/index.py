"""Tasks of the queue `index`: keep the search index up to date with the rows."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.indexing.audit import start_index_audit
from services.indexing.drain import run_drain
from services.indexing.requests import COMPARE_INDEX_TASK, REBUILD_INDEX_TASK, keep_index_current
from tasks import make_job_task


@shared_task(name="index.drain", bind=True, ignore_result=True)
def drain_index(self: Task, secondary: Sequence[int] = ()) -> None:
    """Send due documents to the index; `secondary` is not empty in the message for a second child."""
    context = self.app.context
    run_drain(context.sessions, context.engine, context.timing, context.notify, is_secondary=bool(secondary))


@shared_task(name="index.look", bind=True, ignore_result=True)
def ensure_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Reconcile the indexes, and start a rebuild if the mapping is outdated."""
    context = self.app.context
    keep_index_current(context.sessions, context.engine, context.notify)


INDEX_JOB_TASKS = [make_job_task(name) for name in (REBUILD_INDEX_TASK, COMPARE_INDEX_TASK)]


@shared_task(name="index.audit", bind=True, ignore_result=True)
def audit_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    context = self.app.context
    start_index_audit(context.sessions, context.engine, context.notify)
