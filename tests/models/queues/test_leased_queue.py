"""What every leased queue keeps to, and every queue of the registry."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from models.core.base import Base, new_id
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.queues.job import NO_PROGRESS
from models.queues.leased_queue import Lease, LeasedQueue, WorkQueue
from models.queues.media_queue import ISOLATED_MEDIA
from models.queues.registry import (
    DELIVERY_QUEUE,
    ISLAND_QUEUE,
    JOB_QUEUE,
    MAIL_QUEUE,
    MARK_QUEUE,
    MEDIA_QUEUE,
    WORK_QUEUES,
)
from tests.servers import Servers

TIMING = Timing()
FILE_SET = """
    WITH a AS (INSERT INTO asset (id, title) VALUES (:id, 'a')),
        f AS (INSERT INTO format (id, asset_id, version_id, name, role, structure)
            VALUES (:id, :id, :id, 'ORIGINAL', 'original', 'single'))
    INSERT INTO file_set (id, asset_id, format_id, version_id, name) VALUES (:id, :id, :id, :id, 'a.mov')
"""
WEBHOOK = (
    "INSERT INTO webhook (id, url, event_type, secret) VALUES (:id, 'http://x', 'assets', '') ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True)
class Case:
    """A leased queue, and what its statements ask for beside the common parameters."""

    queue: LeasedQueue[Any]
    inserts: tuple[str, ...]
    asked: dict[str, Any] = field(default_factory=dict)
    renewed: dict[str, Any] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)
    released: dict[str, Any] = field(default_factory=dict)
    is_done: str = "done_at IS NOT NULL"
    delays: tuple[float, ...] = (10, 30, 90)
    """Seconds until the next try, after the first failures; one more is the last of a reading."""


CASES = {
    "job": Case(
        JOB_QUEUE,
        ("INSERT INTO job (id, type, title, task) VALUES (:id, 'CUSTOM', 'x', 'maintenance.x')",),
        asked={"task": "maintenance.x"},
        renewed=NO_PROGRESS._asdict(),
        ended={"status": "FINISHED", "message": "done"},
        released={"message": None},
        is_done="completed_at IS NOT NULL",
        delays=(2, 4, 8),
    ),
    "mail": Case(MAIL_QUEUE, ("INSERT INTO mail (id, kind, recipient) VALUES (:id, 'test', 'a@example.org')",)),
    "delivery": Case(
        DELIVERY_QUEUE,
        (
            WEBHOOK,
            "INSERT INTO webhook_delivery (id, webhook_id, event_type, realm, operation, object_id, event_at)"
            " VALUES (:id, :id, 'assets', 'entity', 'create', :id, now())",
        ),
    ),
    "reading": Case(
        MEDIA_QUEUE,
        (FILE_SET, "INSERT INTO media_work (file_set_id, kind) VALUES (:id, 'HEADERS')"),
        asked={"kind": "HEADERS"},
        is_done="false",
        delays=(10,),
    ),
}
every_leased_queue = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@pytest.fixture(scope="module")
def shared(servers: Servers, worker_id: str) -> Iterator[Sessions]:
    name = f"leased_queue_{worker_id}"
    servers.create_database(name)
    engine = make_engine(servers.postgres.url(name))
    yield make_sessions(engine)
    engine.dispose()
    servers.drop_database(name)


@pytest.fixture
def sessions(shared: Sessions) -> Sessions:
    """One database for all tests of this module, emptied before each."""
    with shared.begin() as session:
        session.execute(text("TRUNCATE job, mail, webhook, storage, asset, index_mark CASCADE"))
    return shared


def add(sessions: Sessions, case: Case, count: int = 1) -> list[uuid.UUID]:
    ids = sorted(new_id() for _ in range(count))
    with sessions.begin() as session:
        for row_id in ids:
            for statement in case.inserts:
                session.execute(text(statement), {"id": row_id})
    return ids


def claim(sessions: Sessions, case: Case, ids: list[uuid.UUID], timing: Timing = TIMING) -> list[Lease]:
    """Claim those that are due, first tries before others, as the workers of the queue do."""
    asked = case.asked | ({"ids": ids} if case.queue is JOB_QUEUE else {})
    found = transact(sessions, case.queue.claim, timing, 10, **asked)
    if case.queue is MEDIA_QUEUE and not found:
        found = transact(sessions, case.queue.claim, timing, 10, ISOLATED_MEDIA, **asked)
    return found


def row(sessions: Sessions, case: Case, row_id: uuid.UUID, columns: str) -> Any:
    query = f"SELECT {columns} FROM {case.queue.table} WHERE {case.queue.key} = :id"
    with sessions() as session:
        return session.execute(text(query), {"id": row_id}).one_or_none()


def change(sessions: Sessions, case: Case, changes: str) -> None:
    with sessions.begin() as session:
        session.execute(text(f"UPDATE {case.queue.table} SET {changes}"))


def make_due(sessions: Sessions, case: Case) -> None:
    change(sessions, case, "not_before = now() - interval '1 s'")


@every_leased_queue
def test_a_claim_takes_each_due_row_once_and_counts_the_attempt(sessions: Sessions, case: Case) -> None:
    ids = add(sessions, case, 3)
    change(sessions, case, f"not_before = now() + interval '1 h' WHERE {case.queue.key} = '{ids[2]}'")
    held = claim(sessions, case, ids)
    assert [(lease.id, lease.attempt) for lease in held] == [(ids[0], 1), (ids[1], 1)]
    assert claim(sessions, case, ids) == []


@every_leased_queue
def test_an_expired_lease_is_taken_over_and_the_former_owner_changes_nothing(sessions: Sessions, case: Case) -> None:
    queue, ids = case.queue, add(sessions, case)
    (former,) = claim(sessions, case, ids, Timing(lease_seconds=0))
    (lease,) = claim(sessions, case, ids)
    assert (lease.id, lease.attempt, lease.owner != former.owner) == (former.id, 2, True)
    before = row(sessions, case, ids[0], "*")
    late = [former]
    assert transact(sessions, queue.fence, late) == {}
    assert transact(sessions, queue.heartbeat, late, TIMING, **case.renewed) == {}
    assert transact(sessions, queue.complete, late, **case.ended) == 0
    assert transact(sessions, queue.release, late, **case.released) == 0
    assert transact(sessions, queue.retry, late, ["late"]) == set()
    assert transact(sessions, queue.isolate, late, ["late"]) == 0
    assert transact(sessions, queue.dead_letter, late, ["late"]) == 0
    assert row(sessions, case, ids[0], "*") == before
    assert transact(sessions, queue.fence, [lease]).keys() == {ids[0]}


@every_leased_queue
def test_a_heartbeat_renews_the_lease(sessions: Sessions, case: Case) -> None:
    ids = add(sessions, case)
    held = claim(sessions, case, ids, Timing(lease_seconds=1))
    assert transact(sessions, case.queue.heartbeat, held, Timing(lease_seconds=90), **case.renewed) == {ids[0]: False}
    assert row(sessions, case, ids[0], "lease_until > now() + interval '80 s'")[0]


def test_a_heartbeat_of_a_job_says_that_a_user_asked_to_stop(sessions: Sessions) -> None:
    case = CASES["job"]
    ids = add(sessions, case)
    held = claim(sessions, case, ids)
    change(sessions, case, "status = 'ABORT_PENDING'")
    assert transact(sessions, JOB_QUEUE.heartbeat, held, TIMING, **case.renewed) == {ids[0]: True}


@every_leased_queue
@pytest.mark.parametrize("reason", [None, "what it was about has ended"])
def test_a_completed_row_is_never_claimed_again(sessions: Sessions, case: Case, reason: str | None) -> None:
    ids = add(sessions, case)
    assert transact(sessions, case.queue.complete, claim(sessions, case, ids), reason, **case.ended) == 1
    assert claim(sessions, case, ids) == []
    found = row(sessions, case, ids[0], f"{case.is_done}, {case.queue.error}, lease_owner, lease_until, parked_at")
    assert found is None if case.queue is MEDIA_QUEUE else found == (True, reason, None, None, None)


@every_leased_queue
def test_a_released_row_is_due_again_and_its_attempt_is_not_counted(sessions: Sessions, case: Case) -> None:
    ids = add(sessions, case)
    assert transact(sessions, case.queue.release, claim(sessions, case, ids), **case.released) == 1
    held = claim(sessions, case, ids)
    assert [lease.attempt for lease in held] == [1]
    assert transact(sessions, case.queue.release, held, 60, **case.released) == 1
    assert claim(sessions, case, ids) == []
    assert row(sessions, case, ids[0], "not_before > now() + interval '50 s'")[0]


@every_leased_queue
def test_a_failure_is_tried_again_with_backoff_and_is_a_dead_letter_in_the_end(sessions: Sessions, case: Case) -> None:
    queue, ids = case.queue, add(sessions, case)
    for delay in case.delays:
        assert transact(sessions, queue.retry, claim(sessions, case, ids), ["full\0disk"]) == set()
        assert claim(sessions, case, ids) == []
        found = row(sessions, case, ids[0], f"{queue.error}, parked_at, extract(epoch FROM not_before - now())")
        assert found[:2] == ("full\\0disk", None)
        assert delay - 2 < found[2] <= delay
        make_due(sessions, case)
    if queue is JOB_QUEUE:
        change(sessions, case, "attempt = 7")
    elif queue is not MEDIA_QUEUE:
        change(sessions, case, "give_up_at = now() + interval '5 s'")
    assert transact(sessions, queue.retry, claim(sessions, case, ids), ["the disk is full"]) == {ids[0]}
    make_due(sessions, case)
    assert claim(sessions, case, ids) == []


@every_leased_queue
def test_isolated_rows_are_due_at_once_and_keep_their_attempt_and_reason(sessions: Sessions, case: Case) -> None:
    ids = add(sessions, case, 2)
    assert transact(sessions, case.queue.isolate, claim(sessions, case, ids), ["one", "two"]) == 2
    assert [row(sessions, case, each, case.queue.error)[0] for each in ids] == ["one", "two"]
    assert [lease.attempt for lease in claim(sessions, case, ids)] == [2, 2]


@every_leased_queue
def test_a_dead_letter_waits_with_its_reason_until_it_is_requeued_as_new(sessions: Sessions, case: Case) -> None:
    queue, ids = case.queue, add(sessions, case, 2)
    assert transact(sessions, queue.dead_letter, claim(sessions, case, ids), ["one", "two"]) == 2
    assert claim(sessions, case, ids) == []
    assert row(sessions, case, ids[1], f"{queue.error}, lease_owner, parked_at IS NOT NULL") == ("two", None, True)
    assert transact(sessions, queue.requeue, [ids[1]]) == 1
    assert [(lease.id, lease.attempt) for lease in claim(sessions, case, ids)] == [(ids[1], 1)]
    assert transact(sessions, queue.requeue) == 1
    assert [(lease.id, lease.attempt) for lease in claim(sessions, case, ids)] == [(ids[0], 1)]
    assert row(sessions, case, ids[0], queue.error)[0] is None
    assert transact(sessions, queue.requeue) == 0


@pytest.mark.parametrize(
    ("case", "state", "reason"),
    [
        (CASES["job"], "crashes = 3", "its worker died 3 times while it ran"),
        (CASES["mail"], "give_up_at = now() - interval '1 s'", "its worker died 1 times while it was sent"),
        (CASES["delivery"], "give_up_at = now() - interval '1 s'", "its worker died 1 times while it was sent"),
    ],
)
def test_a_row_that_kills_its_workers_is_a_dead_letter(sessions: Sessions, case: Case, state: str, reason: str) -> None:
    ids = add(sessions, case, 2)
    claim(sessions, case, ids, Timing(lease_seconds=0))
    assert transact(sessions, case.queue.dead_letter_crashed) == 0
    change(sessions, case, f"{state} WHERE id = '{ids[0]}'")
    assert transact(sessions, case.queue.dead_letter_crashed) == 1
    assert row(sessions, case, ids[0], f"{case.queue.error}, lease_owner") == (reason, None)
    assert [lease.id for lease in claim(sessions, case, ids)] == [ids[1]]


def test_two_claims_at_once_divide_the_rows(sessions: Sessions) -> None:
    case = CASES["mail"]
    ids = add(sessions, case, 4)
    with sessions.begin() as first, sessions.begin() as second:
        taken = [MAIL_QUEUE.claim(session, TIMING, 2) for session in (first, second)]
    assert [[lease.id for lease in leases] for leases in taken] == [ids[:2], ids[2:]]


def test_every_table_that_is_leased_is_in_the_registry() -> None:
    leased = {table.name for table in Base.metadata.tables.values() if "lease_until" in table.columns}
    assert leased == {queue.table for queue in WORK_QUEUES}
    assert len({queue.noun for queue in WORK_QUEUES} | {queue.plural for queue in WORK_QUEUES}) == 2 * len(leased)


@pytest.mark.parametrize("queue", WORK_QUEUES, ids=lambda queue: queue.table)
def test_every_queue_counts_ages_and_requeues_its_rows(sessions: Sessions, queue: WorkQueue) -> None:
    inserts = {case.queue: case.inserts for case in CASES.values()} | {
        MARK_QUEUE: ("INSERT INTO asset (id, title) VALUES (:id, 'a')",),
        ISLAND_QUEUE: (
            "INSERT INTO storage (id, name, root) VALUES (:id, 'Rushes', '/rushes')",
            "INSERT INTO folder (storage_id, name) VALUES (:id, '')",
            "INSERT INTO island (storage_id, folder_id, dirty_since) SELECT storage_id, id, now() FROM folder",
        ),
    }
    numbers = text(f"SELECT {queue.pending_count}, {queue.dead_count}, {queue.lag} >= 0")
    with sessions.begin() as session:
        assert session.execute(numbers).one() == (0, 0, True)
        row_id = new_id()
        for statement in inserts[queue]:
            session.execute(text(statement), {"id": row_id})
    with sessions.begin() as session:
        assert session.execute(numbers).one() == (1, 0, True)
        session.execute(text(f"UPDATE {queue.table} SET parked_at = now(), {queue.error} = 'a reason'"))
        assert session.execute(numbers).one() == (0, 1, True)
        assert not queue.waits or not queue.is_waiting(session, debounce=0)
        assert queue.requeue(session) == 1
    with sessions() as session:
        assert session.execute(numbers).one() == (1, 0, True)
        assert not queue.waits or queue.is_waiting(session, debounce=0)
        assert session.scalar(text(f"SELECT {queue.error} FROM {queue.table}")) is None
