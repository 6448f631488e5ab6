"""Verify finds broken items, describes them, and requeues them on request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from models.access.acl import Actor
from models.catalog.history import Operation
from services.core.history import add_client_history
from tests.files import write
from tests.pipeline import Pipeline, open_pipeline
from tests.waiting import wait_until

FINDINGS = ("files", "grouping", "counts", "history", "documents", "leases", "media", "shares")


@pytest.fixture
def pipeline(database_url: str, root: Path) -> Iterator[Pipeline]:
    """A storage with a clip, a pair and a sequence, all in."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.add_storage()
        write(root, "a.mov", "day1/fish_L.mov", "day1/fish_R.mov", *(f"vfx/x.{n}.exr" for n in range(1, 9)))
        pipeline.settle()
        pipeline.wait_until_quiet()
        assert pipeline.broken() == []
        yield pipeline


def execute(pipeline: Pipeline, statement: str) -> None:
    with pipeline.sessions.begin() as session:
        assert session.execute(text(statement)).rowcount > 0


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("DELETE FROM file_set_file WHERE file_id = (SELECT id FROM file WHERE name = 'a.mov')", "files"),
        (
            "UPDATE file_set_file SET file_set_id = (SELECT id FROM file_set WHERE name LIKE 'x.%') "
            "WHERE file_id = (SELECT id FROM file WHERE name = 'fish_L.mov')",
            "grouping",
        ),
        ("UPDATE format SET structure = 'single' WHERE structure = 'stereoscopic'", "grouping"),
        ("UPDATE format SET role = 'transcode' WHERE structure = 'single'", "grouping"),
        ("DELETE FROM search_document", "documents"),
        ("UPDATE search_document SET revision = revision - 1", "documents"),
    ],
)
def test_damage_is_found_and_repaired(pipeline: Pipeline, damage: str, finding: str) -> None:
    before = pipeline.assets()
    execute(pipeline, damage)
    found = pipeline.broken()
    assert found
    assert {line.partition(": ")[0] for line in found} <= {finding, "grouping", "counts", "documents"}
    assert any(line.startswith(finding) for line in found)
    pipeline.broken(repair=True)
    pipeline.wait_until_quiet()
    assert pipeline.broken() == []
    assert pipeline.assets() == before


def test_a_file_that_nobody_recorded_is_found_and_repaired_by_a_thorough_scan(pipeline: Pipeline) -> None:
    """Its row is gone, and its folder's digest says that nothing is new there."""
    execute(pipeline, "DELETE FROM file WHERE name = 'a.mov'")
    told = "files: Rushes/a.mov: on disk, but its row says otherwise"
    wait_until(lambda: told in pipeline.broken(), what="the file is old enough to be judged")
    pipeline.broken(repair=True)
    pipeline.wait_for(lambda: pipeline.file("a.mov"), what="the file is known again")
    pipeline.wait_until_quiet()
    assert pipeline.broken() == []


def test_what_stays_parked_has_its_reason(pipeline: Pipeline) -> None:
    execute(pipeline, "UPDATE island SET parked_at = now(), dirty_since = now()")
    found = pipeline.broken()
    assert len(found) == 3
    assert all(line.endswith(": a dead letter without a reason") for line in found)
    execute(pipeline, "UPDATE island SET error = 'a reason'")
    assert pipeline.broken() == []


def test_a_lease_that_nobody_took_up_is_found(pipeline: Pipeline) -> None:
    execute(pipeline, "UPDATE island SET lease_until = now() - interval '1 hour', lease_owner = 'gone'")
    assert [line.partition(": ")[0] for line in pipeline.broken()] == ["leases"] * 3


def test_an_asset_without_its_creation_in_history_is_found(pipeline: Pipeline) -> None:
    execute(
        pipeline,
        "INSERT INTO history (id, asset_id, version_id, operation_type, operation_description, actor) "
        "SELECT gen_random_uuid(), id, id, 'VERSION_CREATE', 'again', 'x' FROM asset WHERE title = 'fish'",
    )
    (found,) = pipeline.broken()
    assert found.startswith('history: asset "fish"')
    assert found.endswith("2 creations in history")


def test_a_creation_that_a_client_entered_in_history_is_not_counted(pipeline: Pipeline) -> None:
    asset_id = pipeline.ids()["fish"]
    with pipeline.sessions.begin() as session:
        add_client_history(session, asset_id, Operation.VERSION_CREATE, "again", Actor("x"))
    assert pipeline.broken() == []


def test_every_invariant_is_named_with_what_was_checked(pipeline: Pipeline) -> None:
    findings = pipeline.findings()
    assert tuple(findings) == FINDINGS
    assert all(finding.promise for finding in findings.values())
    assert (findings["grouping"].checked, findings["history"].checked, findings["documents"].checked) == (3, 3, 3)
