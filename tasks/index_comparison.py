"""Comparison of index and rows as a job that does a few pages at a time, so that drains run in between."""

import json
import logging
import time
import uuid
from collections.abc import Sequence

from celery import Task, shared_task
from sqlalchemy.orm import Session

from models.job import JobStatus
from models.sessions import Sessions, transact
from models.timing import Timing
from search.building import BUILDERS
from search.engine import SearchEngine, SearchUnavailableError
from tasks.index_audit import compare_page, find_unmarked, mark_unmarked, repair
from tasks.job_leases import (
    JobClaim,
    JobLostError,
    Progress,
    about_job,
    claim_jobs,
    end_job,
    fail_job,
    give_back_job,
    keep_job,
)
from tasks.reindex import COMPARE, start_comparison
from tasks.sentences import counted
from tasks.tombstones import purge_tombstones

log = logging.getLogger(__name__)

SLICE_SECONDS = 1.0
AWAY_SECONDS = 60.0


def run_comparison(
    sessions: Sessions, engine: SearchEngine, job_ids: Sequence[uuid.UUID], timing: Timing
) -> list[uuid.UUID]:
    """Run one slice of each of these jobs; return the ids of those that have more to do."""
    more = []
    for claim in transact(sessions, lambda session: claim_jobs(session, COMPARE, job_ids, timing)):
        with about_job(claim):
            try:
                if _run(sessions, engine, claim, timing):
                    more.append(claim.id)
            except SearchUnavailableError as error:
                told = f"waits: {error}"
                transact(
                    sessions, lambda session, claim=claim, told=told: give_back_job(session, claim, told, AWAY_SECONDS)
                )
            except JobLostError as error:
                log.info("%s", error)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                transact(sessions, lambda session, claim=claim, told=told: fail_job(session, claim, told))
                raise
    return more


def _run(sessions: Sessions, engine: SearchEngine, claim: JobClaim, timing: Timing) -> bool:
    engine.check()
    # A job that was restarted by a user has processed nothing, and starts from the beginning.
    kept = claim.details if claim.processed else {}
    kinds, after = list(kept.get("kinds", BUILDERS)), kept.get("after")
    checked, mended = int(kept.get("checked", 0)), int(kept.get("mended", 0))
    end = time.monotonic() + SLICE_SECONDS
    while kinds and time.monotonic() < end:
        page = compare_page(sessions, engine, kinds[0], uuid.UUID(after) if after else None)
        mended += repair(sessions, engine, page)
        checked += page.checked
        after = str(page.last) if page.last else None
        kinds = kinds if page.last else kinds[1:]
        details = json.dumps({"kinds": kinds, "after": after, "checked": checked, "mended": mended})
        progress = Progress(max(checked, 1), max(checked, claim.total), f"{mended:,} differed so far", details)
        if transact(sessions, lambda session, progress=progress: keep_job(session, claim, timing, progress)):
            transact(sessions, lambda session: end_job(session, claim, JobStatus.ABORTED, "stopped"))
            return False
    if kinds:
        transact(sessions, lambda session: give_back_job(session, claim))
        return True
    mended += _mark_unmarked(sessions)
    told = f"{counted(checked, 'document')} compared; {mended:,} differed and were marked to be written again"

    def finish(session: Session) -> None:
        keep_job(session, claim, timing, Progress(details=json.dumps({"mended": mended})))
        end_job(session, claim, JobStatus.FINISHED, told)

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


@shared_task(name=COMPARE, bind=True, ignore_result=True)
def compare_index(self: Task, ids: list[str]) -> None:
    """Continue these jobs for a second, then notify the drain of their marks, and itself of the remaining work."""
    context = self.app.context
    more = run_comparison(context.sessions, context.engine, [uuid.UUID(job_id) for job_id in ids], context.timing)
    context.ring("index.drain", [])
    if more:
        context.ring(COMPARE, [str(job_id) for job_id in more])


@shared_task(name="index.audit", bind=True, ignore_result=True)
def audit_index(self: Task, _ids: Sequence[object] = ()) -> None:
    """Start a comparison of index and rows, and delete expired tombstones."""
    context = self.app.context
    purge_tombstones(context.sessions, context.engine)
    job = transact(context.sessions, start_comparison)
    context.ring(COMPARE, [str(job.id)])
