"""Waiting for a condition: the only module under tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")
POLL_SECONDS = 0.02


def wait_until(predicate: Callable[[], Found], *, what: str, seconds: float = 10.0) -> Found:
    """Poll until the answer is true, and return it; after `seconds` the test fails with `what`."""
    end = time.monotonic() + seconds
    while not (found := predicate()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s in vain until {what}; the last answer was {found!r}")
        time.sleep(POLL_SECONDS)
    return found
