"""watchdog events as hints, which name a path to check, never a state; with detection of what watchdog hides: queue
overflows and a reached watch limit."""

import ctypes
import errno
import logging
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyFD
from watchdog.observers.inotify_move_event_grouper import GroupedInotifyEvent, PathedInotifyEvent

from models.core.paths import base_name, parent_path

# Measured: with all event types 49 % of 50,000 fast events overflowed the queue, with these none.
WATCHED_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileMovedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
WATCHDOG_INOTIFY_LOGGER = "watchdog.observers.inotify_c"
MAX_WARNING_CHARACTERS = 500
# From linux/inotify.h. Any event serves, because the probe watch is never read.
IN_DELETE_SELF = 0x400


@dataclass(slots=True)
class Hints:
    """Places with events since the last check."""

    files: dict[bytes, set[bytes]] = field(default_factory=dict)
    """Names by folder."""
    closed: set[bytes] = field(default_factory=set)
    """Paths that were closed or renamed into place."""
    trees: set[bytes] = field(default_factory=set)
    """Folders that appeared, vanished or moved; checked with everything below them."""
    everything: bool = False
    """Events were lost, so that only a full scan is reliable."""

    def __bool__(self) -> bool:
        return bool(self.files or self.trees or self.everything)


class HintBuffer:
    """Thread-safe buffer from the observer's thread to the watcher's; sets `wake` while it holds hints."""

    def __init__(self, wake: threading.Event) -> None:
        self._lock = threading.Lock()
        self._hints = Hints()
        self._wake = wake

    def file(self, path: bytes, closed: bool = False) -> None:
        """Record an event on the file at `path`; inside a tree that is checked anyway, only closes are recorded."""
        with self._lock:
            folder = parent_path(path)
            if folder not in self._hints.trees or closed:
                self._hints.files.setdefault(folder, set()).add(base_name(path))
            if closed:
                self._hints.closed.add(path)
        self._wake.set()

    def tree(self, path: bytes) -> None:
        """Record that a folder appeared, vanished or moved."""
        with self._lock:
            self._hints.trees.add(path)
        self._wake.set()

    def everything(self) -> None:
        """Record that events were lost."""
        with self._lock:
            self._hints.everything = True
        self._wake.set()

    def take(self) -> Hints:
        """Return all hints and empty the buffer."""
        with self._lock:
            hints, self._hints = self._hints, Hints()
        return hints


class HintEventHandler(FileSystemEventHandler):
    """Turns each event into a hint for a path below the root."""

    def __init__(self, root: bytes, box: HintBuffer) -> None:
        self._prefix = len(root.rstrip(b"/")) + 1
        self._box = box

    def dispatch(self, event: FileSystemEvent) -> None:
        """Record the paths of an event; called on watchdog's thread."""
        for path in (event.src_path, event.dest_path):
            if path:
                relative = os.fsencode(path)[self._prefix :]
                if event.is_directory:
                    self._box.tree(relative)
                else:
                    self._box.file(relative, isinstance(event, FileClosedEvent | FileMovedEvent))


class HintEmitter(InotifyFullEmitter):
    """Reports a moved folder once, and a file moved in from outside as moved.

    watchdog walks a folder that was moved in and reports each file below it, so that 128,000 files were listed three
    times although the hint for the folder suffices. Its emitter also reports a file that was renamed into the tree as
    created, as if it might still be written.
    """

    def build_and_queue_event(self, event: GroupedInotifyEvent, *, full_events: bool = True) -> None:
        """Queue an event of watchdog's reader; called on the emitter's thread."""
        left, came = (None, event) if isinstance(event, PathedInotifyEvent) else event
        if came.ev.is_directory and came.ev.is_moved_to:
            before = "" if left is None else os.fsdecode(left.path)
            self.queue_event(DirMovedEvent(before, os.fsdecode(came.path)))
        else:
            super().build_and_queue_event(event, full_events=full_events)


class HintObserver(BaseObserver):
    """Observer with `HintEmitter` and its own inotify instance."""

    def __init__(self) -> None:
        self._inotify_fd = InotifyFD()
        self._inotify_fd.start()
        super().__init__(HintEmitter, inotify_fd=self._inotify_fd)

    def on_thread_stop(self) -> None:
        """Stop the emitters, then the inotify instance that they read."""
        super().on_thread_stop()
        self._inotify_fd.stop()
        self._inotify_fd.join()


class OverflowLogHandler(logging.Handler):
    """Log handler that detects watchdog's overflow warning, its only sign of lost events, and truncates its messages.

    These warnings may format hundreds of kilobytes of events.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_lost = on_lost

    def emit(self, record: logging.LogRecord) -> None:
        """Handle a warning of watchdog's inotify reader."""
        message = record.getMessage()
        if "overflow" in message:
            self._on_lost()
        record.msg, record.args = message[:MAX_WARNING_CHARACTERS], ()


class RootObserver:
    """Watches one root while it exists; a root that vanishes needs a new observer."""

    def __init__(self, root: bytes, box: HintBuffer) -> None:
        self._root = root
        self._box = box
        self._observer: BaseObserver | None = None
        self._lost = OverflowLogHandler(box.everything)

    @property
    def is_watching(self) -> bool:
        """Return whether events can arrive."""
        return self._observer is not None and self._observer.is_alive()

    def start(self) -> None:
        """Watch the whole tree; raises OSError if not even the root can be watched."""
        # watchdog warns for each folder that is watched again and formats all its watches for that: megabytes if many.
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
        logging.getLogger(WATCHDOG_INOTIFY_LOGGER).addHandler(self._lost)
        observer = HintObserver()
        observer.schedule(
            HintEventHandler(self._root, self._box),
            os.fsdecode(self._root),
            recursive=True,
            event_filter=WATCHED_EVENTS,
        )
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        """Remove the watches and stop watchdog's threads."""
        logging.getLogger(WATCHDOG_INOTIFY_LOGGER).removeHandler(self._lost)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None


def is_watch_limit_reached(root: bytes) -> bool:
    """Return whether the user's inotify watches are used up; watchdog does not report folders it could not watch.

    Requests one more watch in a separate instance, because the limit counts over all instances of a user.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    instance = libc.inotify_init1(os.O_CLOEXEC)
    if instance < 0:
        return ctypes.get_errno() in (errno.EMFILE, errno.ENFILE)
    try:
        watch = libc.inotify_add_watch(instance, root, IN_DELETE_SELF)
        return watch < 0 and ctypes.get_errno() == errno.ENOSPC
    finally:
        os.close(instance)
