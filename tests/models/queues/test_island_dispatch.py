"""Dispatching islands: which are due, batch sizes, fairness between storages, and recovery from lost messages."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import func, text, update

from models.catalog.storage import Storage
from models.core.sessions import Sessions, make_sessions, transact
from models.core.timing import Timing
from models.queues.island import Island
from models.queues.island_dispatch import (
    MAX_DISPATCHED_FILES,
    MAX_DISPATCHED_ISLANDS,
    MAX_MESSAGE_FILES,
    MAX_MESSAGE_ISLANDS,
    DispatchedIsland,
    dispatch_islands,
    pack_messages,
)
from tests.engines import open_engine

TIMING = Timing(debounce_seconds=0.0)
PATIENT = Timing(debounce_seconds=60.0, max_debounce_seconds=300.0)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


def dirty(sessions: Sessions, name: str, islands: int, files: int = 1, age_seconds: float = 1.0, **profile) -> set[int]:  # type: ignore[no-untyped-def]
    """A storage with so many dirty islands of so many files; their ids."""
    with sessions.begin() as session:
        storage = Storage(name=name, root=f"/{name}".encode(), profile=profile)
        session.add(storage)
        session.flush()
        made = session.execute(
            text("""
                WITH f AS (INSERT INTO folder (storage_id, name)
                    SELECT :storage, convert_to(n::text, 'UTF8') FROM generate_series(1, :islands) AS n RETURNING id)
                INSERT INTO island (storage_id, folder_id, seen, arrived, dirty_since, touched_at)
                SELECT :storage, id, 1, :files, now() - make_interval(secs => :age), now() - make_interval(secs => :age)
                FROM f RETURNING id
            """),
            {"storage": storage.id, "islands": islands, "files": files, "age": age_seconds},
        )
        return {row.id for row in made}


def handed(sessions: Sessions, timing: Timing = TIMING) -> list[list[int]]:
    return transact(sessions, lambda session: dispatch_islands(session, timing))


def change(sessions: Sessions, ids: set[int], **values: object) -> None:
    with sessions.begin() as session:
        session.execute(update(Island).where(Island.id.in_(ids)).values(**values))


def ids_of(batches: list[list[int]]) -> set[int]:
    return {island for batch in batches for island in batch}


def test_a_due_island_is_handed_out_once(sessions: Sessions) -> None:
    ids = dirty(sessions, "rushes", 3)
    assert ids_of(handed(sessions)) == ids
    assert handed(sessions) == []


def test_a_lost_message_frees_its_place_by_itself(sessions: Sessions) -> None:
    ids = dirty(sessions, "rushes", 3)
    handed(sessions)
    change(sessions, ids, dispatched_until=func.now() - text("interval '1 ms'"))
    assert ids_of(handed(sessions)) == ids


@pytest.mark.parametrize(
    ("state", "is_handed"),
    [
        ({"attempt": 0}, True),
        ({"dirty_since": None}, False),
        ({"dead_lettered_at": func.now()}, False),
        ({"lease_until": func.now() + text("interval '1 minute'")}, False),
        ({"lease_until": func.now() - text("interval '1 minute'")}, True),
        ({"dispatched_until": func.now() + text("interval '1 minute'")}, False),
    ],
)
def test_only_dirty_free_islands_are_handed_out(sessions: Sessions, state: dict, is_handed: bool) -> None:
    ids = dirty(sessions, "rushes", 1)
    change(sessions, ids, **state)
    assert bool(handed(sessions)) is is_handed


def test_a_restless_island_waits_until_it_is_quiet_or_has_waited_long_enough(sessions: Sessions) -> None:
    ids = dirty(sessions, "rushes", 1, age_seconds=30)
    assert handed(sessions, PATIENT) == []
    change(sessions, ids, touched_at=func.now() - text("interval '61 s'"))
    assert ids_of(handed(sessions, PATIENT)) == ids
    change(
        sessions, ids, dispatched_until=None, touched_at=func.now(), dirty_since=func.now() - text("interval '301 s'")
    )
    assert ids_of(handed(sessions, PATIENT)) == ids


def test_a_storages_own_settle_seconds_go_before_the_general_ones(sessions: Sessions) -> None:
    slow = dirty(sessions, "slow", 1, settle_seconds=120)
    quick = dirty(sessions, "quick", 1, settle_seconds=0)
    assert ids_of(handed(sessions, Timing(debounce_seconds=0.5, max_debounce_seconds=600))) == quick
    change(sessions, slow, touched_at=func.now() - text("interval '121 s'"))
    assert ids_of(handed(sessions, PATIENT)) == slow


def test_a_flood_of_one_storage_keeps_no_other_waiting(sessions: Sessions) -> None:
    dirty(sessions, "flood", MAX_DISPATCHED_ISLANDS * 3, age_seconds=100)
    (single,) = dirty(sessions, "newcomer", 1)
    batches = handed(sessions)
    assert single in [island for batch in batches[:2] for island in batch]
    (later,) = dirty(sessions, "second newcomer", 1)
    assert ids_of(handed(sessions)) == {later}


def test_never_more_islands_of_a_storage_are_outstanding_than_the_bound(sessions: Sessions) -> None:
    ids = dirty(sessions, "flood", MAX_DISPATCHED_ISLANDS + 50)
    first = ids_of(handed(sessions))
    assert len(first) == MAX_DISPATCHED_ISLANDS
    assert handed(sessions) == []
    change(sessions, set(list(first)[:20]), dirty_since=None, dispatched_until=None, arrived=0)
    assert len(ids_of(handed(sessions))) == 20
    change(sessions, first, dispatched_until=func.now() - text("interval '1 ms'"), dirty_since=None)
    assert ids_of(handed(sessions)) <= ids


def test_never_many_more_files_of_a_storage_are_outstanding_than_the_bound(sessions: Sessions) -> None:
    files = MAX_DISPATCHED_FILES // 10
    dirty(sessions, "flood", 30, files=files)
    assert len(ids_of(handed(sessions))) == 10
    assert handed(sessions) == []


def test_an_island_larger_than_every_bound_still_has_its_turn(sessions: Sessions) -> None:
    ids = dirty(sessions, "huge", 1, files=MAX_DISPATCHED_FILES * 20)
    assert ids_of(handed(sessions)) == ids


def test_two_that_hand_out_at_once_never_hand_out_the_same(sessions: Sessions) -> None:
    ids = dirty(sessions, "rushes", 40)
    with sessions.begin() as one:
        first = ids_of(dispatch_islands(one, TIMING))
        second = ids_of(handed(sessions))
    assert first == ids
    assert second == set()


def test_a_waiting_orphan_wakes_its_island_when_its_time_is_over(sessions: Sessions) -> None:
    ids = dirty(sessions, "rushes", 2)
    change(sessions, ids, dirty_since=None, wait_until=func.now() + text("interval '1 minute'"))
    assert handed(sessions) == []
    (early, late) = sorted(ids)
    change(sessions, {early}, wait_until=func.now() - text("interval '1 ms'"))
    assert ids_of(handed(sessions)) == {early}
    with sessions() as session:
        assert session.get_one(Island, early).seen == 2
        assert session.get_one(Island, late).seen == 1


def test_batches_hold_one_storage_each_and_take_turns() -> None:
    a, b = uuid.uuid4(), uuid.uuid4()
    islands = [DispatchedIsland(number, a, MAX_MESSAGE_FILES, 0) for number in range(3)] + [
        DispatchedIsland(9, b, 1, 0)
    ]
    assert pack_messages(islands) == [[0], [9], [1], [2]]


def test_small_islands_share_a_batch_up_to_its_bounds() -> None:
    many = [DispatchedIsland(number, "a", 1, 0) for number in range(MAX_MESSAGE_ISLANDS + 1)]
    assert list(map(len, pack_messages(many))) == [MAX_MESSAGE_ISLANDS, 1]
    heavy = [DispatchedIsland(number, "a", MAX_MESSAGE_FILES // 2, 0) for number in range(5)]
    assert list(map(len, pack_messages(heavy))) == [2, 2, 1]


def test_an_island_that_did_not_end_goes_alone() -> None:
    islands = [
        DispatchedIsland(1, "a", 1, 0),
        DispatchedIsland(2, "a", 1, 1),
        DispatchedIsland(3, "a", 1, 0),
        DispatchedIsland(4, "a", 1, 0),
    ]
    assert pack_messages(islands) == [[1], [2], [3, 4]]


def test_packing_loses_and_doubles_nothing() -> None:
    islands = [DispatchedIsland(n, n % 7, (n * 37) % 5_000, n % 11 == 0) for n in range(2_000)]
    assert sorted(island for batch in pack_messages(islands) for island in batch) == list(range(2_000))
    assert pack_messages([]) == []
