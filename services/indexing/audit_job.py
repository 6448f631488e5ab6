"""Comparison of index and rows as a job that does a few pages at a time, so that drains run in between."""

import json
import logging
import time
import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.job import JobStatus
from models.queues.notify import Notifier
from search.documents.builders import DOCUMENT_BUILDERS
from search.engine import SearchEngine, SearchUnavailableError
from services.core.text import pluralize
from services.indexing.audit import compare_page, find_unmarked, mark_unmarked, repair_index_page
from services.indexing.requests import COMPARE_INDEX_TASK, start_index_comparison
from services.indexing.tombstones import purge_tombstones
from services.jobs.leases import (
    JobClaim,
    JobLostError,
    Progress,
    claim_jobs,
    complete_job,
    fail_job,
    heartbeat_job,
    job_context,
    release_job,
)

log = logging.getLogger(__name__)

COMPARISON_SLICE_SECONDS = 1.0
COMPARISON_RETRY_SECONDS = 60.0


def run_comparison(
    sessions: Sessions, engine: SearchEngine, job_ids: Sequence[uuid.UUID], timing: Timing
) -> list[uuid.UUID]:
    """Run one slice of each of these jobs; return the ids of those that have more to do."""
    more = []
    for claim in transact(sessions, lambda session: claim_jobs(session, COMPARE_INDEX_TASK, job_ids, timing)):
        with job_context(claim):
            try:
                if _run_comparison_slice(sessions, engine, claim, timing):
                    more.append(claim.id)
            except SearchUnavailableError as error:
                told = f"waits: {error}"
                transact(sessions, release_job, claim, told, COMPARISON_RETRY_SECONDS)
            except JobLostError as error:
                log.info("%s", error)
            except Exception as error:
                transact(sessions, fail_job, claim, f"{type(error).__name__}: {error}")
                raise
    return more


def _run_comparison_slice(sessions: Sessions, engine: SearchEngine, claim: JobClaim, timing: Timing) -> bool:
    engine.check()
    # A job that was restarted by a user has processed nothing, and starts from the beginning.
    kept = claim.details if claim.processed else {}
    kinds, after = list(kept.get("kinds", DOCUMENT_BUILDERS)), kept.get("after")
    checked, mended = int(kept.get("checked", 0)), int(kept.get("mended", 0))
    end = time.monotonic() + COMPARISON_SLICE_SECONDS
    while kinds and time.monotonic() < end:
        page = compare_page(sessions, engine, kinds[0], uuid.UUID(after) if after else None)
        mended += repair_index_page(sessions, engine, page)
        checked += page.checked
        after = str(page.last) if page.last else None
        kinds = kinds if page.last else kinds[1:]
        details = json.dumps({"kinds": kinds, "after": after, "checked": checked, "mended": mended})
        progress = Progress(max(checked, 1), max(checked, claim.total), f"{mended:,} differed so far", details)
        if transact(sessions, heartbeat_job, claim, timing, progress):
            transact(sessions, lambda session: complete_job(session, claim, JobStatus.ABORTED, "stopped"))
            return False
    if kinds:
        transact(sessions, lambda session: release_job(session, claim))
        return True
    mended += _mark_unmarked(sessions)
    told = f"{pluralize(checked, 'document')} compared; {mended:,} differed and were marked to be written again"

    def finish(session: Session) -> None:
        heartbeat_job(session, claim, timing, Progress(details=json.dumps({"mended": mended})))
        complete_job(session, claim, JobStatus.FINISHED, told)

    transact(sessions, finish)
    if mended:
        log.warning("index: %s", told)
    return False


def _mark_unmarked(sessions: Sessions) -> int:
    with sessions() as session:
        keys = find_unmarked(session)
    if keys:
        transact(sessions, lambda session: mark_unmarked(session, keys))
    return len(keys)


def run_comparison_task(
    sessions: Sessions, engine: SearchEngine, job_ids: Sequence[uuid.UUID], timing: Timing, notify: Notifier
) -> None:
    """Continue these jobs for a second, then notify the drain of their marks, and this task of the remaining work."""
    more = run_comparison(sessions, engine, job_ids, timing)
    notify("index.drain", [])
    if more:
        notify(COMPARE_INDEX_TASK, [str(job_id) for job_id in more])


def start_index_audit(sessions: Sessions, engine: SearchEngine, notify: Notifier) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    purge_tombstones(sessions, engine)
    job = transact(sessions, start_index_comparison)
    notify(COMPARE_INDEX_TASK, [str(job.id)])
