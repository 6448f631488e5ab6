"""This host's two clocks as a value, because time is the machine's edge and tests move it."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """The wall clock to compare with file times (nanoseconds), the monotonic one to wait by (seconds)."""

    wall_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
