"""Wake the indexer as soon as a process has committed a write, with one message for a burst of writes.

Without it, a change of the API waits for beat's next poll and for the sweep. A message that is lost, or not sent, does
no harm: beat finds the marks.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from models.core.sessions import Sessions
from models.queues.index_queue import MARK_QUEUE
from models.queues.notify import Notifier

log = logging.getLogger(__name__)

WAKE_SECONDS = 0.1
"""At most one message is sent in this time, however many writes there are; the first write does not wait for it."""
MAX_QUEUED_MESSAGES = 2
"""A queue with so many messages needs no further one; a night without a worker must not leave thousands."""


class IndexWaker:
    """Sends `index.drain` after writes, from a thread of its own, so that no request waits for the broker."""

    def __init__(
        self, sessions: Sessions, notify: Notifier, queue_lengths: Callable[[Iterable[str]], dict[str, int]]
    ) -> None:
        self._sessions, self._notify, self._queue_lengths = sessions, notify, queue_lengths
        self._has_written = threading.Event()
        threading.Thread(target=self._run, name="index-waker", daemon=True).start()

    def __call__(self) -> None:
        """Record that a transaction was committed."""
        self._has_written.set()

    def _run(self) -> None:
        while self._has_written.wait():
            # Cleared before the marks are read: a write that comes meanwhile is looked for in the next round.
            self._has_written.clear()
            try:
                self._wake()
            except Exception as error:  # a database or broker that is down: the thread must survive it
                log.warning("the indexer was not notified (%s); beat does it within seconds", type(error).__name__)
            time.sleep(WAKE_SECONDS)

    def _wake(self) -> None:
        with self._sessions() as session:
            is_needed = MARK_QUEUE.is_waiting(session)
        if is_needed and self._queue_lengths(["index"])["index"] < MAX_QUEUED_MESSAGES:
            self._notify("index.drain", ())
