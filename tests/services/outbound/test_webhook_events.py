"""Approvals, votes, relations, history, file sets, media and failed jobs send events, each with its facts."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from models.catalog.history import Operation
from models.core.base import new_id
from models.core.sessions import Sessions
from models.queues.outbox import Event
from services.outbound.webhook_sender import describe_quiet
from services.outbound.webhooks import WEBHOOK_EVENTS
from tests.files import write
from tests.pipeline import Pipeline
from tests.servers import ROOT
from tests.services import media_steps
from tests.services.outbound.test_webhooks import hook, target

__all__ = ["target"]
ONE, TWO, REQUEST, JOB, SHELF = (uuid.UUID(int=number) for number in range(1, 6))
WORLD = f"""
    INSERT INTO asset (id, title) VALUES ('{ONE}', 'one'), ('{TWO}', 'two');
    INSERT INTO approval (id, object_type, object_id, version_id) VALUES ('{REQUEST}', 'assets', '{ONE}', '{ONE}');
    INSERT INTO approval_vote (id, approval_id, external, status)
        VALUES ('{REQUEST}', '{REQUEST}', 'a@b.org', 'APPROVED');
    INSERT INTO relation (id, asset_id, relation_type, related_to_asset_id)
        SELECT '{REQUEST}', '{ONE}', name, '{TWO}' FROM relation_type LIMIT 1;
    INSERT INTO job (id, type, title, task) VALUES ('{JOB}', 'CUSTOM', 'job', 'x.y');
    INSERT INTO storage (id, name, root) VALUES ('{SHELF}', 'shelf', '/shelf');
