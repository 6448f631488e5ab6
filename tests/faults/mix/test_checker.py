"""The checker finds what it is for: each invariant is broken by hand, and a line of the right number says so."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from asgi.idempotency import OPERATION_ID_NAMESPACE
from models.core.base import new_id
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from tests.faults.mix.api_client import ApiClient
from tests.faults.mix.client_log import ClientLog, Entry, Outcome, Sighting
from tests.faults.mix.client_steps import Clients
from tests.faults.mix.crash_points import POINTS
from tests.faults.mix.disk_invariants import check_disk
from tests.faults.mix.kinds import KINDS
from tests.faults.mix.promises import check_operations, check_registers, check_sightings
from tests.faults.mix.results import Result, format_table, replace_table
from tests.faults.mix.row_invariants import (
    HistoryMark,
    check_documents,
    check_history,
    check_pictures,
    check_work,
    mark_history,
)
from tests.faults.mix.runner import LOAD, plan_run
from tests.faults.mix.scenarios import (
    Scenario,
    add_past_failure,
    choose_mix,
    parse_scenarios,
    read_past_failures,
)
from tests.files import write
from tests.pipeline import Pipeline, open_pipeline
from tests.servers import Servers

FILE = "(SELECT id FROM file WHERE name = '{}')"
SET = "(SELECT id FROM file_set WHERE name = '{}')"
ASSET = "(SELECT id FROM asset WHERE title = 'a')"
READER = uuid.UUID(int=7)


@dataclass(slots=True)
class Case:
    """A pipeline with a clip, a pair of eyes and a sequence, all indexed, and the log of its two clients."""

    pipeline: Pipeline
    clients: Clients
    session: Session
    """What a test changes is rolled back at its end."""
    history: HistoryMark

    @property
    def log(self) -> ClientLog:
        return self.clients.log

    def asset(self, title: str = "a") -> str:
        return str(self.pipeline.ids()[title])

    def execute(self, statement: str, **values: object) -> None:
        """Change rows without triggers, as nothing in the product can."""
        (table,) = re.findall(r"^(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)", statement)
        self.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        assert self.session.execute(text(statement), values).rowcount > 0

    def check(self) -> set[str]:
        """Everything that is found now."""
        return set(self._check(self.session))

    def _check(self, session: Session) -> Iterator[str]:
        yield from check_disk(session, self.pipeline.root, frozenset())
        yield from check_history(session, self.history)
        yield from check_documents(session)
        yield from check_work(session)
        yield from check_pictures(session, self.pipeline.root.parent)
        yield from check_registers(session, self.clients)
        yield from check_operations(session, self.clients)
        yield from check_sightings(session, self.log)


@pytest.fixture(scope="module")
def stored(
    servers: Servers, database_names: Iterator[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """One pipeline for all tests."""
    root = tmp_path_factory.mktemp("checker") / "rushes"
    name = next(database_names)
    servers.create_database(name)
    write(root, "a.mov", "day1/fish_L.mov", "day1/fish_R.mov", *(f"vfx/x.{n}.exr" for n in range(1, 9)))
    with open_pipeline(servers.postgres.url(name), root) as pipeline:
        pipeline.add_storage()
        pipeline.settle()
        pipeline.wait_until_quiet()
        drain_index_queue(pipeline.sessions, PostgresEngine(pipeline.sessions), pipeline.timing)
        with pipeline.sessions.begin() as session:
            session.execute(text("DELETE FROM media_work"))  # nothing reads media here
        yield pipeline
    servers.drop_database(name)


@pytest.fixture
def case(stored: Pipeline, tmp_path: Path) -> Iterator[Case]:
    log = ClientLog(tmp_path / "log.jsonl")
    editor, reader = (ApiClient(tmp_path, name, {}, log, user_id=str(READER)) for name in ("editor", "reader"))
    with stored.sessions() as session:
        case = Case(stored, Clients(editor, reader, log), session, mark_history(session))
        assert case.check() == set()
        yield case


IN_ROWS = {
    f"DELETE FROM file_set_file WHERE file_id = {FILE.format('a.mov')}": "1: b'a.mov' is CLOSED, in no file set",
    "UPDATE file SET status = 'GROWING' WHERE name = 'a.mov'": "1: b'a.mov' is GROWING though it has not changed",
    "UPDATE file SET status = 'MISSING' WHERE name = 'a.mov'": "1: b'a.mov' is on disk, and not recorded but as M",
    f"UPDATE asset SET status = 'DELETED' WHERE id = {ASSET}": "1: b'a.mov' is in asset",
    f"UPDATE asset SET merged_into = id WHERE id = {ASSET}": "1: b'a.mov' is in asset",
    f"UPDATE file_set_file SET file_set_id = {SET.format('a.mov')} WHERE file_id = {FILE.format('fish_L.mov')}": (
        "2: no asset is day1/fish_L.mov"
    ),
    "UPDATE format SET structure = 'single' WHERE structure = 'stereoscopic'": "2: from scratch, no asset would be",
    "UPDATE history SET operation_description = 'changed'": "3: of 3 entries of history some were rewritten",
    f"DELETE FROM history WHERE asset_id = {ASSET}": "3: of 3 entries of history some were rewritten; 2 are left",
    "UPDATE history SET operation_type = 'CUSTOM'": "was created 0 times by its history",
    "INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor) "
    "SELECT gen_random_uuid(), asset_id, version_id, operation_type, 'again', actor FROM history LIMIT 1": (
        "was created 2 times by its history"
    ),
    "DELETE FROM search_document WHERE title = 'a'": "'a' has revision",
    "UPDATE search_document SET revision = revision - 1": "'a' has revision",
    "UPDATE search_document SET title = 'other'": "and the title 'other'",
    "UPDATE search_document SET deleted = true WHERE title = 'a'": "its document is missing",
    "UPDATE search_document SET object_id = gen_random_uuid() WHERE title = 'a'": "4: there is a document of assets",
    "UPDATE search_document SET readers = array_append(readers, 'user:7') WHERE title = 'a'": (
        "names other readers than its rights"
    ),
    f"INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, permissions) "
    f"VALUES ({ASSET}, 'assets', '{READER}', 'user', '{{read}}')": ("names other readers than its rights"),
    "UPDATE island SET dirty_since = now()": "5: island",
    "UPDATE island SET parked_at = now(), error = 'it broke'": "dead letter, it broke",
    "UPDATE index_mark SET dirty_since = now()": "5: document of assets",
    f"INSERT INTO media_work (file_set_id, kind) VALUES ({SET.format('a.mov')}, 'HEADERS')": "5: HEADERS of file set",
    "INSERT INTO job (id, title, type, status, task, queue) "
    "VALUES (gen_random_uuid(), 'Do it', 'CUSTOM', 'READY', 'x', 'ingest')": "5: job Do it is READY",
    "INSERT INTO keyframe (id, file_set_id, type, path, media_type, size_bytes, width, height) "
    f"VALUES (gen_random_uuid(), {SET.format('a.mov')}, 'POSTER', 'ab/cd.jpg', 'image/jpeg', 1, 1, 1)": (
        "8: the POSTER of a.mov is not there"
    ),
    "UPDATE file SET name = 'real1.mp4' WHERE name = 'a.mov'": "8: real1.mp4 has no picture",
}


def test_a_difference_between_disk_and_rows_is_found(case: Case, tmp_path: Path) -> None:
    root, kept = case.pipeline.root, tmp_path / "kept.mov"
    (root / "a.mov").rename(kept)
    write(root, "b.mov")
    assert case.check() == {
        "1: b'a.mov' is recorded as CLOSED, and not on disk",
        "1: b'b.mov' is on disk, and not recorded",
    }
    (root / "b.mov").rename(root / "a.mov")
    assert [line.partition(" on disk")[0].rpartition(" (")[0] for line in case.check()] == [
        "1: b'a.mov' has size and time"
    ]
    kept.rename(root / "a.mov")
    assert case.check() == set()


@pytest.mark.parametrize(("damage", "expected"), IN_ROWS.items(), ids=range(len(IN_ROWS)))
def test_damaged_rows_are_found(case: Case, damage: str, expected: str) -> None:
    case.execute(damage)
    found = case.check()
    assert any(expected in line for line in found), found


def test_a_lost_acknowledged_write_is_found(case: Case) -> None:
    asset = case.asset()
    lost = {
        ("title", asset): "its title",
        ("status", asset): "DELETED",
        ("value", asset, "mix_note"): "a value",
        ("segment", str(new_id())): "ACTIVE",
        ("grant", asset): "read",
        ("vote", asset, str(READER)): "APPROVED",
        ("made", "a draft"): 1,
        ("comment", "a comment"): 1,
        ("shared", "a share"): 1,
        ("share", str(new_id())): "open",
    }
    for register, value in lost.items():
        case.log.promise(register, value, entry(Outcome.ACKNOWLEDGED))
    found = case.check()
    assert [register for register in lost if not any(f"3: {' '.join(register)} is " in line for line in found)] == []
    assert len(found) == len(lost)


def test_a_write_of_unknown_outcome_may_be_lost_and_a_refused_one_must(case: Case) -> None:
    case.log.promise(("made", "a draft"), 1, entry(Outcome.UNKNOWN))
    case.log.promise(("made", "a"), 1, entry(Outcome.UNKNOWN))
    case.log.promise(("made", "another"), 1, entry(Outcome.REFUSED))
    assert case.check() == set()


def entry(outcome: Outcome, action: str = "title", asset: str | None = None) -> Entry:
    status = {Outcome.ACKNOWLEDGED: 200, Outcome.REFUSED: 409, Outcome.UNKNOWN: 0}[outcome]
    return Entry("editor", action, "PATCH", "assets/", "key-1", 1.0, 2.0, status, outcome, asset)


@pytest.mark.parametrize(
    ("outcome", "entries", "expected"),
    [
        (Outcome.ACKNOWLEDGED, 0, "and 0 times in history"),
        (Outcome.ACKNOWLEDGED, 1, None),
        (Outcome.ACKNOWLEDGED, 2, "and 2 times in history"),
        (Outcome.UNKNOWN, 0, None),
        (Outcome.UNKNOWN, 1, None),
        (Outcome.REFUSED, 1, "refused with 409, but in history"),
    ],
)
def test_an_operation_that_is_not_in_history_once_is_found(
    case: Case, outcome: Outcome, entries: int, expected: str | None
) -> None:
    asset = case.asset()
    operation = uuid.uuid5(OPERATION_ID_NAMESPACE, f"{READER} key-1")
    for number in range(entries):
        said = f"changed {number}"
        case.execute(
            "INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor, user_id, "
            "operation_id) VALUES (gen_random_uuid(), :asset, :asset, 'CUSTOM', :said, 'editor', :user, :operation)",
            **{"asset": asset, "said": said, "user": READER},
            operation=uuid.uuid5(operation, f"{asset} CUSTOM {said}"),
        )
    case.history = mark_history(case.session)
    case.log.add(entry(outcome, asset=asset))
    found = case.check()
    assert len(found) == (expected is not None)
    assert expected is None or expected in found.pop()


def test_a_hit_without_a_right_is_found_but_not_that_of_a_part_of_what_was_readable(case: Case) -> None:
    asset, part = case.asset(), case.asset("fish")
    case.log.saw(Sighting(asset, 3.0, 4.0))
    assert case.check() == {f"6: asset {asset} is found by one who may not read it"}
    case.log.promise(("grant", asset), "read", entry(Outcome.ACKNOWLEDGED))
    case.log.promise(("grant", asset), None, entry(Outcome.ACKNOWLEDGED))
    case.execute(
        "INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor, date_created) "
        "SELECT gen_random_uuid(), :asset, :asset, 'MODIFY_FILESET', 'fish left: now in fish.', actor, date_created "
        "FROM history WHERE asset_id = :part",
        **{"asset": asset, "part": part},
    )
    case.history = mark_history(case.session)
    case.log.saw(Sighting(part, 3.0, 4.0))
    assert case.check() == set()


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_point_names_a_function(point: str) -> None:
    module, owner, name = POINTS[point]
    holder = import_module(module)
    assert callable(getattr(getattr(holder, owner) if owner else holder, name))


def test_a_scenario_plans_the_same_steps_each_time_and_another_seed_others() -> None:
    first, second = choose_mix(1), choose_mix(2)
    assert plan_run(first, LOAD) == plan_run(first, LOAD)
    assert [step.args for step in plan_run(first, LOAD)] != [step.args for step in plan_run(second, LOAD)]
    assert {step.action for step in plan_run(first, LOAD) if step.lane == "faults"} == set(first.kinds)


def test_a_command_names_its_scenario_again() -> None:
    scenarios = parse_scenarios("kill api,kill watch+a burst,mix", "1-3,7")
    assert [each.seed for each in scenarios[::3]] == [1, 2, 3, 7]
    for each in scenarios:
        assert parse_scenarios(each.name, str(each.seed)) == [each]
    assert len(parse_scenarios("", "1-12")) == 12 * (len(KINDS) + 1)
    with pytest.raises(ValueError, match="there is no fault 'rain'"):
        parse_scenarios("rain", "1")


def test_past_failures_come_first_once_and_without_kinds_that_are_gone(tmp_path: Path) -> None:
    kept = tmp_path / "past.jsonl"
    first, second = Scenario(3, ("kill api",)), Scenario(4, ("kill api", "a burst"))
    for each in (first, second, first):
        add_past_failure(each, kept)
    kept.write_text(kept.read_text() + '{"seed": 5, "kinds": ["rain"]}\n')
    assert read_past_failures(kept) == [second, first]


def test_the_table_counts_runs_effects_and_violations_and_keeps_the_rest_of_the_page() -> None:
    results = [
        Result(1, ("kill api",), {"kill api": 3}, (), 1.0),
        Result(2, ("kill api",), {"kill api": 0}, ("3: lost", "4: late"), 1.0),
        Result(1, ("kill api", "a burst", "odd times"), {"kill api": 1}, (), 1.0),
    ]
    table = format_table(results)
    assert "| kill api | 2 | 1 | 2 |\n| three kinds together | 1 | 1 | 0 |\n" in table
    page = replace_table("before\n<!-- faults: written by make faults -->\nold\n<!-- faults: end -->\nafter\n", table)
    assert (page.startswith("before\n"), page.endswith("after\n"), "old" in page) == (True, True, False)
    assert replace_table(page, table) == page
    elsewhere = replace_table(page, format_table([Result(3, ("a burst",), {"a burst": 1}, (), 1.0)]))
    assert "| a burst | 1 | 1 | 0 |\n| kill api | 2 | 1 | 2 |\n| three kinds together |" in elsewhere
