"""Concurrent changes of the collection tree: never a cycle, never a path that differs from the parents' paths."""

import threading
import uuid
from collections.abc import Callable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.collection import Collection, CollectionStatus
from models.core.sessions import Sessions, transact
from models.queues.job import Job, JobStatus
from services.catalog.collections import tree
from services.catalog.collections.collections import create_collection
from services.catalog.collections.tree import (
    DELETE_COLLECTIONS_JOBS,
    delete_collection,
    move_collection,
    request_bulk_delete,
    restore_collection,
)
from services.core.errors import DomainError
from tests.pipeline import FAST

ADMIN = Actor("an administrator", is_admin=True)

CROOKED = text("""
    SELECT collection.id FROM collection LEFT JOIN collection AS parent ON parent.id = collection.parent_id
    WHERE collection.path <> coalesce(parent.path, '{}') || collection.id
""")


def make(sessions: Sessions, title: str, parent: uuid.UUID | None = None) -> uuid.UUID:
    return transact(
        sessions, lambda session: create_collection(session, Collection(title=title, parent_id=parent), ADMIN).id
    )


def at_once(sessions: Sessions, *works: Callable[[Session], object]) -> list[bool]:
    """Run all concurrently, and return whether each succeeded."""
    start, done = threading.Barrier(len(works)), [False] * len(works)

    def run(place: int) -> None:
        start.wait()
        try:
            transact(sessions, works[place])
            done[place] = True
        except DomainError:
            pass

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def crooked(sessions: Sessions) -> list[uuid.UUID]:
    with sessions() as session:
        return list(session.scalars(CROOKED))


def test_two_moves_into_each_other_never_close_a_ring(sessions: Sessions) -> None:
    for _ in range(10):
        one, other = make(sessions, "one"), make(sessions, "other")
        below = [make(sessions, "below", each) for each in (one, other)]
        done = at_once(
            sessions,
            lambda session, one=one, below=below: move_collection(session, one, below[1], ADMIN),
            lambda session, other=other, below=below: move_collection(session, other, below[0], ADMIN),
        )
        assert sorted(done) == [False, True]
    assert crooked(sessions) == []


def test_what_is_made_while_its_parent_moves_stands_below_it_afterwards(sessions: Sessions) -> None:
    target = make(sessions, "target")
    for _ in range(10):
        moved = make(sessions, "moved")
        inside = make(sessions, "inside", moved)
        at_once(
            sessions,
            lambda session, moved=moved: move_collection(session, moved, target, ADMIN),
            lambda session, inside=inside: create_collection(session, Collection(title="new", parent_id=inside), ADMIN),
            lambda session, inside=inside: create_collection(
                session, Collection(title="newer", parent_id=inside), ADMIN
            ),
        )
    assert crooked(sessions) == []


def test_many_collections_are_deleted_by_a_job_and_come_back_together(sessions: Sessions) -> None:
    root = make(sessions, "root")
    few = tree.MAX_COLLECTIONS_PER_DELETE
    with sessions.begin() as session:
        for number in range(few + 20):
            create_collection(session, Collection(title=f"inside {number}", parent_id=root), ADMIN)
    left = transact(sessions, lambda session: delete_collection(session, root, ADMIN))
    assert left == few + 20
    job = transact(sessions, lambda session: request_bulk_delete(session, root, left, ADMIN).id)
    DELETE_COLLECTIONS_JOBS.run(sessions, [job], FAST)
    with sessions() as session:
        assert session.get_one(Job, job).status == JobStatus.FINISHED
        assert set(session.scalars(select(Collection.status))) == {CollectionStatus.DELETED}
    transact(sessions, lambda session: restore_collection(session, root, ADMIN))
    with sessions() as session:
        assert set(session.scalars(select(Collection.status))) == {CollectionStatus.ACTIVE}
