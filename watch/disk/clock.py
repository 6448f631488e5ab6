"""Clocks of this host as an injectable value, so that tests can set the time."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock in nanoseconds to compare with file times, and monotonic clock in seconds to wait by."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
