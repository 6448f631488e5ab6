"""The clients' own log: every write with its answer, and what an acknowledgement promises about the state since."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

Register = tuple[str, ...]
"""What one client alone writes: `("title", asset)`, `("value", asset, field)`, `("grant", asset, user)` …"""


class Outcome(StrEnum):
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer, or one that says neither: it happened or it did not."""


@dataclass(slots=True)
class Entry:
    """One write as its client saw it."""

    who: str
    action: str
    method: str
    path: str
    key: str | None
    sent: float
    answered: float = 0.0
    status: int = 0
    outcome: Outcome = Outcome.UNKNOWN
    asset: str | None = None
    """The asset in whose history the operation belongs."""
    tries: int = 0
    said: str = ""
    """The answer of a refusal."""


@dataclass(frozen=True, slots=True)
class Write:
    """A value that was written into a register, and when."""

    value: Any
    outcome: Outcome
    sent: float
    answered: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """An asset that the reader was shown without a right of its own, and between which moments."""

    asset: str
    begin: float
    end: float


@dataclass(slots=True)
class ClientLog:
    """Shared by all clients of a system, over all runs on it."""

    file: Path
    entries: list[Entry] = field(default_factory=list)
    registers: dict[Register, list[Write]] = field(default_factory=lambda: defaultdict(list))
    violations: list[str] = field(default_factory=list)
    """What a client saw at once: a share that opened after its end, a deleted asset that was found."""
    sightings: list[Sighting] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Entry) -> None:
        """Record a write once it is answered or given up."""
        with self._lock:
            self.entries.append(entry)
            with open(self.file, "a") as file:
                file.write(json.dumps({name: getattr(entry, name) for name in Entry.__slots__}) + "\n")

    def promise(self, register: Register, value: Any, entry: Entry) -> None:
        """Record what the entry wrote; a refused write promises nothing."""
        if entry.outcome is not Outcome.REFUSED:
            with self._lock:
                self.registers[register].append(Write(value, entry.outcome, entry.sent, entry.answered))

    def forget(self, *registers: Register) -> None:
        """Drop registers that something else than their client decides about from now on."""
        with self._lock:
            for register in registers:
                self.registers.pop(register, None)

    def violate(self, text: str) -> None:
        """Record a violation that a client saw."""
        with self._lock:
            self.violations.append(text)

    def saw(self, sighting: Sighting) -> None:
        """Record what is judged when everything is known."""
        with self._lock:
            self.sightings.append(sighting)

    def take_violations(self) -> list[str]:
        """What clients saw since the last call."""
        with self._lock:
            found, self.violations = self.violations, []
        return found

    def may_read(self, asset: str, begin: float, end: float) -> bool:
        """Whether the reader may have had the right to read an asset at any moment between two."""
        with self._lock:
            return "read" in possible_during(self.registers.get(("grant", asset), ()), begin, end)

    def of_kind(self, kind: str) -> list[tuple[Register, list[Write]]]:
        """All registers of one kind."""
        with self._lock:
            return [(register, list(writes)) for register, writes in self.registers.items() if register[0] == kind]

    def current(self, register: Register) -> set[Any]:
        """The values that a register may hold now."""
        with self._lock:
            return allowed_values(self.registers.get(register, ()))


def allowed_values(writes: Iterable[Write]) -> set[Any]:
    """Return the values that a register may hold after these writes: the last one acknowledged, and every one after it
    whose outcome is unknown. None stands for a register that nothing was written to."""
    allowed: set[Any] = {None}
    for write in writes:
        if write.outcome is Outcome.ACKNOWLEDGED:
            allowed = {write.value}
        elif write.outcome is Outcome.UNKNOWN:
            allowed.add(write.value)
    return allowed


def possible_during(writes: Iterable[Write], begin: float, end: float) -> set[Any]:
    """Return the values that a register may have held at any moment between `begin` and `end`."""
    possible: set[Any] = {None}
    for write in writes:
        if write.sent > end:
            break
        if write.outcome is Outcome.ACKNOWLEDGED and write.answered <= begin:
            possible = {write.value}
        else:
            possible.add(write.value)
    return possible


def now() -> float:
    """The clock of the log."""
    return time.monotonic()
