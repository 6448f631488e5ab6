"""The campaign: every kind of fault with many seeds, in pieces that resume. `make faults` runs it.

Each run has a system of its own. A run that passed is not repeated until its results (build/faults/results.jsonl) are
deleted, or `SEEDS` and `FAULT` both name it. What a failing run leaves is kept below build/faults.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from tests.faults.mix.results import Result, append_result, format_table, read_results, replace_table
from tests.faults.mix.runner import LOAD, Report, plan_run, run
from tests.faults.mix.scenarios import Scenario, add_past_failure, parse_scenarios, read_past_failures
from tests.faults.mix.steps import write_steps
from tests.faults.mix.world import open_world
from tests.servers import ROOT

SEEDS = "1-12"
KEPT = ROOT / "build" / "faults"
RESULTS = KEPT / "results.jsonl"
PAGE = ROOT / "docs" / "reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run faults against a system under load, and check its invariants.")
    parser.add_argument("--seeds", default="", help=f"such as 1-3,7; {SEEDS} by default")
    parser.add_argument("--fault", default="", help="kinds by comma; a+b are two in one run; all by default")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    scenarios = parse_scenarios(options.fault, options.seeds or SEEDS)
    if not (options.seeds and options.fault):
        scenarios = choose_due(scenarios, whole=not (options.seeds or options.fault))
    failed = 0
    for number, scenario in enumerate(scenarios, start=1):
        print(f"{number} of {len(scenarios)}: seed {scenario.seed}, {scenario.name}", flush=True)
        result = run_scenario(scenario)
        append_result(RESULTS, result)
        write_page()
        failed += bool(result.violations)
    return 1 if failed else 0


def choose_due(scenarios: list[Scenario], whole: bool) -> list[Scenario]:
    """Return what has not passed yet, past failures first; only a whole campaign adds those."""
    results = read_results(RESULTS)
    past = [each for each in read_past_failures() if whole or each in scenarios]
    ordered = dict.fromkeys([*past, *scenarios])
    due = [each for each in ordered if each not in results or results[each].violations]
    print(f"{len(ordered) - len(due)} of {len(ordered)} runs passed before; {RESULTS.relative_to(ROOT)} lists them")
    return due


def run_scenario(scenario: Scenario) -> Result:
    """Run one scenario on a new system, and keep what explains a failure."""
    steps = plan_run(scenario, LOAD)
    with tempfile.TemporaryDirectory(prefix="tapeless-mix-") as place:
        folder = Path(place)
        try:
            with open_world(folder) as world:
                report = run(world, scenario, steps)
        except (Exception, pytest.fail.Exception):  # a wait in vain is none of Exception
            report = Report([f"the run ended with {traceback.format_exc()}"])
        if report.violations:
            keep(scenario, folder)
            write_steps(kept_folder(scenario) / "steps.jsonl", steps)
    print_result(scenario, report)
    return Result(scenario.seed, scenario.kinds, report.happened, report.violations, round(report.seconds, 1))


def print_result(scenario: Scenario, report: Report) -> None:
    """Print what came of a run; a fault without effect proves nothing, so it is named."""
    for kind in sorted({kind for kind in scenario.kinds if not report.happened.get(kind)}):
        print(f"  TOOK NO EFFECT: {kind}")
    for violation in report.violations:
        print(f"  {violation}")
    if report.violations:
        add_past_failure(scenario)
        print(f"  repeat with: {scenario.command}\n  its logs are in {kept_folder(scenario).relative_to(ROOT)}")
    else:
        print(f"  every invariant holds, after {report.seconds:.0f} s", flush=True)


def kept_folder(scenario: Scenario) -> Path:
    """The folder of a failing run's logs."""
    return KEPT / f"{scenario.name.replace(' ', '-')}-{scenario.seed}"


def keep(scenario: Scenario, folder: Path) -> None:
    """Copy logs, in place of those of an earlier run."""
    target = kept_folder(scenario)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for each in ("up.txt", "client-log.jsonl"):
        if (folder / each).exists():
            shutil.copy(folder / each, target)
    if (folder / "data" / "logs").exists():
        shutil.copytree(folder / "data" / "logs", target / "logs")


def write_page() -> None:
    """Bring the table in the documentation up to date."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replace_table(page, format_table(read_results(RESULTS).values())), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
