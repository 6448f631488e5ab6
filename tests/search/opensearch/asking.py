"""Short questions to a system that searches in OpenSearch."""

import uuid
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_build import IndexBuild
from models.queues.job import Job
from search.opensearch.engine import OpenSearchEngine
from search.query.criteria import Visibility, parse_criteria
from services.indexing.audit import audit_index_pages
from services.indexing.rebuild import RebuildSliceLimits, rebuild_jobs
from services.indexing.requests import start_index_rebuild
from services.jobs.runner import JobPause
from tests.search.rows import add_clip
from tests.waiting import wait_until

CALM = Timing(lease_seconds=60)
SMALL = RebuildSliceLimits(slice_seconds=0, batch=2)
"""A slice is one batch of two documents."""


def add(sessions: Sessions, *names: str) -> list[uuid.UUID]:
    """Assets, each in a transaction of its own."""
    return [transact(sessions, add_clip, name) for name in names]


def titles(engine: OpenSearchEngine, **body: object) -> list[str]:
    """Titles of everything that is found now, in order."""
    engine.indexes.refresh()
    criteria = parse_criteria({"sort": [{"name": "title"}]} | body, per_page=1_000)
    return [hit.title for hit in engine.search(criteria, Visibility(everything=True)).hits]


def ask(sessions: Sessions, question: Callable[[Session], object]) -> object:
    with sessions() as session:
        return question(session)


def differences(sessions: Sessions, engine: OpenSearchEngine) -> list[object]:
    """Documents that are not of their mark's revision."""
    return [key for page in audit_index_pages(sessions, engine) for key in page.wrong]


def states(sessions: Sessions) -> list[str]:
    """States of all indexes that ever were, in order."""
    with sessions() as session:
        return [row.value for row in session.scalars(select(IndexBuild.state).order_by(IndexBuild.id))]


def start(sessions: Sessions, rate: int = 0) -> uuid.UUID:
    return transact(sessions, lambda session: start_index_rebuild(session, rate=rate)).id


def step(sessions: Sessions, engine: OpenSearchEngine, job_id: uuid.UUID, limits: RebuildSliceLimits = SMALL) -> bool:
    """One slice of a rebuild; whether there is more."""
    return JobPause in map(type, rebuild_jobs(engine, limits).run(sessions, [job_id], CALM).values())


def finish(sessions: Sessions, engine: OpenSearchEngine, job_id: uuid.UUID) -> Job:
    """All slices that are left, and how the job ended."""

    def is_over() -> Job | None:
        step(sessions, engine, job_id, RebuildSliceLimits())
        found = job(sessions, job_id)
        return found if found.completed_at else None

    return wait_until(is_over, what="the rebuild ends", seconds=30)


def job(sessions: Sessions, job_id: uuid.UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)
