"""Tasks of the queue `index`: keep the search index up to date with the rows."""

from collections.abc import Sequence

from celery import Task, shared_task

from services.indexing.audit_job import run_comparison_task, start_index_audit
from services.indexing.drain import run_drain
from services.indexing.rebuild import run_rebuild_task
from services.indexing.requests import COMPARE_INDEX_TASK, REBUILD_INDEX_TASK, keep_index_current
from services.jobs.jobs import parse_ids
from services.media.jobs import notify_header_readers


@shared_task(name="index.drain", bind=True, ignore_result=True)
def drain_index(self: Task, secondary: Sequence[int] = ()) -> None:
    """Send due documents to the index; `secondary` is not empty in the message for a second child."""
    context = self.app.context
    if run_drain(context.sessions, context.engine, context.timing, context.notify, is_secondary=bool(secondary)):
        notify_header_readers(context.sessions, context.notify)


@shared_task(name="index.look", bind=True, ignore_result=True)
def ensure_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Reconcile the indexes, and start a rebuild if the mapping is outdated."""
    context = self.app.context
    keep_index_current(context.sessions, context.engine, context.notify)


@shared_task(name=REBUILD_INDEX_TASK, bind=True, ignore_result=True)
def rebuild_index(self: Task, ids: Sequence[str]) -> None:
    """Continue these rebuild jobs for a second."""
    context = self.app.context
    run_rebuild_task(context.sessions, context.engine, parse_ids(ids), context.timing, context.notify)


@shared_task(name=COMPARE_INDEX_TASK, bind=True, ignore_result=True)
def compare_index(self: Task, ids: Sequence[str]) -> None:
    """Continue these comparison jobs for a second."""
    context = self.app.context
    run_comparison_task(context.sessions, context.engine, parse_ids(ids), context.timing, context.notify)


@shared_task(name="index.audit", bind=True, ignore_result=True)
def audit_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    context = self.app.context
    start_index_audit(context.sessions, context.engine, context.notify)
