"""The watcher process: a thread for each storage, and the dispatch of due islands to the queue."""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, OperationalError

from models.core.sessions import Sessions, describe_failure, transact
from models.core.timing import Timing
from models.queues.island_dispatch import dispatch_islands, has_islands_to_dispatch
from watch.disk.clock import Clock
from watch.disk.config import WatchedStorage, load_watched_storages
from watch.leader_election import LeaderElection
from watch.reconcile import ProfileChangedError
from watch.status import report_watcher_error
from watch.storage_watcher import StorageWatcher

log = logging.getLogger(__name__)

IslandNotifier = Callable[[str, Sequence[int]], None]
"""Sends a message for the named task and island ids; supplied by `workers`, called only after commit."""

INGEST_ISLAND_TASK = "ingest.island"
DISPATCH_INTERVAL_SECONDS, IDLE_DISPATCH_SECONDS = 0.1, 0.5
"""Between two attempts to dispatch islands; the second while none is dirty and no file was published here. Ten attempts
a second took 3 % of a core at rest."""
STORAGE_POLL_SECONDS = 1.0
END_SECONDS = 1.0
WATCHER_RETRY_SECONDS = 1.0
MAX_WATCHER_RETRY_SECONDS = 30.0
"""Longest pause before a watcher starts again: each start walks the whole storage."""


@dataclass(slots=True)
class _RunningWatcher:
    storage: WatchedStorage
    watcher: StorageWatcher
    stop: threading.Event
    thread: threading.Thread

    def ask_to_end(self) -> None:
        self.stop.set()
        self.watcher.wake()


class Watcher:
    """Watches the storages that no other watcher leads, until `stop` is set."""

    def __init__(
        self,
        sessions: Sessions,
        timing: Timing,
        notify: IslandNotifier,
        excluded: frozenset[bytes],
        clock: Clock,
        process_id: uuid.UUID | None = None,
    ) -> None:
        """`process_id` is that of the reports of what this process sees."""
        self._sessions = sessions
        self._timing = timing
        self._notify = notify
        self._excluded = excluded
        self._clock = clock
        self._leadership = LeaderElection(sessions, timing.watcher_lease_seconds, process_id)
        self._running: dict[object, _RunningWatcher] = {}
        self._has_published = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Run one thread for each led storage and dispatch islands; survives a database that is down."""
        next_look = next_dispatch = 0.0
        try:
            while not stop.is_set():
                now = self._clock.monotonic()
                try:
                    if now >= next_look:
                        next_look = now + STORAGE_POLL_SECONDS
                        self._follow_storages()
                    if now >= next_dispatch or self._has_published.is_set():
                        self._has_published.clear()
                        next_dispatch = now if self._dispatch_if_needed() else now + IDLE_DISPATCH_SECONDS
                except DBAPIError as error:
                    log.warning("database: %s; trying again", error.orig)
                    stop.wait(WATCHER_RETRY_SECONDS)
                stop.wait(DISPATCH_INTERVAL_SECONDS)
        finally:
            for running in self._running.values():
                running.ask_to_end()
            for running in self._running.values():
                running.thread.join()
            self._leadership.close()

    def _dispatch_if_needed(self) -> bool:
        """Dispatch islands; return False if there is none to wait for."""
        with self._sessions() as session:
            is_needed = has_islands_to_dispatch(session)
        if is_needed:
            self.dispatch()
        return is_needed

    def dispatch(self) -> int:
        """Dispatch due islands and send their wake-up messages; the periodic sweep repeats messages that fail."""
        batches = transact(self._sessions, lambda session: dispatch_islands(session, self._timing))
        for batch in batches:
            self._notify(INGEST_ISLAND_TASK, batch)
        return len(batches)

    def _follow_storages(self) -> None:
        storages = load_watched_storages(self._sessions)
        led = self._leadership.lead([storage.id for storage in storages])
        wanted = {storage.id: storage for storage in storages if storage.id in led}
        for running in list(self._running.values()):
            if wanted.get(running.storage.id) != running.storage:
                self._end(running)
        for storage in wanted.values():
            if storage.id not in self._running:
                self._begin(storage)

    def _begin(self, storage: WatchedStorage) -> None:
        stop = threading.Event()
        watcher = StorageWatcher(
            storage, self._sessions, self._timing, self._clock, self._excluded, self._has_published.set
        )
        thread = threading.Thread(target=self._keep, args=(storage, watcher, stop), name=f"watch {storage.name}")
        self._running[storage.id] = _RunningWatcher(storage, watcher, stop, thread)
        thread.start()

    def _end(self, running: _RunningWatcher) -> None:
        """End a storage's watcher. One that hangs on a mount keeps its place, and holds up no other storage."""
        running.ask_to_end()
        running.thread.join(END_SECONDS)
        if not running.thread.is_alive():
            del self._running[running.storage.id]

    def _keep(self, storage: WatchedStorage, watcher: StorageWatcher, stop: threading.Event) -> None:
        """Run a storage's watcher; after an error it restarts from rows and disk without any kept state."""
        pause = WATCHER_RETRY_SECONDS
        while not stop.is_set():
            began = self._clock.monotonic()
            try:
                watcher.run(stop)
            except ProfileChangedError:
                log.info("storage %s: its profile changed; another watcher takes over", storage.name)
            except Exception as error:
                trace = None if isinstance(error, OperationalError) else error
                text = "storage %s: %s; its watcher starts again"
                log.error(text, storage.name, describe_failure(error), exc_info=trace)
                try:
                    report_watcher_error(self._sessions, storage.id, error)
                except DBAPIError as lost:
                    log.warning("storage %s: its failure could not be shown: %s", storage.name, lost.orig)
            is_again = self._clock.monotonic() - began < 2 * MAX_WATCHER_RETRY_SECONDS
            pause = min(2 * pause, MAX_WATCHER_RETRY_SECONDS) if is_again else WATCHER_RETRY_SECONDS
            stop.wait(pause)
