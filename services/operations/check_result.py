"""Result and input of a check of the running system."""

from dataclasses import dataclass, field
from pathlib import Path

from models.core.sessions import Sessions
from models.core.timing import Timing
from search.engine import SearchEngine

MAX_CHECK_SAMPLES = 5


@dataclass(slots=True)
class CheckResult:
    """One invariant: its promise, the number of violations, and the first cases."""

    name: str
    promise: str
    checked: int = 0
    broken: int = 0
    samples: list[str] = field(default_factory=list)
    repaired: int = 0
    notes: list[str] = field(default_factory=list)
    """Facts for the operator that are no violations."""

    def add_violation(self, sample: str) -> None:
        """Record a violation."""
        self.broken += 1
        if len(self.samples) < MAX_CHECK_SAMPLES:
            self.samples.append(sample)


@dataclass(frozen=True, slots=True)
class VerifyContext:
    """What the checks inspect. `excluded` are folders that are never ingested."""

    sessions: Sessions
    engine: SearchEngine
    timing: Timing
    media_folder: Path
    """Where previews are stored."""
    excluded: frozenset[bytes] = frozenset()
