"""Leader election among watchers: each storage has one leader, which holds a lease on the storage's row.

1. The leader renews its leases every second, by the clock of the database. One that is cut off, or whose process
   stands still, loses its storages when the lease ends.
2. A watcher also holds an advisory lock, with a random key that the rows of its storages name, for as long as it is
   connected. The server releases it when the process is gone, so others need not wait for the end of the lease.
3. The lock is of a transaction that stays open, not of a session: behind PgBouncer in transaction mode the connection
   to the server is kept for a client only within a transaction. It has no snapshot between its statements, so it holds
   back neither vacuum nor migrations.

4. A watcher that does not see a storage leaves it to one that does, by what both report (`models/core/process_report`).
   Where none sees it, the storage keeps its leader, which says so. A leader whose own report is old hangs on a mount.

A leader that lost its lease without knowing may scan the disk beside the new one for a second, which is harmless
because a file row is unique by folder and name.
"""

import random
import socket
import uuid
from collections.abc import Collection

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.process_report import MAX_REPORT_AGE_SECONDS, WATCHER_NAME
from models.core.sessions import Sessions, transact

HOLD_WATCHER_LOCK = text("SELECT pg_advisory_xact_lock(:watcher)")
PING_CONNECTION = text("SELECT 1")
RELEASE_STORAGES = text("""
    UPDATE storage SET watcher_id = NULL, watcher_until = NULL WHERE watcher_id = :watcher AND id <> ALL(:wanted)
""")
RENEW_STORAGES = text("""
    UPDATE storage SET watcher_until = now() + make_interval(secs => :seconds)
    WHERE watcher_id = :watcher RETURNING id
""")
# Only who is not connected any more leaves its lock to others. It is held until the end of this short transaction.
ACQUIRE_STORAGES = text("""
    UPDATE storage SET watcher_id = :watcher, watcher_host = :host,
        watcher_until = now() + make_interval(secs => :seconds)
    WHERE id = ANY(:wanted) AND watcher_id IS DISTINCT FROM :watcher
        AND (watcher_id IS NULL OR watcher_until <= now() OR pg_try_advisory_xact_lock(watcher_id)) RETURNING id
""")
HUNG_SECONDS = 60.0
"""Age of a watcher's own report above which it hangs: its storages are left to others even if it saw them."""
SELECT_BETTER_SEEN = text(f"""
    SELECT storage.id FROM storage JOIN process_report AS own ON own.process_id = :process_id
    WHERE storage.id = ANY(:wanted)
        AND (own.unseen ? storage.id::text OR own.reported_at < now() - interval '{HUNG_SECONDS} s')
        AND EXISTS (SELECT FROM process_report AS other WHERE other.name LIKE '{WATCHER_NAME}@%'
            AND other.process_id <> own.process_id AND NOT other.unseen ? storage.id::text
            AND other.reported_at > now() - interval '{MAX_REPORT_AGE_SECONDS} s')
""")


class LeaderElection:
    """Storages that this process leads; used by one thread."""

    def __init__(self, sessions: Sessions, lease_seconds: float, process_id: uuid.UUID | None = None) -> None:
        """`process_id` is that of the process's reports; without them it leaves nothing to others."""
        self._sessions = sessions
        self._lease_seconds = lease_seconds
        self._process_id = process_id
        self._connection: Connection | None = None
        self._watcher = 0

    def lead(self, wanted: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
        """Renew the leases of `wanted`, acquire free ones, release others, and return the storages that are led.

        Raises:
            DBAPIError: the database does not answer; the leases end unless it does in time.
        """
        try:
            self._keep_lock()
            return transact(self._sessions, self._change_leases, wanted)
        except DBAPIError:
            self._drop_lock()
            raise

    def _change_leases(self, session: Session, wanted: Collection[uuid.UUID]) -> frozenset[uuid.UUID]:
        left = session.scalars(SELECT_BETTER_SEEN, {"process_id": self._process_id, "wanted": list(wanted)})
        wanted = set(wanted).difference(left)
        ours = {"watcher": self._watcher, "wanted": list(wanted)}
        session.execute(RELEASE_STORAGES, ours)
        lease = {"watcher": self._watcher, "seconds": self._lease_seconds}
        led = set(session.scalars(RENEW_STORAGES, lease))
        if not led.issuperset(wanted):
            led.update(session.scalars(ACQUIRE_STORAGES, ours | lease | {"host": socket.gethostname()}))
        return frozenset(led)

    def _keep_lock(self) -> None:
        if self._connection is None:
            self._connection = self._sessions.kw["bind"].connect()
            # A key of its own for each connection: a watcher that lost its connection has also lost its storages.
            self._watcher = random.SystemRandom().getrandbits(63)
            self._connection.execute(HOLD_WATCHER_LOCK, {"watcher": self._watcher})
        self._connection.execute(PING_CONNECTION)

    def close(self) -> None:
        """Release all storages, so that another watcher leads them at once."""
        if self._connection is None:
            return
        try:
            transact(self._sessions, self._change_leases, ())
        except DBAPIError:
            pass  # the end of the connection tells others the same
        finally:
            self._drop_lock()

    def _drop_lock(self) -> None:
        if self._connection is not None:
            # Not returned to the pool: a connection of a server that is cut off would be tried again from there.
            self._connection.invalidate()
            self._connection.close()
        self._connection = None
