"""Leader election among watchers: the leader of a storage holds a PostgreSQL advisory lock on its connection.

A storage has one writer of its files. A session-level advisory lock needs no clock and no renewal: the server releases
it when the holder's process or machine is gone, and the next watcher that tries gets it. A watcher that loses its
connection loses all locks and tries again a second later. Until then two watchers may scan the same disk, which is
harmless because a file row is unique by folder and name.
"""

import uuid
from collections.abc import Collection

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.core.sessions import Sessions

TRY_STORAGE_LOCK = text("SELECT pg_try_advisory_lock(:lock)")
RELEASE_STORAGE_LOCK = text("SELECT pg_advisory_unlock(:lock)")
PING_CONNECTION = text("SELECT 1")


class LeaderElection:
    """Storages that this process leads, on a dedicated connection; used by one thread."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._connection: Connection | None = None
        self._led: set[uuid.UUID] = set()

    def lead(self, wanted: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
        """Acquire free locks of `wanted`, release others, and return the storages that this process leads.

        Raises:
            DBAPIError: the database does not answer; no storage is led then.
        """
        try:
            connection = self._connected()
            for storage_id in sorted(self._led - set(wanted)):
                connection.execute(RELEASE_STORAGE_LOCK, {"lock": storage_lock_key(storage_id)})
                self._led.discard(storage_id)
            # pg_try_advisory_lock does not wait: a storage that another watcher leads is tried again at the next call.
            for storage_id in sorted(set(wanted) - self._led):
                if connection.scalar(TRY_STORAGE_LOCK, {"lock": storage_lock_key(storage_id)}):
                    self._led.add(storage_id)
        except DBAPIError:
            self.close()
            raise
        return frozenset(self._led)

    def _connected(self) -> Connection:
        if self._connection is None:
            # Session-level locks need no transaction; AUTOCOMMIT avoids one that stays idle for days.
            engine = self._sessions.kw["bind"]
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.execute(PING_CONNECTION)
        return self._connection

    def close(self) -> None:
        """Release all locks by closing the connection; returned to the pool, it would keep them."""
        self._led.clear()
        if self._connection is not None:
            # A pooled connection would keep its session and so its locks.
            self._connection.invalidate()
            self._connection.close()
        self._connection = None


def storage_lock_key(storage_id: uuid.UUID) -> int:
    """Return the advisory lock key of a storage: the random half of its id as a signed 64-bit number."""
    return int.from_bytes(storage_id.bytes[8:], "big", signed=True)
