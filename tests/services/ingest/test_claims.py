"""Island work may be lost, duplicated, late or crash its worker: it is done once, or dead-lettered with a reason."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from models.catalog.storage import Storage
from models.core.sessions import transact
from models.queues.island import ISLAND_QUEUE, MAX_ISLAND_CRASHES, MAX_ISLAND_ERRORS, Island, IslandClaim
from services.ingest.run import ingest_islands
from services.ingest_effects import INGEST_EFFECTS
from services.operations.sweep import is_work_waiting, sweep_backlog
from tests.files import write
from tests.pipeline import Pipeline
from tests.waiting import wait_until

AGO = text("interval '1 ms'")


def publish(pipeline: Pipeline, *names: str) -> list[int]:
    """Make files stable and their islands dirty, without grouping them, and return the islands' ids."""
    write(pipeline.root, *names)
    watcher = pipeline.watch()

    def is_published() -> bool:
        watcher.step()
        return pipeline.status().files == len(names)

    wait_until(is_published, what="the files are known")
    watcher.close()
    with pipeline.sessions() as session:
        return list(session.scalars(select(Island.id).where(Island.dirty_since.is_not(None)).order_by(Island.id)))


def claim_islands(session: Session, ids: list[int], pipeline: Pipeline) -> list[IslandClaim]:
    return ISLAND_QUEUE.claim(session, pipeline.timing, ids=ids)


def ingest(pipeline: Pipeline, ids: list[int]) -> int:
    return ingest_islands(pipeline.sessions, ids, pipeline.timing, pipeline.notify, INGEST_EFFECTS)


def change(pipeline: Pipeline, ids: list[int], **values: object) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(update(Island).where(Island.id.in_(ids)).values(**values))


def island(pipeline: Pipeline, island_id: int) -> Island:
    with pipeline.sessions() as session:
        return session.get_one(Island, island_id)


def end_waits(pipeline: Pipeline, ids: list[int]) -> None:
    """Expire all leases and dispatches."""
    change(pipeline, ids, dispatched_until=func.now() - AGO, lease_until=func.now() - AGO)


def poison(pipeline: Pipeline, is_bad: bool = True) -> None:
    """A profile that no longer can be read makes every island of its storage impossible to group."""
    with pipeline.sessions.begin() as session:
        session.execute(update(Storage).values(profile={"no_such_key": 1} if is_bad else {}))


def test_an_island_is_grouped_once_however_often_its_message_comes(pipeline: Pipeline) -> None:
    ids = publish(pipeline, "a.mov", "day1/b.mov")
    assert ingest(pipeline, ids) == 2
    assert ingest(pipeline, ids) == 0
    assert ingest(pipeline, [*ids, 999_999]) == 0
    assert pipeline.titles() == ["a", "b"]
    assert pipeline.notified == [("index.drain", ())]


