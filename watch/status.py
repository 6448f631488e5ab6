"""Status that a watcher reports on its storage row, and requests of operators that it reads from there."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, func, select, update

from models.catalog.storage import Storage, StorageStatus
from models.core.sessions import Sessions, describe_failure, transact
from models.queues.scan_request import ScanRequest
from watch.disk.clock import Clock
from watch.disk.mount_identity import RootIdentity

PROGRESS_WRITE_SECONDS = 0.5
WATCHER_HEARTBEAT_SECONDS = 2.0
ROOT_ABSENT_MESSAGE = "root is not mounted or cannot be read; nothing was marked missing."


@dataclass(frozen=True, slots=True)
class OperatorRequests:
    """Requests read from the storage row, and the recorded root."""

    scan: bool
    accepted: bool
    known_root: RootIdentity | None
    looks: tuple[tuple[bytes, bool], ...] = ()
    """Paths to scan now, each with whether its writer declares it finished."""


class StorageStatusWriter:
    """Writes progress at most twice a second, and changes of state at once."""

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
        """Reason why the root is not readable, or None."""
        self.is_frozen = False
        self.has_error = False
        """Whether an earlier run of this watcher ended with an error that is still shown."""
        self._message = ""
        self._accepted_at: float | None = None
        self._accepts_held = False

    @property
    def is_accepted(self) -> bool:
        """Return whether an operator confirmed the deletions, so that the present suspects pass the breaker."""
        return self._accepted_at is not None

    def pop_requests(self) -> OperatorRequests:
        """Read and clear the requests made since the last call."""
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
                    Storage.watcher_error.is_not(None).label("has_error"),
                    exists().where(ScanRequest.storage_id == Storage.id).label("wants_looks"),
                ).where(Storage.id == self._storage_id)
            ).one_or_none()
        if row is None:
            return OperatorRequests(False, False, None)
        self.is_frozen = row.frozen_reason is not None
        self._message = row.status_message
        self.has_error = row.has_error
        self.failure = row.status_message if row.status is StorageStatus.FAILING else None
        changes: dict[str, Any] = {}
        if row.scan_requested_at is not None:
            changes["scan_requested_at"] = None
        if row.accept_requested_at is not None:
            changes["accept_requested_at"] = None
        if changes or self._clock.monotonic() >= self._next_beat:
            self._next_beat = self._clock.monotonic() + WATCHER_HEARTBEAT_SECONDS
            self._write(watcher_seen_at=func.now(), **changes)
        known = None if row.root_device is None else RootIdentity(row.root_device, row.root_inode)
        looks = self._pop_scan_requests() if row.wants_looks else ()
        return OperatorRequests(row.scan_requested_at is not None, row.accept_requested_at is not None, known, looks)

    def _pop_scan_requests(self) -> tuple[tuple[bytes, bool], ...]:
        taken = (
            delete(ScanRequest)
            .where(ScanRequest.storage_id == self._storage_id)
            .returning(ScanRequest.path, ScanRequest.is_finished)
        )
        rows = transact(self._sessions, lambda session: session.execute(taken).all())
        return tuple((row.path, row.is_finished) for row in rows)

    def fail(self, message: str) -> None:
        """Mark the storage as failing: the root is not readable, and deletions freeze until it is."""
        if message != self.failure:
            self.failure = message
            self._write(status=StorageStatus.FAILING, status_message=message)

    def recover(self, root: RootIdentity, writer_check: str) -> None:
        """Mark the storage as active, and record its root and what its file system tells of writers."""
        self.failure = None
        self._write(
            status=StorageStatus.ACTIVE,
            status_message="",
            root_device=root.device,
            root_inode=root.inode,
            writer_check=writer_check,
        )

    def clear_error(self) -> None:
        """End the report of an earlier error, because everything that was due since is done."""
        self.has_error = False
        self._write(watcher_error=None)

    def set_message(self, text: str) -> None:
        """Show a message to operators, or clear it with an empty text; failures and freezes take precedence."""
        if self.failure is None and not self.is_frozen and text != self._message:
            self._message = text
            self._write(status_message=text)

    def freeze(self, reason: str) -> None:
        """Freeze deletions: nothing becomes missing until an operator confirms."""
        self.is_frozen = True
        self._write(frozen_reason=reason, status_message=reason)

    def unfreeze(self) -> None:
        """End the freeze, because all vanished files are back."""
        self.is_frozen = False
        self._write(frozen_reason=None, status_message="")

    def accept(self) -> None:
        """Record that an operator confirmed the deletions, and continue."""
        self._accepted_at = self._clock.monotonic()
        self._accepts_held = self.is_frozen or self.failure is not None
        self.unfreeze()

    def expire_acceptance(self, after_seconds: float) -> None:
        """Arm the breaker again after the confirmed deletions were written.

        Where deletions were held back, they were written after they had been confirmed. Where none were, what has
        become missing since is no part of the confirmation.
        """
        if self._accepted_at is not None and self._clock.monotonic() > self._accepted_at + after_seconds:
            self._accepted_at = None
            if self._accepts_held:
                self._write(deletions_confirmed_at=func.now())

    def count_lost_events(self) -> None:
        """Count an overflow or a failed watch; a scan follows."""
        self._write(events_lost=Storage.events_lost + 1)

    def unsettled(self, count: int) -> None:
        """Report the number of unstable files; a change from or to zero is written at once, to keep idle accurate."""
        if count != self._unsettled:
            at_once = (count == 0) != (self._unsettled == 0)
            self._unsettled = count
            self._later(at_once, unsettled=count)
        elif self._pending:
            self._later(False)

    def start_walk(self) -> None:
        """Reset progress at the start of a full walk."""
        self._entries = 0

    def walked(self, entries: int) -> None:
        """Add entries to the progress of the walk."""
        self._entries += entries
        self._later(
            False, scan_entries=self._entries, scan_started_at=func.coalesce(Storage.scan_started_at, func.now())
        )

    def end_walk(self, seconds: float) -> None:
        """Record the end of a full walk."""
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
        self._next_write = self._clock.monotonic() + PROGRESS_WRITE_SECONDS
        if written:
            statement = update(Storage).where(Storage.id == self._storage_id).values(written)
            transact(self._sessions, lambda session: session.execute(statement))


def report_watcher_error(sessions: Sessions, storage_id: uuid.UUID, error: Exception) -> None:
    """Count a watcher that ended with an error and starts again, and show why."""
    values = {"watcher_restarts": Storage.watcher_restarts + 1, "watcher_error": describe_failure(error)}
    statement = update(Storage).where(Storage.id == storage_id).values(values)
    transact(sessions, lambda session: session.execute(statement))
