"""The whole delete queue at once: a few objects in the request, many as a job, and none deleted afterwards."""

from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from models.access.acl import Actor
from models.access.user import User
from models.catalog.collection import Collection
from models.catalog.history import History, Operation
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.job import Job, JobStatus
from services.access.users import create_user
from services.catalog.collections.collections import create_collection
from services.catalog.collections.tree import delete_collection
from services.core.actors import SETUP_ACTOR
from services.jobs.runner import JobKind
from services.lifecycle import purge, restore

MANY = restore.RESTORE_BATCH_SIZE + 3

DELETED_ASSETS = text("""
    INSERT INTO asset (id, title, status, date_deleted)
    SELECT uuidv7(), 'clip ' || number, 'DELETED', now() - interval '1 s' FROM generate_series(1, :count) AS number
""")
DELETED_COLLECTIONS = text("""
    INSERT INTO collection (id, title, path, status, date_deleted)
    SELECT id, 'box', ARRAY[id], 'DELETED', now() - interval '1 s'
    FROM (SELECT uuidv7() AS id FROM generate_series(1, :count)) AS made
""")


@pytest.fixture
def admin(sessions: Sessions) -> Actor:
    with sessions.begin() as session:
        user = create_user(session, User(email="admin@example.org", is_admin=True), SETUP_ACTOR)
        return Actor(user.email, user.id, is_admin=True)


def count_deleted(sessions: Sessions, table: str) -> int:
    with sessions() as session:
        return session.scalar(text(f"SELECT count(*) FROM {table} WHERE status = 'DELETED'"))


def delete_later(sessions: Sessions, table: str, made: str) -> None:
    """One more, after everything that went before was committed."""
    with sessions.begin() as session:
        session.execute(text(made.replace(" - interval '1 s'", "")), {"count": 1})


def run(sessions: Sessions, kind: JobKind, job: UUID) -> Job:
    kind.run(sessions, [job], Timing())
    with sessions() as session:
        return session.get_one(Job, job)


@pytest.mark.parametrize(("kind", "table"), [("assets", "asset"), ("collections", "collection")])
def test_much_comes_back_by_a_job_and_what_is_deleted_meanwhile_stays(
    sessions: Sessions, admin: Actor, kind: str, table: str
) -> None:
    made = DELETED_ASSETS if table == "asset" else DELETED_COLLECTIONS
    with sessions.begin() as session:
        session.execute(made, {"count": MANY})
    with sessions.begin() as session:
        job = restore.restore_all(session, kind, admin)
        assert job is not None
    assert count_deleted(sessions, table) == 3
    delete_later(sessions, table, made.text)
    done = run(sessions, restore.RESTORE_DELETED_JOBS, job.id)
    assert (done.status, done.progress_processed, count_deleted(sessions, table)) == (JobStatus.FINISHED, 3, 1)


def test_each_asset_that_comes_back_says_so_once(sessions: Sessions, admin: Actor) -> None:
    with sessions.begin() as session:
        session.execute(DELETED_ASSETS, {"count": 5})
    with sessions.begin() as session:
        assert restore.restore_all(session, "assets", admin) is None
    with sessions() as session:
        entries = select(History.operation_type, func.count(), func.count(History.asset_id.distinct()))
        entries = entries.where(History.user_id == admin.user_id)
        assert session.execute(entries.group_by(History.operation_type)).all() == [(Operation.RESTORE, 5, 5)]
        assert session.scalar(text("SELECT count(*) FROM asset WHERE date_deleted IS NOT NULL")) == 0


def test_a_tree_comes_back_from_above_and_never_into_what_stays_deleted(sessions: Sessions, admin: Actor) -> None:
    with sessions.begin() as session:
        top = create_collection(session, Collection(title="top"), admin)
        inner = create_collection(session, Collection(title="inner", parent_id=top.id), admin)
        create_collection(session, Collection(title="leaf", parent_id=inner.id), admin)
        delete_collection(session, inner.id, admin)
    with sessions.begin() as session:
        delete_collection(session, top.id, admin)
        session.execute(text("UPDATE collection SET date_deleted = now() + interval '1 h' WHERE title = 'top'"))
    with sessions.begin() as session:
        assert restore.restore_all(session, "collections", admin) is None
    assert count_deleted(sessions, "collection") == 3
    with sessions.begin() as session:
        session.execute(text("UPDATE collection SET date_deleted = now() - interval '1 h' WHERE title = 'top'"))
        assert restore.restore_all(session, "collections", admin) is None
    assert count_deleted(sessions, "collection") == 0


def test_who_is_no_administrator_any_more_restores_nothing(sessions: Sessions, admin: Actor) -> None:
    with sessions.begin() as session:
        session.execute(DELETED_ASSETS, {"count": MANY})
    with sessions.begin() as session:
        job = restore.restore_all(session, "assets", admin)
        assert job is not None
        session.execute(text("UPDATE user_account SET is_admin = false WHERE id = :id"), {"id": admin.user_id})
    ended = run(sessions, restore.RESTORE_DELETED_JOBS, job.id)
    assert (ended.status, count_deleted(sessions, "asset")) == (JobStatus.FAILED, 3)


def test_many_collections_are_purged_by_a_job_and_what_is_deleted_meanwhile_stays(
    sessions: Sessions, admin: Actor
) -> None:
    with sessions.begin() as session:
        session.execute(DELETED_COLLECTIONS, {"count": purge.COLLECTION_PURGE_BATCH_SIZE + 3})
    with sessions.begin() as session:
        job = purge.purge_all_collections(session, admin)
        assert job is not None
    assert count_deleted(sessions, "collection") == 3
    delete_later(sessions, "collection", DELETED_COLLECTIONS.text)
    done = run(sessions, purge.PURGE_COLLECTIONS_JOBS, job.id)
    assert (done.status, done.progress_processed, count_deleted(sessions, "collection")) == (JobStatus.FINISHED, 3, 1)


def test_an_asset_that_is_deleted_while_a_purge_of_all_waits_stays(sessions: Sessions, admin: Actor) -> None:
    with sessions.begin() as session:
        session.execute(DELETED_ASSETS, {"count": 2})
    with sessions.begin() as session:
        job = purge.request_asset_purge(session, admin)
    delete_later(sessions, "asset", DELETED_ASSETS.text)
    assert run(sessions, purge.PURGE_ASSETS_JOBS, job.id).message == "2 assets were purged"
    assert count_deleted(sessions, "asset") == 1
