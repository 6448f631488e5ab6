"""Steps of a run: what happens to the disk, through the API and to the system. A seed alone decides the list, so that a
failure repeats with its seed, and a shorter list is tried by leaving steps out."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one lane, `at` seconds after the start. Lanes run beside each other, each in its own order."""

    at: float
    lane: str
    action: str
    args: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = " ".join(f"{name}={value}" for name, value in self.args.items())
        return f"{self.at:6.2f}  {self.lane:8} {self.action} {said}".rstrip()


Planned = tuple[str, dict[str, Any]]
"""Action and arguments, without a time yet."""


def spread(lane: str, planned: Sequence[Planned], seconds: float) -> list[Step]:
    """Give each action of a lane its time, evenly over the run."""
    gap = seconds / max(1, len(planned))
    return [Step(round(gap * place, 3), lane, action, args) for place, (action, args) in enumerate(planned)]


def write_steps(path: Path, steps: Iterable[Step]) -> None:
    """Write a list of steps, one a line."""
    path.write_text("".join(json.dumps(asdict(step)) + "\n" for step in steps))


def read_steps(path: Path) -> list[Step]:
    """Read what `write_steps` wrote."""
    return [Step(**json.loads(line)) for line in path.read_text().splitlines()]
