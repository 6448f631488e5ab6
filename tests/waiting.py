"""Waiting for a condition: the only module under tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

import pytest

Found = TypeVar("Found")
POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.25
PAUSES_PER_QUESTION = 4.0
"""What is waited for needs the processor too: a question that takes long is asked less often."""


def wait_until(
    predicate: Callable[[], Found], *, what: str, seconds: float = 10.0, pauses: float = PAUSES_PER_QUESTION
) -> Found:
    """Poll until the answer is true, and return it; after `seconds` the test fails with `what`.

    Args:
        pauses: how many times longer than the question the pause after it is; 0 where the question does the work.
    """
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if found := predicate():
            return found
        answered = time.monotonic()
        if answered > end:
            pytest.fail(f"waited {seconds:g} s in vain until {what}; the last answer was {found!r}")
        time.sleep(min(max(POLL_SECONDS, pauses * (answered - asked)), LONGEST_POLL_SECONDS))
