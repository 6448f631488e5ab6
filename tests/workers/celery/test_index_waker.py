"""The indexer is woken by writes at once, and by a burst of them with few messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.core.sessions import Sessions
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from tests.services.draining import CALM, add
from tests.waiting import wait_until
from workers.celery.index_waker import MAX_QUEUED_MESSAGES, IndexWaker


@dataclass
class Broker:
    """Messages that were sent, and the length of the queue; the first connections fail."""

    messages: list[tuple[str, Sequence[object]]] = field(default_factory=list)
    length: int = 0
    failures: int = 0
    asked: int = 0

    def notify(self, task: str, ids: Sequence[object]) -> None:
        self.messages.append((task, ids))

    def queue_lengths(self, queues: Sequence[str]) -> dict[str, int]:
        self.asked += 1
        if self.asked <= self.failures:
            raise ConnectionError("the broker is down")
        return dict.fromkeys(queues, self.length)


def make_waker(sessions: Sessions, broker: Broker) -> IndexWaker:
    return IndexWaker(sessions, broker.notify, broker.queue_lengths)


def test_a_burst_of_writes_sends_few_messages(sessions: Sessions) -> None:
    broker = Broker()
    wake = make_waker(sessions, broker)
    for number in range(200):
        add(sessions, f"asset {number}")
        wake()
    wait_until(lambda: broker.messages, what="a message was sent")
    assert set(broker.messages) == {("index.drain", ())}
    assert len(broker.messages) < 100


def test_a_write_that_no_search_shows_sends_nothing(sessions: Sessions) -> None:
    broker = Broker()
    wake = make_waker(sessions, broker)
    add(sessions, "found already")
    drain_index_queue(sessions, PostgresEngine(sessions), CALM)
    wake()
    add(sessions, "new")
    wake()
    wait_until(lambda: broker.messages, what="a message was sent")
    assert len(broker.messages) == 1


def test_a_night_without_a_worker_leaves_no_more_messages_than_the_queue_may_have(sessions: Sessions) -> None:
    broker = Broker(length=MAX_QUEUED_MESSAGES)
    wake = make_waker(sessions, broker)
    add(sessions, "waits for beat")
    wake()
    wait_until(lambda: broker.asked, what="the queue was looked at")
    assert broker.messages == []


def test_it_goes_on_after_an_outage_of_the_broker(sessions: Sessions) -> None:
    broker = Broker(failures=1)
    wake = make_waker(sessions, broker)
    add(sessions, "written during the outage")
    wake()
    wait_until(lambda: broker.asked, what="the broker failed")
    wake()
    wait_until(lambda: broker.messages, what="a message was sent")