def test_two_that_group_the_same_islands_at_once_write_them_once(pipeline: Pipeline) -> None:
    ids = publish(pipeline, *(f"{number}/clip_{number}.mov" for number in range(40)))
    finished: list[int] = []
    threads = [threading.Thread(target=lambda: finished.append(ingest(pipeline, ids))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(finished) == 40
    assert len(pipeline.titles()) == 40
    assert pipeline.broken() == []


@contextmanager
def read_and_not_written(pipeline: Pipeline, ids: list[int]) -> Iterator[None]:
    """Group the islands on another thread, and run the body after they are read and before anything is written."""

    def is_waiting() -> bool:
        with pipeline.sessions() as session:
            return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    worker = threading.Thread(target=ingest, args=(pipeline, ids))
    with pipeline.sessions.begin() as holder:
        holder.execute(text("LOCK TABLE file_set IN ACCESS EXCLUSIVE MODE"))
        worker.start()
        wait_until(is_waiting, what="the other reads")
        yield
    worker.join()


def test_what_comes_while_an_island_is_grouped_keeps_it_dirty(pipeline: Pipeline) -> None:
    (island_id,) = publish(pipeline, "a.mov")
    with read_and_not_written(pipeline, [island_id]):
        change(pipeline, [island_id], seen=Island.seen + 1)
    assert pipeline.titles() == ["a"]
    after = island(pipeline, island_id)
    assert after.dirty_since is not None
    assert after.done == after.seen - 1
    assert ingest(pipeline, [island_id]) == 1
    assert island(pipeline, island_id).dirty_since is None


@pytest.mark.parametrize(
    "moved",
    [{"epoch": Island.epoch + 1}, {"attempt": Island.attempt + 1}, {"lease_owner": "somebody else"}],
)
def test_a_claim_lost_before_the_writing_writes_nothing_and_is_tried_again(pipeline: Pipeline, moved: dict) -> None:
    (island_id,) = publish(pipeline, "a.mov")
    with read_and_not_written(pipeline, [island_id]):
        change(pipeline, [island_id], **moved)
    assert pipeline.titles() == []
    assert island(pipeline, island_id).dirty_since is not None
    end_waits(pipeline, [island_id])
    assert ingest(pipeline, [island_id]) == 1
    assert pipeline.titles() == ["a"]


@pytest.mark.parametrize(
    "taken",
    [
        {"lease_owner": "somebody else"},
        {"attempt": 7},
        {"epoch": 3},
    ],
)
def test_a_claim_that_somebody_else_has_now_is_refused(pipeline: Pipeline, taken: dict) -> None:
    (first, second) = publish(pipeline, "a.mov", "day1/b.mov")
    with pipeline.sessions.begin() as session:
        claims = claim_islands(session, [first, second], pipeline)
    change(pipeline, [first], **taken)
    with pipeline.sessions.begin() as session:
        epochs = ISLAND_QUEUE.fence(session, claims)
    assert [claim.id for claim in claims if epochs.get(claim.id) == claim.epoch] == [second]


def test_a_lease_is_taken_by_one_and_free_again_after_its_end(pipeline: Pipeline) -> None:
    ids = publish(pipeline, "a.mov")
    with pipeline.sessions.begin() as session:
        assert len(claim_islands(session, ids, pipeline)) == 1
    with pipeline.sessions.begin() as session:
        assert claim_islands(session, ids, pipeline) == []
    change(pipeline, ids, lease_until=func.now() - AGO)
    with pipeline.sessions.begin() as session:
        (claim,) = claim_islands(session, ids, pipeline)
    assert claim.attempt == 2
    assert island(pipeline, ids[0]).lease_owner == claim.owner


def test_an_island_that_did_not_end_is_taken_only_alone(pipeline: Pipeline) -> None:
    first, second = publish(pipeline, "a.mov", "day1/b.mov")
    with pipeline.sessions.begin() as session:
        claim_islands(session, [first], pipeline)
    end_waits(pipeline, [first])
    with pipeline.sessions.begin() as session:
        assert [claim.id for claim in claim_islands(session, [first, second], pipeline)] == [second]
    with pipeline.sessions.begin() as session:
        assert [claim.id for claim in claim_islands(session, [first], pipeline)] == [first]


def test_an_island_that_kills_its_worker_again_and_again_is_parked_with_its_reason(pipeline: Pipeline) -> None:
    deadly, harmless = publish(pipeline, "a.pdf", "day1/b.pdf")
    for _ in range(MAX_ISLAND_CRASHES + 1):
        with pipeline.sessions.begin() as session:
            assert len(claim_islands(session, [deadly], pipeline)) == 1
        end_waits(pipeline, [deadly])
    with pipeline.sessions.begin() as session:
        assert ISLAND_QUEUE.dead_letter_crashed(session) == 1
    assert island(pipeline, deadly).error == f"its worker died {MAX_ISLAND_CRASHES} times while it was grouped"
    assert ": its worker died" in pipeline.explain("a.pdf")
    assert ingest(pipeline, [deadly]) == 0
    assert ingest(pipeline, [harmless]) == 1
    assert pipeline.broken() == []
    status = pipeline.status()
    assert (status.parked, status.idle, status.pending_islands) == (1, True, 0)


def test_a_poisoned_island_is_tried_a_bounded_number_of_times_then_parked_and_repaired(pipeline: Pipeline) -> None:
    (island_id,) = publish(pipeline, "a.mov")
    poison(pipeline)
    for attempt in range(1, MAX_ISLAND_ERRORS + 1):
        assert island(pipeline, island_id).dead_lettered_at is None
        with pytest.raises(Exception, match="no_such_key"):
            ingest(pipeline, [island_id])
        assert island(pipeline, island_id).attempt == attempt
        end_waits(pipeline, [island_id])
    parked = island(pipeline, island_id)
    assert parked.dead_lettered_at is not None
    assert "no_such_key" in parked.error
    assert pipeline.status().parked == 1
    poison(pipeline, is_bad=False)
    assert ingest(pipeline, [island_id]) == 0
    assert "its island is dead-lettered since " in pipeline.explain("a.mov")
    pipeline.broken(repair=True)
    assert pipeline.ingest() == 1
    assert pipeline.titles() == ["a"]
    assert pipeline.broken() == []


def test_a_poisoned_island_in_a_batch_keeps_no_other_back(pipeline: Pipeline) -> None:
    ids = publish(pipeline, *(f"day{number}/clip_{number}.mov" for number in range(5)))
    with pipeline.sessions.begin() as session:
        session.execute(text("ALTER TABLE asset ADD CONSTRAINT poison CHECK (title <> 'clip_3')"))
    with pytest.raises(Exception, match="poison"):
        ingest(pipeline, ids)
    assert pipeline.titles() == []
    end_waits(pipeline, ids)
    for batch in ([island_id] for island_id in ids):
        with suppress(CheckViolation):  # COPY's errors come as the driver's own
            ingest(pipeline, batch)
    assert pipeline.titles() == ["clip_0", "clip_1", "clip_2", "clip_4"]
    (bad,) = [island_id for island_id in ids if island(pipeline, island_id).error]
    assert "is waiting to be grouped again after: " in pipeline.explain("day3/clip_3.mov")
    assert island(pipeline, bad).dead_lettered_at is None


def test_a_sweep_rings_for_what_lost_its_message(pipeline: Pipeline) -> None:
    ids = publish(pipeline, "a.mov", "day1/b.mov")
    assert transact(pipeline.sessions, lambda session: is_work_waiting(session, pipeline.timing))
    assert sweep_backlog(pipeline.sessions, pipeline.timing, pipeline.notify) == 1
    assert pipeline.notified == [("ingest.island", ids)]
    assert sweep_backlog(pipeline.sessions, pipeline.timing, pipeline.notify) == 0
    change(pipeline, ids, dispatched_until=func.now() - AGO)
    assert sweep_backlog(pipeline.sessions, pipeline.timing, pipeline.notify) == 1
    ingest(pipeline, ids)
    pipeline.broken()
    assert not transact(pipeline.sessions, lambda session: is_work_waiting(session, pipeline.timing))


def test_an_error_waits_longer_each_time(pipeline: Pipeline) -> None:
    (island_id,) = publish(pipeline, "a.mov")
    waits = []
    for _ in range(4):
        with pipeline.sessions.begin() as session:
            claims = claim_islands(session, [island_id], pipeline)
            ISLAND_QUEUE.retry(session, claims, ["the reason"])
            waits.append(session.scalar(select(func.extract("epoch", Island.dispatched_until - func.now()))))
        end_waits(pipeline, [island_id])
    assert [float(wait) for wait in waits] == [2, 4, 8, 16]


def test_of_a_batch_only_the_island_that_moved_is_left_for_later(pipeline: Pipeline) -> None:
    (first, second) = publish(pipeline, "day1/a.mov", "day2/b.mov")
    with read_and_not_written(pipeline, [first, second]):
        change(pipeline, [first], epoch=Island.epoch + 1)
    assert pipeline.titles() == ["b"]
    assert island(pipeline, first).lease_owner is None
    assert ingest(pipeline, [first]) == 1
    assert pipeline.titles() == ["a", "b"]


def test_a_late_finisher_cannot_finish(pipeline: Pipeline) -> None:
    (island_id,) = publish(pipeline, "a.mov")
    with pipeline.sessions.begin() as session:
        late = claim_islands(session, [island_id], pipeline)
    end_waits(pipeline, [island_id])
    assert ingest(pipeline, [island_id]) == 1
    with pipeline.sessions.begin() as session:
        assert ISLAND_QUEUE.fence(session, late) == {}
    assert pipeline.titles() == ["a"]