"""
CHANGES: list[tuple[str, list[tuple[Any, ...]]]] = [
    (
        f"INSERT INTO approval (id, object_type, object_id, version_id) VALUES ('{TWO}', 'assets', '{TWO}', '{TWO}')",
        [("assets", "approvals", "create", TWO, {"status": "REQUESTED"})],
    ),
    ("UPDATE approval SET min_number = 2", [("assets", "approvals", "update", ONE, {})]),
    (
        "UPDATE approval SET status = 'APPROVED'",
        [("assets", "approvals", "status", ONE, {"status": "APPROVED", "before": "REQUESTED"})],
    ),
    ("UPDATE approval SET change_date = now()", []),
    ("DELETE FROM approval", [("assets", "approvals", "delete", ONE, {})]),
    (
        f"""INSERT INTO readiness_report (id, storage_id, path, answer, level, actor, report)
        VALUES ('{ONE}', '{SHELF}', '/shelf/A001', 'proven', 'content', 'Ada', '{{}}')""",
        [("storages", "readiness", "complete", SHELF, {"report_id": str(ONE), "level": "content", "answer": "proven"})],
    ),
    (
        f"""INSERT INTO approval_vote (id, approval_id, user_id, status)
        VALUES ('{ONE}', '{REQUEST}', '{ONE}', 'APPROVED')""",
        [("assets", "votes", "create", ONE, {"status": "APPROVED"})],
    ),
    (
        "UPDATE approval_vote SET status = 'NOT_APPROVED'",
        [("assets", "votes", "update", ONE, {"status": "NOT_APPROVED"})],
    ),
    ("DELETE FROM approval_vote", [("assets", "votes", "delete", ONE, {})]),
    (
        f"""INSERT INTO relation (id, asset_id, relation_type, related_to_asset_id)
        SELECT '{ONE}', '{TWO}', name, '{ONE}' FROM relation_type LIMIT 1""",
        [("assets", "relations", "create", ONE, {}), ("assets", "relations", "create", TWO, {})],
    ),
    (
        "UPDATE relation SET description = 'x'",
        [("assets", "relations", "update", ONE, {}), ("assets", "relations", "update", TWO, {})],
    ),
    (
        "DELETE FROM relation",
        [("assets", "relations", "delete", ONE, {}), ("assets", "relations", "delete", TWO, {})],
    ),
    (
        "UPDATE job SET status = 'FAILED'",
        [("jobs", "entity", "failed", JOB, {}), ("jobs", "entity", "update", JOB, {})],
    ),
    (
        "UPDATE job SET parked_at = now()",
        [("jobs", "entity", "failed", JOB, {}), ("jobs", "entity", "update", JOB, {})],
    ),
    ("UPDATE job SET progress_processed = 3", []),
]


def events(session: Any) -> list[tuple[Any, ...]]:
    columns = (Event.event_type, Event.realm, Event.operation, Event.object_id, Event.details)
    return [tuple(row) for row in session.execute(select(*columns).order_by(*columns[:4]))]


def test_each_change_is_an_event_with_its_facts(sessions: Sessions, target: Any) -> None:
    with sessions.begin() as session:
        session.connection().exec_driver_sql(WORLD)
    for kind in ("assets", "jobs", "storages"):
        hook(sessions, target, kind)
    for change, expected in CHANGES:
        with sessions() as session:
            session.execute(text(change))
            assert events(session) == expected, change


def test_every_operation_of_history_is_an_event(sessions: Sessions, target: Any) -> None:
    hook(sessions, target, realm="history")
    with sessions.begin() as session:
        for operation in Operation:
            values = {"id": new_id(), "one": ONE, "operation": operation.value}
            session.execute(
                text(
                    "INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor) "
                    "VALUES (:id, :one, :one, :operation, 'x', 'x')"
                ),
                values,
            )
    with sessions() as session:
        told = {row[2] for row in events(session)}
    assert told == {operation.lower() for operation in Operation} == set(WEBHOOK_EVENTS["assets"]["history"])


def test_a_webhook_of_another_realm_or_operation_costs_no_event(sessions: Sessions, target: Any) -> None:
    hook(sessions, target, realm="history", operation="approve")
    with sessions.begin() as session:
        session.connection().exec_driver_sql(WORLD)
    with sessions() as session:
        assert events(session) == []


def pop_file_set_events(pipeline: Pipeline) -> list[tuple[str, str, dict[str, Any]]]:
    """Operations on file sets since the last time, with their numbers."""
    with pipeline.sessions.begin() as session:
        rows = [(row[1], row[2], row[4]) for row in events(session) if row[0] == "file_sets"]
        session.execute(text("DELETE FROM event"))
    numbers = ("file_count", "frames", "missing_frames")
    return [(realm, done, {key: facts[key] for key in numbers if key in facts}) for realm, done, facts in rows]


def test_media_that_cannot_be_read_and_a_wrong_checksum_are_events(pipeline: Pipeline, root: Path, target: Any) -> None:
    hook(pipeline.sessions, target, "file_sets", realm="media")
    write(root, "bad.mov", content="no movie")
    pipeline.settle()
    media_steps.read(pipeline)
    assert pop_file_set_events(pipeline) == [("media", "unreadable", {"file_count": 1, "missing_frames": 0})]
    with pipeline.sessions.begin() as session:
        session.execute(
            text(
                "INSERT INTO file_checksum (file_id, list_id, list_name, algorithm, expected, found, matches, size, "
                "mtime_ns) SELECT id, id, 'a.md5', 'md5', 'x', 'y', false, size, mtime_ns FROM file"
            )
        )
    assert pop_file_set_events(pipeline) == [("media", "mismatch", {"file_count": 1, "missing_frames": 0})]


def test_the_page_lists_every_event_and_nothing_else() -> None:
    page = (ROOT / "docs" / "triggers.md").read_text().partition("| `event_type` | `realm` | operations |")[2]
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| `(\w+)` \| ([^|]*) \|$", page, re.MULTILINE)
    listed = {(kind, realm): words for kinds, realm, words in rows for kind in re.findall(r"\w+", kinds)}
    assert listed.keys() == {(kind, realm) for kind, realms in WEBHOOK_EVENTS.items() for realm in realms}
    for realm in ("approvals", "votes", "relations", "media"):
        kind = "file_sets" if realm == "media" else "assets"
        assert set(WEBHOOK_EVENTS[kind][realm]) <= set(re.findall(r"`(\w+)`", listed[kind, realm]))
    assert set(WEBHOOK_EVENTS["file_sets"]["entity"]) <= set(re.findall(r"`(\w+)`", listed["file_sets", "entity"]))
    for example in re.findall(r"`(\{[^`]*\})`", page.partition("| `details` |")[2].partition("It is signed")[0]):
        json.loads(example)


@pytest.mark.parametrize(
    ("kind", "realm", "operation"),
    [("assets", "votes", "failed"), ("file_sets", None, "create"), ("jobs", "history", None)],
)
def test_an_operation_that_never_comes_cannot_be_asked_for(
    sessions: Sessions, target: Any, kind: str, realm: str | None, operation: str | None
) -> None:
    with pytest.raises(Exception, match=f"is no (operation|realm) of {kind}"):
        hook(sessions, target, kind, realm=realm, operation=operation)


@pytest.mark.parametrize(
    ("count", "frames", "missing", "says"),
    [
        (48, "1001-1048", 0, "48 frames, 1001-1048, no holes"),
        (47, "1001-1020,1022-1048", 1, "47 frames, 1001-1020,1022-1048, 1 hole"),
        (2, "1,9", 7, "2 frames, 1,9, 7 holes"),
    ],
)
def test_a_quiet_sequence_is_described_by_count_range_and_holes(
    count: int, frames: str, missing: int, says: str
) -> None:
    details = {"file_count": count, "frames": frames, "missing_frames": missing}
    assert describe_quiet(details) == f"nothing came for a while: {says}"
