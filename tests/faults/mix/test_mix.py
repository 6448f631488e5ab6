"""A generated production and two clients against a running system that is hurt: every invariant holds afterwards.

Three seeds, those that failed before first. `make faults` runs many more, and repeats one of these alone.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tests.faults.mix.client_log import Entry, Outcome, now
from tests.faults.mix.crash_points import PROCESSES
from tests.faults.mix.promises import check_shares
from tests.faults.mix.runner import LOAD, plan_run, run
from tests.faults.mix.scenarios import Scenario, choose_mix, read_past_failures
from tests.faults.mix.steps import write_steps
from tests.faults.mix.world import World, open_world

RUNS = 3
TOO_LONG_SECONDS = 400
"""A run takes 20 s; this is for a machine with much other work."""
SCENARIOS = list(dict.fromkeys([*read_past_failures(), *map(choose_mix, range(1, RUNS + 1))]))[:RUNS]

pytestmark = [pytest.mark.early, pytest.mark.timeout(TOO_LONG_SECONDS)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One system for all runs, each in a folder of its own."""
    with open_world(tmp_path_factory.mktemp("mix")) as world:
        yield world


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.name}-{scenario.seed}")
def test_every_invariant_holds_after(world: World, scenario: Scenario) -> None:
    steps = plan_run(scenario, LOAD)
    kept = Path(world.data.parent, f"steps-{scenario.seed}.jsonl")
    write_steps(kept, steps)
    report = run(world, scenario, steps)
    said = "\n".join([*report.violations, f"repeat with: {scenario.command}; its steps are in {kept}"])
    assert not report.violations, said


def test_the_checker_finds_shares_that_open_or_close_by_themselves(world: World) -> None:
    clients = world.clients
    known = set(clients.shares)
    for number, action in enumerate(("create", "share", "share")):
        clients.perform(action, {"pick": 0, "number": number, "key": True})
    opened, closed = sorted(clients.shares.keys() - known)
    revoked = Entry("editor", "revoke", "DELETE", "", None, now(), now(), 204, Outcome.ACKNOWLEDGED)
    clients.log.promise(("share", opened), "revoked", revoked)
    with world.system.session() as session:
        session.execute(text("UPDATE share SET revoked_at = now() WHERE id = :id"), {"id": closed})
        session.commit()
        found = "\n".join(check_shares(session, clients))
    assert f"7: share {opened} was revoked, and lets in" in found
    assert re.search(f"7: share {closed} of asset .* runs, and its link is refused", found)


def test_every_crash_point_finds_its_process(world: World) -> None:
    commands = [" ".join(psutil.Process(member.pid).cmdline()) for member in world.system.family()]
    assert {name for name, part in PROCESSES.items() if not any(part in command for command in commands)} == set()
