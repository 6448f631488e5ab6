"""Purging assets, and operation ids, which no route exposes."""

from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from models.access.acl import AclEntry, Actor
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.history import History
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.job import Job, JobStatus
from services.access.users import create_user
from services.catalog.assets.assets import create_empty_asset, delete_asset, update_asset
from services.core.actors import SETUP_ACTOR
from services.jobs.runner import JobEnd
from services.lifecycle.purge import PURGE_ASSETS_JOBS, purge_asset_batch, request_asset_purge


def make_deleted(sessions: Sessions, count: int) -> Actor:
    """Deleted assets of a new user."""
    with sessions.begin() as session:
        user = create_user(session, User(email=f"{uuid4().hex}@example.org"), SETUP_ACTOR)
        actor = Actor(user.email, user.id)
        for number in range(count):
            asset = create_empty_asset(session, Asset(title=f"clip {number}"), actor)
            delete_asset(session, asset.id, actor)
    return actor


def count(sessions: Sessions, table: type) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_what_was_deleted_is_purged_after_the_recycle_time_alone(sessions: Sessions) -> None:
    make_deleted(sessions, 2)
    with sessions.begin() as session:
        assert purge_asset_batch(session, recycle_seconds=3600) == 0
        past = Asset.date_deleted - func.make_interval(0, 0, 0, 0, 2)
        session.execute(update(Asset).where(Asset.title == "clip 0").values(date_deleted=past))
        assert purge_asset_batch(session, recycle_seconds=3600) == 1
    assert (count(sessions, Asset), count(sessions, AclEntry), count(sessions, History)) == (1, 1, 4)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(IndexMark).where(IndexMark.narrowed)) == 2


def test_a_purge_job_empties_the_queue_and_says_so(sessions: Sessions) -> None:
    make_deleted(sessions, 3)
    with sessions.begin() as session:
        job = request_asset_purge(session, SETUP_ACTOR)
    assert PURGE_ASSETS_JOBS.run(sessions, [job.id], Timing()) == {job.id: JobEnd("3 assets were purged")}
    assert PURGE_ASSETS_JOBS.run(sessions, [job.id], Timing()) == {}
    with sessions() as session:
        row = session.get_one(Job, job.id)
    assert (row.status, row.progress_processed, row.lease_owner) == (JobStatus.FINISHED, 3, None)
    assert count(sessions, Asset) == 0


@pytest.mark.parametrize("status", [JobStatus.PAUSED, JobStatus.ABORTED, JobStatus.STARTED])
def test_a_purge_job_that_was_stopped_or_is_held_by_another_is_left_alone(
    sessions: Sessions, status: JobStatus
) -> None:
    make_deleted(sessions, 1)
    with sessions.begin() as session:
        job = request_asset_purge(session, SETUP_ACTOR)
        job.status, job.lease_until = status, func.now() + func.make_interval(0, 0, 0, 0, 1)
    assert PURGE_ASSETS_JOBS.run(sessions, [job.id], Timing()) == {}
    assert count(sessions, Asset) == 1


def test_an_operation_with_an_id_is_written_once(sessions: Sessions) -> None:
    actor = Actor("a", is_admin=True, operation_id=uuid4())
    with sessions.begin() as session:
        asset = create_empty_asset(session, Asset(title="x"), actor)
        update_asset(session, asset.id, {"title": "y"}, actor)
        update_asset(session, asset.id, {"title": "x"}, actor)
    with sessions() as session, pytest.raises(DBAPIError, match="uq_history_operation_id"):
        update_asset(session, asset.id, {"title": "y"}, actor)


@pytest.mark.parametrize("table", ["history", "audit_entry"])
def test_nobody_rewrites_what_was_done(sessions: Sessions, table: str) -> None:
    make_deleted(sessions, 1)
    for statement in (f"UPDATE {table} SET actor = 'x'", f"DELETE FROM {table}"):
        with sessions() as session, pytest.raises(DBAPIError, match="append-only"):
            session.execute(text(statement))
