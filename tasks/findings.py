"""What a check of the running system says, and what it looks at."""

from dataclasses import dataclass, field

from models.sessions import Sessions
from models.timing import Timing
from search.engine import SearchEngine

SHOWN = 5


@dataclass(slots=True)
class Finding:
    """One invariant: what it says, how often it is broken, and the first cases."""

    name: str
    promise: str
    checked: int = 0
    broken: int = 0
    samples: list[str] = field(default_factory=list)
    repaired: int = 0
    notes: list[str] = field(default_factory=list)
    """What a person should know though nothing is broken."""

    def breaks(self, sample: str) -> None:
        """Count a case."""
        self.broken += 1
        if len(self.samples) < SHOWN:
            self.samples.append(sample)


@dataclass(frozen=True, slots=True)
class Audited:
    """What verify looks at. `excluded` are folders that are never ingested."""

    sessions: Sessions
    engine: SearchEngine
    timing: Timing
    excluded: frozenset[bytes] = frozenset()
