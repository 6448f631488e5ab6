"""One run: plan the steps of a seed, perform them in lanes beside each other, wait for quiet, and check everything."""

import random
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.mix.client_steps import EDITOR_ACTIONS, READER_ACTIONS, plan_client
from tests.faults.mix.disk_invariants import check_disk
from tests.faults.mix.disk_steps import DiskPlan, perform_on_disk
from tests.faults.mix.kinds.registry import KINDS, begin, heal
from tests.faults.mix.promises import check_promises
from tests.faults.mix.row_invariants import (
    HistoryMark,
    check_documents,
    check_history,
    check_pictures,
    check_work,
    content_digest,
    mark_history,
)
from tests.faults.mix.scenarios import Scenario
from tests.faults.mix.steps import Step, spread
from tests.faults.mix.world import World, request_scan, settle, wait_for_quiet

FAULT_LANE = "faults"
LANES = ("disk", "editor", "reader", FAULT_LANE)


@dataclass(frozen=True, slots=True)
class Load:
    """How much happens in a run."""

    seconds: float
    files: int
    media: int
    edits: int
    reads: int


LOAD = Load(seconds=8, files=48, media=2, edits=24, reads=12)


@dataclass(slots=True)
class Report:
    """What came of a run."""

    violations: list[str] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    """Faults by how often each of them took effect."""
    seconds: float = 0.0


def folder_of(scenario: Scenario) -> str:
    """The folder of a run below the watched one."""
    return f"{scenario.name.replace(' ', '_')}-{scenario.seed}"


def plan_run(scenario: Scenario, load: Load) -> list[Step]:
    """Return all steps of a scenario, with its faults evenly over the run."""
    rng = random.Random(f"{scenario.seed} {scenario.name}")
    folder = folder_of(scenario)
    disk = DiskPlan(rng, folder).plan(load.files, load.media)
    faults = [(name, {"seed": rng.randrange(10**6)}) for name in scenario.faults]
    return [
        *spread("disk", disk, load.seconds),
        *spread("editor", plan_client(rng, EDITOR_ACTIONS, load.edits), load.seconds),
        *spread("reader", plan_client(rng, READER_ACTIONS, load.reads), load.seconds),
        *(
            Step(load.seconds * (place + 0.5) / len(faults), FAULT_LANE, name, args)
            for place, (name, args) in enumerate(faults)
        ),
    ]


def run(world: World, scenario: Scenario, steps: Sequence[Step]) -> Report:
    """Perform steps on a running system, wait for quiet, and check every invariant."""
    report = Report()
    started = time.monotonic()
    world.folder = folder_of(scenario)
    with world.system.session() as session:
        before = mark_history(session)
    perform(world, steps, report)
    try:
        settle(world)
        check(world, before, report)
    except pytest.fail.Exception as error:
        report.violations.append(f"5: {error}")
    report.seconds = time.monotonic() - started
    return report


def check(world: World, before: HistoryMark, report: Report) -> None:
    """Check every invariant of a system that has nothing left to do."""
    with world.system.session() as session:
        deleted = frozenset(name[1] for name, _ in world.log.of_kind("status"))
        report.violations += check_disk(session, world.root, deleted)
        report.violations += check_history(session, before)
        report.violations += check_documents(session)
        report.violations += check_work(session)
        report.violations += check_pictures(session, world.data / "media")
        report.violations += check_promises(session, world.clients)
        settled = content_digest(session)
    report.violations += verify(world)
    request_scan(world)
    wait_for_quiet(world)
    with world.system.session() as session:
        if content_digest(session) != settled:
            report.violations.append("2: a scan without any change changed what is stored")


def verify(world: World) -> list[str]:
    """What `tapeless verify` finds, which knows grouping by hand, counts and leases as well."""
    found = world.system.ask("verify", code=None)
    return [f"verify, {each['name']}: {sample}" for each in found for sample in each["samples"]]


def perform(world: World, steps: Sequence[Step], report: Report) -> None:
    """Run the lanes in threads of their own until all are done."""
    started = time.monotonic()
    stop = threading.Event()
    performers: dict[str, Callable[[str, dict[str, Any]], None]] = {
        "disk": lambda action, args: on_disk(world, action, args),
        "editor": world.clients.perform,
        "reader": world.clients.perform,
        FAULT_LANE: lambda action, args: hurt(world, action, args, report, stop),
    }

    def lane(name: str) -> None:
        try:
            for step in steps:
                if step.lane == name:
                    stop.wait(max(0.0, started + step.at - time.monotonic()))
                    performers[name](step.action, step.args)
        except BaseException:  # a wait in vain is none of Exception
            report.violations.append(f"the lane {name} ended with {traceback.format_exc()}")

    threads = [threading.Thread(target=lane, args=(name,), name=name, daemon=True) for name in LANES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def on_disk(world: World, action: str, args: dict[str, Any]) -> None:
    with world.disk:
        perform_on_disk(world.root, action, args)


def hurt(world: World, name: str, args: dict[str, Any], report: Report, stop: threading.Event) -> None:
    """Hurt the system in one way, hold it, heal it, and note whether it took effect."""
    kind = KINDS[name]
    disk = world.disk if kind.on_disk else nullcontext()
    with disk:
        hurting = begin(world, kind, args["seed"])
    stop.wait(kind.seconds)
    with disk:
        report.happened[name] = report.happened.get(name, 0) + heal(hurting)
