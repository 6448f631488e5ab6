"""Comparison of index and rows as a job that does a few pages at a time, so that drains run in between."""

import json
import logging
import time
import uuid

from models.core.sessions import Sessions, transact
from models.queues.job_queue import Progress
from models.queues.notify import Notifier
from search.documents.builders import DOCUMENT_BUILDERS
from search.engine import SearchEngine, SearchUnavailableError
from services.core.text import pluralize
from services.indexing.audit import compare_page, find_unmarked, mark_unmarked, repair_index_page
from services.indexing.requests import COMPARE_INDEX_TASK, start_index_comparison
from services.indexing.tombstones import purge_tombstones
from services.jobs.runner import JobEnd, JobKind, JobOutcome, JobPause, JobRun

log = logging.getLogger(__name__)

COMPARISON_SLICE_SECONDS = 1.0
COMPARISON_RETRY_SECONDS = 60.0


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
