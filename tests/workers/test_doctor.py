"""Doctor's report of each single problem, with the next step; a whole system is in tests/e2e."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from models.catalog.asset import Asset
from models.catalog.storage import PURPOSE_FILES, PURPOSE_PROXIES, Storage
from models.core.base import new_id
from search.postgres.engine import PostgresEngine
from tests.pipeline import Pipeline
from tests.powers import without_root_powers
from tests.servers import Servers
from workers.config.connection import SystemConnection
from workers.doctor import (
    DiagnosticContext,
    check_broker,
    check_database,
    check_folder,
    check_index,
    check_search,
    check_storage,
    make_broker_client,
)

LATE = text("UPDATE index_mark SET dirty_since = now() - interval '1 hour'")


@pytest.fixture
def target(pipeline: Pipeline, database_url: str, valkey_url: str, tmp_path: Path) -> DiagnosticContext:
    connection = SystemConnection(database_url, valkey_url)
    engine = PostgresEngine(pipeline.sessions)
    return DiagnosticContext(
        connection, pipeline.sessions, engine, make_broker_client(valkey_url), tmp_path, tmp_path / "media"
    )


@pytest.mark.parametrize(
    ("seconds", "parked", "mended", "grade", "found", "advice"),
    [
        (3.0, 0, 0, "well", "waited 3 s", ""),
        (3600.0, 2, 0, "look", "waited 3,600 s", "worker-index.log"),
        (3.0, 2, 5, "look", "2 documents are dead-lettered", "jobs list"),
        (3.0, 0, 5, "look", "mended 5 documents", "another program writes"),
    ],
)
def test_an_index_that_is_behind_or_was_changed_is_told(seconds, parked, mended, grade, found, advice) -> None:  # type: ignore[no-untyped-def]
    check = check_index(seconds, parked, mended)
    assert (check.grade, found in check.found, advice in check.advice) == (grade, True, True)


def test_how_far_the_index_is_behind_is_read_from_the_rows(target: DiagnosticContext) -> None:
    with target.sessions.begin() as session:
        session.add(Asset(id=new_id(), title="clip"))
        session.flush()
        session.execute(LATE)
    search, index = check_search(target)
    assert (search.grade, index.grade, index.found) == ("well", "look", "the oldest change has waited 3,600 s")


@pytest.mark.parametrize(("purpose", "grade"), [(PURPOSE_FILES, "well"), (PURPOSE_PROXIES, "broken")])
def test_a_storage_for_proxies_must_be_writable_and_no_other(tmp_path: Path, purpose: str, grade: str) -> None:
    tmp_path.chmod(0o555)
    with without_root_powers():
        check = check_storage(Storage(name="Proxies", root=bytes(tmp_path), purpose=purpose, watcher_age_seconds=0.0))
    tmp_path.chmod(0o755)
    assert check.grade == grade
    assert grade == "well" or "not writable" in check.found


def test_a_folder_of_ours_that_is_not_writable_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with without_root_powers():
        first, *_ = check_folder("media folder", tmp_path, "no pictures")
    tmp_path.chmod(0o755)
    assert (first.name, first.grade) == ("media folder", "broken")
    assert list(check_folder("media folder", tmp_path / "gone", "no pictures")) == []


def test_a_broker_that_tells_nothing_of_its_settings_is_not_called_broken(
    target: DiagnosticContext, servers: Servers
) -> None:
    with closing(servers.valkey.client(0)) as client:
        client.execute_command("ACL", "SETUSER", "nosy", "on", ">letmein", "~*", "&*", "+@all", "-config")
        url = make_url(target.connection.broker_url)._replace(username="nosy", password="letmein")
        checks = list(
            check_broker(replace(target, celery=make_broker_client(url.render_as_string(hide_password=False))))
        )
        client.execute_command("ACL", "DELUSER", "nosy")
    assert [(check.name, check.grade) for check in checks] == [("broker", "well"), ("broker persistence", "look")]
    assert "appendonly" in checks[1].advice


@pytest.mark.parametrize(("limit", "grade", "found"), [("512mb", "well", "at most 512 MiB"), ("0", "look", "no limit")])
def test_a_broker_without_a_limit_of_memory_is_reported(
    target: DiagnosticContext, servers: Servers, limit: str, grade: str, found: str
) -> None:
    with closing(servers.valkey.client(0)) as client:
        client.config_set("maxmemory", limit)
        memory = next(check for check in check_broker(target) if check.name == "broker memory")
        client.config_set("maxmemory", "512mb")
    assert (memory.grade, found in memory.found) == (grade, True)


@pytest.mark.parametrize(
    ("revision", "grade", "advice"), [("0001", "broken", "run tapeless migrate"), ("unknown", "look", "upgrade this")]
)
def test_migrations_of_another_version_are_reported(
    target: DiagnosticContext, revision: str, grade: str, advice: str
) -> None:
    with target.sessions.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    (check,) = (check for check in check_database(target) if check.name == "migrations")
    assert (check.grade, advice in check.advice) == (grade, True)
