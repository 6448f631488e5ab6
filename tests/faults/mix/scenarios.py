"""Which runs there are: a seed with one kind of fault three times, or with several kinds together."""

import json
import random
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.mix.kinds import KINDS

MIX = "mix"
"""In place of a kind: three kinds that the seed chooses."""
MIXED = 3
TIMES = 3
PAST_FAILURES = Path(__file__).parent / "past_failures.jsonl"
"""Scenarios that once found a fault, one a line, the newest first; `make faults` adds to them."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run. The same scenario plans the same steps again."""

    seed: int
    kinds: tuple[str, ...]

    @property
    def name(self) -> str:
        """The kinds as `make faults FAULT=` takes them."""
        return "+".join(self.kinds)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults of the run in their order."""
        return self.kinds * TIMES if len(self.kinds) == 1 else self.kinds

    @property
    def command(self) -> str:
        """What repeats the run alone."""
        return f"make faults SEEDS={self.seed} FAULT={shlex.quote(self.name)}"


def choose_mix(seed: int) -> Scenario:
    """Return the scenario of a seed with several kinds."""
    return Scenario(seed, tuple(random.Random(f"{MIX} {seed}").sample(sorted(KINDS), MIXED)))


def parse_scenarios(faults: str, seeds: str) -> list[Scenario]:
    """Return the scenarios of `FAULT` (`a,b+c`; every kind and the mix by default) and `SEEDS` (`1-3,7`), the seeds
    in turn, so that an early end leaves runs of every kind.

    Raises:
        ValueError: There is no such kind, or a seed is no number.
    """
    names = [name.strip() for name in faults.split(",")] if faults else [*sorted(KINDS), MIX]
    for kind in {kind for name in names for kind in name.split("+")} - {MIX}:
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
    return [
        choose_mix(seed) if name == MIX else Scenario(seed, tuple(name.split("+")))
        for seed in parse_seeds(seeds)
        for name in names
    ]


def parse_seeds(text: str) -> list[int]:
    """Return the numbers of a list such as `1-3,7`."""
    bounds = [part.partition("-") for part in text.split(",")]
    return [seed for first, _, last in bounds for seed in range(int(first), int(last or first) + 1)]


def read_past_failures(path: Path = PAST_FAILURES) -> list[Scenario]:
    """Return the scenarios that once failed, without kinds that are gone."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [Scenario(row["seed"], tuple(row["kinds"])) for row in rows if KINDS.keys() >= set(row["kinds"])]


def add_past_failure(scenario: Scenario, path: Path = PAST_FAILURES) -> None:
    """Put a scenario before the others, unless it is one of them."""
    known = read_past_failures(path)
    if scenario not in known:
        write_past_failures([scenario, *known], path)


def write_past_failures(scenarios: Iterable[Scenario], path: Path) -> None:
    """Write the scenarios, one a line."""
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in scenarios), encoding="utf-8")
