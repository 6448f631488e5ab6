"""Renew leases in a background thread while the work itself is one long computation."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing

log = logging.getLogger(__name__)

RENEWALS_PER_LEASE = 4
MAX_HEARTBEAT_SECONDS = 900.0
"""Work that takes longer is considered hung: renewal stops, the lease expires like that of a dead worker, and the
attempt counts as a crash."""


@contextmanager
def lease_heartbeat(sessions: Sessions, renew: Callable[[Session], object], timing: Timing) -> Iterator[None]:
    """Call `renew` RENEWALS_PER_LEASE times per lease length, from a thread, until the block ends or
    MAX_HEARTBEAT_SECONDS have passed."""
    done = threading.Event()
    keeper = threading.Thread(target=_renew_periodically, args=(done, sessions, renew, timing), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _renew_periodically(
    done: threading.Event, sessions: Sessions, renew: Callable[[Session], object], timing: Timing
) -> None:
    end = time.monotonic() + MAX_HEARTBEAT_SECONDS
    while not done.wait(timing.lease_seconds / RENEWALS_PER_LEASE) and time.monotonic() < end:
        try:
            transact(sessions, renew)
        except DBAPIError as error:
            # Not fatal: the lease outlives a few failed renewals, and a lost lease is found by the fenced write.
            log.warning("a lease was not renewed: %s", error.orig)
