"""Results of runs: kept in a file, so that a campaign resumes, and summed up in docs/reliability.md."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.mix.scenarios import Scenario

TOGETHER = "three kinds together"
BEGIN, END = "<!-- faults: written by make faults -->\n", "<!-- faults: end -->\n"
HEAD = "| fault | runs | took effect | violations |\n| --- | --- | --- | --- |\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one scenario."""

    seed: int
    kinds: tuple[str, ...]
    happened: dict[str, int]
    violations: Sequence[str]
    seconds: float

    @property
    def scenario(self) -> Scenario:
        return Scenario(self.seed, self.kinds)


def read_results(path: Path) -> dict[Scenario, Result]:
    """Return the last result of each scenario."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [Result(**row | {"kinds": tuple(row["kinds"])}) for row in map(json.loads, lines)]
    return {result.scenario: result for result in found}


def append_result(path: Path, result: Result) -> None:
    """Write a result down before the next run begins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(result)) + "\n")


def format_table(results: Iterable[Result]) -> str:
    """Sum up runs by kind. A run counts as one in which its fault took effect if that happened at least once."""
    rows: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        rows[result.kinds[0] if len(result.kinds) == 1 else TOGETHER].append(result)
    lines = [
        f"| {name} | {len(found)} | {sum(any(each.happened.values()) for each in found)} "
        f"| {sum(len(each.violations) for each in found)} |\n"
        for name, found in sorted(rows.items(), key=lambda row: (row[0] == TOGETHER, row[0]))
    ]
    return HEAD + "".join(lines)


def replace_table(page: str, table: str) -> str:
    """Return a page with a table between its marks; rows of faults that it lacks stay, for they ran elsewhere."""
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    rows = {line.split("|")[1].strip(): f"{line}\n" for line in [*_body(old), *_body(table)]}
    body = "".join(rows[name] for name in sorted(rows, key=lambda name: (name == TOGETHER, name)))
    return f"{before}{BEGIN}\n{HEAD}{body}\n{END}{after}"


def _body(table: str) -> list[str]:
    """Return the rows of a table without its head."""
    return [line for line in table.splitlines() if line.startswith("| ") and line not in HEAD]
