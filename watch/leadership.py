"""Which watcher of several leads a storage: who holds its lock on the database, for as long as its connection lives.

A storage has one writer of its files. A lock of a database session needs no clock and no renewal: the server frees it
when its holder's process or machine is gone, and another watcher that asks has it then. A holder that lost its
connection has lost all its locks and asks again a second later; until then both may look at the same disk, which
harms nothing, since a file has one row by its folder and name.
"""

import uuid
from collections.abc import Collection

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.sessions import Sessions

TAKE = text("SELECT pg_try_advisory_lock(:lock)")
FREE = text("SELECT pg_advisory_unlock(:lock)")
ALIVE = text("SELECT 1")


class Leadership:
    """The storages that this process leads, on one connection of its own; used by one thread."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._connection: Connection | None = None
        self._led: set[uuid.UUID] = set()

    def lead(self, wanted: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
        """Those of `wanted` that this process leads now; free ones are taken, those not wanted are let go.

        A database that does not answer raises its error, and nothing is led then.
        """
        try:
            connection = self._connected()
            for storage_id in sorted(self._led - set(wanted)):
                connection.execute(FREE, {"lock": lock_of(storage_id)})
                self._led.discard(storage_id)
            for storage_id in sorted(set(wanted) - self._led):
                if connection.scalar(TAKE, {"lock": lock_of(storage_id)}):
                    self._led.add(storage_id)
        except DBAPIError:
            self.close()
            raise
        return frozenset(self._led)

    def _connected(self) -> Connection:
        if self._connection is None:
            engine = self._sessions.kw["bind"]
            self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.execute(ALIVE)
        return self._connection

    def close(self) -> None:
        """Let go of everything; a connection that goes back to its pool would keep its locks."""
        self._led.clear()
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = None


def lock_of(storage_id: uuid.UUID) -> int:
    """The lock of a storage: the random half of its id, as the signed number that PostgreSQL takes."""
    return int.from_bytes(storage_id.bytes[8:], "big", signed=True)
