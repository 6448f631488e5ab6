"""Comparison of index and rows as a job that does a few pages at a time, so that drains run in between; and the end of
tombstones.

A purged object keeps its mark and tombstone only as long as a late write could arrive. A write is in flight for minutes
at most; a day is safe even after a crash of its process.
"""

import json
import logging
import time
import uuid

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.queues.index_build import read_index_targets
from models.queues.index_queue import MARK_QUEUE, DocumentKey, delete_gone_marks, record_gone_objects
from models.queues.job import Progress
from models.queues.notify import Notifier
from search.documents.builders import DOCUMENT_BUILDERS
from search.engine import SearchEngine, SearchUnavailableError
from services.core.text import pluralize
from services.indexing.audit import compare_page, find_unmarked, mark_unmarked, repair_index_page
from services.indexing.requests import COMPARE_INDEX_TASK, start_index_comparison
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun

log = logging.getLogger(__name__)

COMPARISON_SLICE_SECONDS = 1.0
COMPARISON_RETRY_SECONDS = 60.0
TOMBSTONE_RETENTION_SECONDS = 86_400.0
MAX_TOMBSTONE_BATCH = 1_000

SELECT_EXPIRED_TOMBSTONES = text(f"""
    SELECT object_type, object_id FROM {MARK_QUEUE.view} AS mark
    WHERE gone_since < now() - make_interval(secs => :seconds) AND dirty_since IS NULL LIMIT {MAX_TOMBSTONE_BATCH}
""")


def comparison_jobs(engine: SearchEngine) -> JobKind:
    """Return the jobs that compare index and rows, each run for one slice."""
    return JobKind(COMPARE_INDEX_TASK, lambda run: _compare_slice(run, engine))


def _compare_slice(run: JobRun, engine: SearchEngine) -> JobOutcome:
    try:
        engine.check()
        kept = run.claim.kept
        kinds, after = list(kept.get("kinds", DOCUMENT_BUILDERS)), kept.get("after")
        checked, mended = int(kept.get("checked", 0)), int(kept.get("mended", 0))
        end = time.monotonic() + COMPARISON_SLICE_SECONDS
        while kinds and time.monotonic() < end:
            page = compare_page(run.sessions, engine, kinds[0], uuid.UUID(after) if after else None)
            mended += repair_index_page(run.sessions, engine, page)
            checked += page.checked
            after = str(page.last) if page.last else None
            kinds = kinds if page.last else kinds[1:]
            details = json.dumps({"kinds": kinds, "after": after, "checked": checked, "mended": mended})
            total = max(checked, run.claim.total)
            progress = Progress(max(checked, 1), total, f"{mended:,} differed so far", details)
            transact(run.sessions, run.heartbeat, progress)
    except SearchUnavailableError as error:
        return JobPause(f"waits: {error}", COMPARISON_RETRY_SECONDS)
    return JobPause() if kinds else _finish_comparison(run, checked, mended)


def _finish_comparison(run: JobRun, checked: int, mended: int) -> JobEnd:
    mended += _mark_unmarked(run.sessions)
    progress = Progress(details=json.dumps({"mended": mended}))
    transact(run.sessions, lambda session: run.save(session, progress))
    end = JobEnd(f"{pluralize(checked, 'document')} compared; {mended:,} differed and were marked to be written again")
    if mended:
        log.warning("index: %s", end.message)
    return end


def _mark_unmarked(sessions: Sessions) -> int:
    with sessions() as session:
        keys = find_unmarked(session)
    if keys:
        transact(sessions, lambda session: mark_unmarked(session, keys))
    return len(keys)


def start_index_audit(sessions: Sessions, engine: SearchEngine, notify: Notifier) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    purge_tombstones(sessions, engine)
    job = transact(sessions, start_index_comparison)
    notify(COMPARE_INDEX_TASK, [str(job.id)])


def purge_tombstones(
    sessions: Sessions, engine: SearchEngine, retention_seconds: float = TOMBSTONE_RETENTION_SECONDS
) -> int:
    """Delete expired tombstones and their marks; return how many. Does nothing while an index is being rebuilt."""
    with sessions() as session:
        if len(read_index_targets(session)) > 1:
            return 0
    transact(sessions, record_gone_objects)
    forgotten = 0
    while keys := transact(sessions, _expired_keys, retention_seconds):
        # The engine first: a mark that is left after a crash leads to the next attempt, a tombstone without one does
        # not.
        engine.purge(keys)
        forgotten += transact(sessions, delete_gone_marks, keys)
    return forgotten


def _expired_keys(session: Session, seconds: float) -> list[DocumentKey]:
    return [DocumentKey(*row) for row in session.execute(SELECT_EXPIRED_TOMBSTONES, {"seconds": seconds})]
