"""What a watcher says of its storage, and what people ask of it: columns of the storage row, written sparingly."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, select, update

from models.look_request import LookRequest
from models.sessions import Sessions, transact
from models.storage import Storage, StorageStatus
from watch.clock import Clock
from watch.roots import RootIdentity

PROGRESS_SECONDS = 0.5
HEARTBEAT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the row asked for, and the root that it remembers."""

    scan: bool
    accepted: bool
    known_root: RootIdentity | None
    looks: tuple[tuple[bytes, bool], ...] = ()
    """Paths to look at now, and whether their writer says that they are finished."""


class StateWriter:
    """Writes progress at most twice a second, changes of state at once."""

    def __init__(self, storage_id: uuid.UUID, sessions: Sessions, clock: Clock) -> None:
        self._storage_id = storage_id
        self._sessions = sessions
        self._clock = clock
        self._pending: dict[str, Any] = {}
        self._next_write = 0.0
        self._next_beat = 0.0
        self._unsettled = 0
        self._entries = 0
        self.failure: str | None = None
        """What was said of a root that does not answer; None while it does."""
        self.is_frozen = False
        self._message = ""
        self._accepted_at: float | None = None

    @property
    def is_accepted(self) -> bool:
        """A person said that what vanished is gone: the breaker lets the present suspects pass."""
        return self._accepted_at is not None

    def take_wishes(self) -> Wishes:
        """Read and clear what people asked for since the last call."""
        with self._sessions() as session:
            row = session.execute(
                select(
                    Storage.scan_requested_at,
                    Storage.accept_requested_at,
                    Storage.root_device,
                    Storage.root_inode,
                    Storage.frozen_reason,
                    Storage.status,
                    Storage.status_message,
                    exists().where(LookRequest.storage_id == Storage.id).label("wants_looks"),
                ).where(Storage.id == self._storage_id)
            ).one_or_none()
        if row is None:
            return Wishes(False, False, None)
        self.is_frozen = row.frozen_reason is not None
        self._message = row.status_message
        self.failure = row.status_message if row.status is StorageStatus.FAILING else None
        changes: dict[str, Any] = {}
        if row.scan_requested_at is not None:
            changes["scan_requested_at"] = None
        if row.accept_requested_at is not None:
            changes["accept_requested_at"] = None
        if changes or self._clock.monotonic() >= self._next_beat:
            self._next_beat = self._clock.monotonic() + HEARTBEAT_SECONDS
            self._write(watcher_seen_at=func.now(), **changes)
        known = None if row.root_device is None else RootIdentity(row.root_device, row.root_inode)
        looks = self._take_looks() if row.wants_looks else ()
        return Wishes(row.scan_requested_at is not None, row.accept_requested_at is not None, known, looks)

    def _take_looks(self) -> tuple[tuple[bytes, bool], ...]:
        taken = (
            delete(LookRequest)
            .where(LookRequest.storage_id == self._storage_id)
            .returning(LookRequest.path, LookRequest.is_finished)
        )
        rows = transact(self._sessions, lambda session: session.execute(taken).all())
        return tuple((row.path, row.is_finished) for row in rows)

    def fail(self, message: str) -> None:
        """The root does not answer; deletions freeze until it does."""
        if message != self.failure:
            self.failure = message
            self._write(status=StorageStatus.FAILING, status_message=message)

    def recover(self, root: RootIdentity) -> None:
        """The root answers and is the one that is known from now on."""
        self.failure = None
        self._write(
            status=StorageStatus.ACTIVE,
            status_message="",
            root_device=root.device,
            root_inode=root.inode,
        )

    def remark(self, text: str) -> None:
        """Say what an operator should know; an empty text takes it back. What failed or froze is said before it."""
        if self.failure is None and not self.is_frozen and text != self._message:
            self._message = text
            self._write(status_message=text)

    def freeze(self, reason: str) -> None:
        """Too much vanished: nothing is written as missing until a person accepts it."""
        self.is_frozen = True
        self._write(frozen_reason=reason, status_message=reason)

    def thaw(self) -> None:
        """Everything that had vanished is back."""
        self.is_frozen = False
        self._write(frozen_reason=None, status_message="")

    def accept(self) -> None:
        """A person accepted: deletions go on."""
        self._accepted_at = self._clock.monotonic()
        self.thaw()

    def forget_acceptance(self, after_seconds: float) -> None:
        """Arm the breaker again, once the suspects that were accepted are dealt with."""
        if self._accepted_at is not None and self._clock.monotonic() > self._accepted_at + after_seconds:
            self._accepted_at = None

    def lost_events(self) -> None:
        """Count an overflow or a watch that could not be set; a scan follows."""
        self._write(events_lost=Storage.events_lost + 1)

    def unsettled(self, count: int) -> None:
        """How many files are not stable; from none to some and back is written at once, so that nobody sees idle."""
        if count != self._unsettled:
            at_once = (count == 0) != (self._unsettled == 0)
            self._unsettled = count
            self._later(at_once, unsettled=count)
        elif self._pending:
            self._later(False)

    def start_walk(self) -> None:
        """A walk of the whole storage began."""
        self._entries = 0

    def walked(self, entries: int) -> None:
        """The walk came past this many more entries."""
        self._entries += entries
        self._later(
            False, scan_entries=self._entries, scan_started_at=func.coalesce(Storage.scan_started_at, func.now())
        )

    def end_walk(self, seconds: float) -> None:
        """The walk is complete."""
        self._pending.pop("scan_started_at", None)
        self._write(
            scan_entries=self._entries,
            scan_expected=self._entries,
            scan_seconds=seconds,
            scan_started_at=None,
            last_scanned=func.clock_timestamp(),
        )

    def _later(self, at_once: bool, **values: Any) -> None:
        self._pending.update(values)
        if at_once or self._clock.monotonic() >= self._next_write:
            self._write()

    def _write(self, **values: Any) -> None:
        written = self._pending | values
        self._pending = {}
        self._next_write = self._clock.monotonic() + PROGRESS_SECONDS
        if written:
            statement = update(Storage).where(Storage.id == self._storage_id).values(written)
            transact(self._sessions, lambda session: session.execute(statement))
