"""Watcher of one storage: handles hints, walks, settles and confirms in small steps of one thread.

A long walk runs in slices with hints and due files between them, so that a finished file is published within a second
while 200,000 others are still being listed.
"""

import logging
import math
import os
import shlex
import threading
from collections.abc import Callable, Iterator

from grouping import IgnorePatterns
from models.core.paths import is_path_inside, join_path
from models.core.sessions import Sessions
from models.core.timing import Timing
from watch.absence import AbsenceCheck
from watch.baseline import DigestBacklog
from watch.disk.clock import Clock
from watch.disk.config import WatchedStorage
from watch.disk.listing import FolderListing, rename_time_ns, walk_tree
from watch.disk.mount_identity import RootIdentity, identify_root, is_network_file_system
from watch.disk.observer import HintBuffer, Hints, RootObserver, is_watch_limit_reached
from watch.disk.settling import SettlePolicy
from watch.reconcile import Reconciler
from watch.rows.blocking import BlockingBacklog
from watch.rows.folder_cache import FolderCache
from watch.rows.island_assignment import IslandAssignment
from watch.status import ROOT_ABSENT_MESSAGE, OperatorRequests, StorageStatusWriter

log = logging.getLogger(__name__)

WALK_REST_FACTOR, WATCHED_REST_FACTOR = 20, 100
"""Factor between the working time of a periodic walk and the minimum pause after it; the second where events come from
the whole tree, so that a walk finds only what they missed. Publishing between its slices does not count: the first walk
of 200,000 files would delay the next one by minutes."""
STATUS_REFRESH_SECONDS = 0.5
MAX_REST_SECONDS = 0.5
ROOT_CHANGED_MESSAGE = "root is another folder than before (its device or inode changed); nothing was marked missing."
WATCH_LIMIT_MESSAGE = (
    "the kernel's inotify watches are used up, so what happens in some folders is seen by scans alone; "
    "raise fs.inotify.max_user_watches (sysctl)"
)


class StorageWatcher:
    """Keeps one storage's rows equal to its disk until stopped."""

    def __init__(
        self,
        storage: WatchedStorage,
        sessions: Sessions,
        timing: Timing,
        clock: Clock,
        excluded: frozenset[bytes] = frozenset(),
        on_publish: Callable[[], object] = lambda: None,
    ) -> None:
        self.storage = storage
        self._sessions = sessions
        self._timing = timing
        self._clock = clock
        self._excluded = excluded
        self._on_publish = on_publish
        self._ignore = IgnorePatterns(storage.settings.scan_ignore, storage.profile.hidden)
        self._starts = [folder.encode() for folder in storage.settings.scan_directories] or [b""]
        self._wake = threading.Event()
        self._hints = HintBuffer(self._wake)
        self._observer = RootObserver(storage.root, self._hints)
        self._state = StorageStatusWriter(storage.id, sessions, clock)
        self._reconciler: Reconciler
        self._absence: AbsenceCheck
        self._digests: DigestBacklog
        self._keys: BlockingBacklog
        self._identity: RootIdentity | None = None
        self._walk: Iterator[list[FolderListing]] | None = None
        self._looks = self._walk_number = 0
        self._asked_for = self._is_thorough = False
        self._is_limited = False
        self._walk_started = self._walk_seconds = 0.0
        self._next_walk = 0.0
        self._next_refresh = 0.0
        self._next_confirm = 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set; raises OperationalError if the database is down, and the caller restarts."""
        try:
            self.open()
            while not stop.is_set():
                self._wake.clear()
                if not self.step():
                    self._wake.wait(self._rest_seconds())
        finally:
            self.close()

    def close(self) -> None:
        """Remove the watches."""
        self._observer.stop()

    def wake(self) -> None:
        """End the pause of the loop early, to handle a stop or a request at once."""
        self._wake.set()

    @property
    def is_at_rest(self) -> bool:
        """Return whether no file waits to be stable or to be read, no row lacks its blocking keys, no walk is due or
        running, and no confirmed loss is pending."""
        busy = self._walk is not None or self._reconciler.settling or self._state.is_accepted
        busy = busy or self._digests.is_pending or self._keys.is_pending
        return not busy and self._next_walk > 0

    def scan_now(self) -> None:
        """Start a walk at the next step, and another after a running walk, which may have passed the requested path."""
        self._next_walk = 0.0

    def open(self) -> None:
        """Reset all state and load the folders; the first step then finds the root and starts a walk."""
        self._identity, self._walk = None, None
        self._next_refresh = self._next_confirm = 0.0
        network = self._try_root()
        settle_policy = SettlePolicy(
            self.storage.settings.growing_files_threshold, self._timing.close_seconds, is_local=not network
        )
        homes = IslandAssignment(self.storage.profile.attached_dirs)
        book = FolderCache(self.storage.id, homes.island_of)
        with self._sessions() as session:
            book.load(session)
        self._digests = DigestBacklog(self.storage.root, self._sessions, book, self._clock)
        self._keys = BlockingBacklog(self.storage, self._sessions)
        self._reconciler = Reconciler(
            self.storage, self._sessions, book, settle_policy, self._clock, homes, self._digests
        )
        self._absence = AbsenceCheck(self.storage.id, self.storage.root, self._sessions, book)
        self._reconciler.reassign_islands()
        # Of a new storage this is all: its files are written with their keys.
        self._keys.work()

    def _try_root(self) -> bool:
        try:
            return is_network_file_system(self.storage.root)
        except OSError:
            return False

    def step(self) -> bool:
        """Run everything that is due once; return whether more work is due at once."""
        now = self._clock.monotonic()
        if now >= self._next_refresh:
            self._next_refresh = now + STATUS_REFRESH_SECONDS
            self._refresh()
        hints = self._hints.take()
        if self._identity is not None:
            self._follow(hints)
            self._reconciler.is_walking = self._walk is not None or self._next_walk <= now
            if self._reconciler.settle():
                self._on_publish()
            self._continue_walk(now)
            self._confirm(now)
            if self._walk is None and not self._is_behind():
                self._keys.work()
                self._digests.work()
        self._state.unsettled(len(self._reconciler.settling))
        if self._state.has_error and self._identity is not None and self.is_at_rest:
            self._state.clear_error()
        return self._walk is not None or self._is_behind()

    def _is_behind(self) -> bool:
        """Return whether files are due: a periodic walk waits for them, because it would see them change again."""
        due = self._reconciler.settling.next_due()
        return due is not None and due <= self._clock.monotonic()

    def _rest_seconds(self) -> float:
        now = self._clock.monotonic()
        due = [self._next_refresh] if self._identity is None else [self._next_refresh, self._next_walk]
        if (settle := self._reconciler.settling.next_due()) is not None:
            due.append(settle)
        if self._digests.is_pending:
            due.append(self._digests.next_slice)
        return max(0.01, min(MAX_REST_SECONDS, min(due) - now))

    def _refresh(self) -> None:
        """Handle operators' requests, and check that the root is still the same."""
        requests = self._state.pop_requests()
        found = identify_root(self.storage.root)
        if requests.accepted:
            self._state.accept()
        if found is None:
            self._lose_root(ROOT_ABSENT_MESSAGE)
        elif found != self._identity:
            self._let_go()
            self._find_root(found, requests)
        if requests.scan:
            self._asked_for = True
            self.scan_now()
        for path, is_finished in requests.looks:
            self._look_for_somebody(path, is_finished)

    def _look_for_somebody(self, path: bytes, is_finished: bool) -> None:
        """Take a path that a person named as a hint; a link on the way to it leads somewhere else, and is no path."""
        absolute = join_path(self.storage.root, path) if path else self.storage.root
        # The root itself may be reached by a link on this machine; below it none is followed.
        real = os.path.realpath(self.storage.root)
        if os.path.realpath(absolute) != (join_path(real, path) if path else real):
            return
        if os.path.isdir(absolute) and is_finished and self._identity is not None and self._is_watched(path):
            self._look_at_tree(path, self._clock.wall_ns())
        elif os.path.isdir(absolute):
            self._hints.tree(path)
        else:
            self._hints.file(path, closed=is_finished)

    def _lose_root(self, reason: str) -> None:
        self._state.fail(f'storage "{self.storage.name}": {reason}')
        self._let_go()

    def _let_go(self) -> None:
        self._identity = None
        self._walk = None
        self._observer.stop()

    def _find_root(self, found: RootIdentity, requests: OperatorRequests) -> None:
        known = requests.known_root
        if known not in (None, found) and not requests.accepted and not self._absence.has_same_files():
            self._lose_root(
                f"{ROOT_CHANGED_MESSAGE} If that is right, "
                f"run: tapeless storage confirm-deletions {shlex.quote(self.storage.name)}"
            )
            return
        if known is not None and known.device != found.device:
            self._reconciler.update_device_number(known.device, found.device)
        self._identity = found
        self._state.recover(found, self._reconciler.settle_policy.writer_check)
        self._observe()
        self._next_walk = 0.0 if self.storage.settings.scan else math.inf

    def _observe(self) -> None:
        if not self.storage.settings.scan or self._observer.is_watching or self._try_root():
            return
        try:
            self._observer.start()
        except OSError as error:
            log.warning("storage %s: no events (%s); scans go on", self.storage.name, error)
            self._state.count_lost_events()
        self._check_watch_limit()

    def _check_watch_limit(self) -> None:
        """Report a reached watch limit; once the limit is lifted, watch the whole tree again."""
        if not self._observer.is_watching:
            return
        is_limited = is_watch_limit_reached(self.storage.root)
        if is_limited:
            if not self._is_limited:
                self._state.count_lost_events()
            self._state.set_message(WATCH_LIMIT_MESSAGE)
        elif self._is_limited:
            self._state.set_message("")
            self._observer.stop()
            self._observer.start()
        self._is_limited = is_limited

    def _follow(self, hints: Hints) -> None:
        if hints.everything:
            self._state.count_lost_events()
            self._next_walk = 0.0
        for folder in sorted(hints.trees):
            if not any(parent in hints.trees for parent in _ancestors_above(folder)) and self._is_watched(folder):
                self._look_at_tree(folder)
        for folder, names in hints.files.items():
            if self._is_watched(folder):
                self._look_at_names(folder, names, hints.closed)

    def _look_at_tree(self, folder: bytes, finished_ns: int | None = None) -> None:
        """Compare a tree; files with a ctime before `finished_ns`, or before the folder's rename, are complete."""
        number = self._number_look()
        arrived = rename_time_ns(self.storage.root, folder) if finished_ns is None else finished_ns
        for listings in walk_tree(self.storage.root, [folder], self._ignore, self._excluded):
            self._reconciler.compare_listings(listings, number, arrived)
            self._state.unsettled(len(self._reconciler.settling))
        self._absence.suspect_unseen(number, [folder])

    def _number_look(self) -> int:
        """Return a new, higher number for a look. A walk keeps its number to the end, also if trees are looked at
        meanwhile: with their numbers, it would not have seen the folders it visited before them."""
        self._looks += 1
        return self._looks

    def _look_at_names(self, folder: bytes, names: set[bytes], closed: set[bytes]) -> None:
        prefix = folder + b"/" if folder else b""
        wanted = {name for name in names if self._ignore.path(prefix + name) is None}
        if wanted:
            self._reconciler.compare_files(folder, wanted, frozenset(n for n in wanted if prefix + n in closed))

    def _is_watched(self, folder: bytes) -> bool:
        if folder and self._ignore.path(folder) is not None:
            return False
        # The data folder and rendition storages may be inside the root.
        absolute = self.storage.root + b"/" + folder
        if any(is_path_inside(absolute, path) for path in self._excluded):
            return False
        return any(is_path_inside(folder, start) for start in self._starts)

    def _continue_walk(self, now: float) -> None:
        if self._walk is None:
            if now < self._next_walk or (self._next_walk > 0 and self._is_behind()):
                return
            if identify_root(self.storage.root) != self._identity:
                # The next refresh reports it. Below an empty mount point, every file would become suspected meanwhile.
                return
            self._walk_number = self._number_look()
            self._walk_started, self._walk_seconds, self._next_walk = now, 0.0, math.inf
            self._is_thorough, self._asked_for = self._asked_for, False
            self._walk = walk_tree(self.storage.root, self._starts, self._ignore, self._excluded)
            self._state.start_walk()
        began = self._clock.monotonic()
        listings = next(self._walk, None)
        if listings is not None:
            self._reconciler.compare_listings(listings, self._walk_number, is_thorough=self._is_thorough)
            self._state.walked(sum(len(listing.files) for _, listing in listings) + len(listings))
            self._walk_seconds += self._clock.monotonic() - began
        else:
            self._end_walk()

    def _end_walk(self) -> None:
        self._walk = None
        if identify_root(self.storage.root) == self._identity:
            self._absence.suspect_unseen(self._walk_number, self._starts)
        now = self._reconciler.last_walk_ended = self._clock.monotonic()
        rest_factor = WATCHED_REST_FACTOR if self._observer.is_watching and not self._is_limited else WALK_REST_FACTOR
        interval = max(self.storage.settings.scan_interval_seconds, rest_factor * self._walk_seconds)
        if self.storage.settings.scan:
            self._next_walk = min(self._next_walk, now + interval)
        self._state.end_walk(now - self._walk_started)
        self._check_watch_limit()

    def _confirm(self, now: float) -> None:
        if self._identity is None or now < self._next_confirm:
            return
        interval = self.storage.settings.scan_interval_seconds
        self._next_confirm = now + min(1.0, interval)
        if self._state.is_frozen:
            if not self._absence.has_suspects():
                self._state.unfreeze()
            return
        moving = self._reconciler.settling.inodes()
        confirmation = self._absence.confirm(interval, self._identity, self._state.is_accepted, moving)
        self._reconciler.reassign_after_changes({row.folder_id for row in confirmation.missing})
        if confirmation.freeze is not None:
            self._state.freeze(
                f'storage "{self.storage.name}": {confirmation.freeze}; nothing was marked missing. '
                f"If they are really gone, run: tapeless storage confirm-deletions {shlex.quote(self.storage.name)}"
            )
        elif not confirmation.looked_at:
            self._state.expire_acceptance(after_seconds=2 * interval)


def _ancestors_above(folder: bytes) -> Iterator[bytes]:
    while folder:
        folder = folder.rpartition(b"/")[0]
        yield folder
