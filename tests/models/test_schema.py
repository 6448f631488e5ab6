"""The migrations make what the models say, with every constraint named, in a database of any age."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from models.registry import Base
from models.schema import (
    MIGRATION_LOCK,
    NewerSchemaError,
    SchemaState,
    alembic_config,
    compare_revisions,
    is_schema_current,
    read_schema_state,
    upgrade_database,
)
from tests.servers import Servers
from tests.waiting import wait_until

FIRST, *_, LAST = sorted(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())

UNNAMED = text("""
    SELECT conrelid::regclass::text, conname, contype FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c')
        AND conname !~ '^(pk|uq|fk|ck)_'
""")


MIGRATIONS = text(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {MIGRATION_LOCK}")


def test_the_migrations_make_exactly_what_the_models_say(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True}
            )
            differences = compare_metadata(context, Base.metadata)
    finally:
        engine.dispose()
    assert differences == []


def test_every_constraint_has_a_name_of_ours(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        with engine.connect() as connection:
            unnamed = [tuple(row) for row in connection.execute(UNNAMED) if row[0] != "alembic_version"]
    finally:
        engine.dispose()
    assert unnamed == []


def test_migrating_again_changes_nothing(database_url: str) -> None:
    assert is_schema_current(database_url)
    upgrade_database(database_url)
    assert is_schema_current(database_url)


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (set(), SchemaState.OUTDATED),
        ({FIRST}, SchemaState.OUTDATED),
        ({LAST}, SchemaState.CURRENT),
        ({"unknown"}, SchemaState.NEWER),
        ({LAST, "unknown"}, SchemaState.NEWER),
    ],
)
def test_revisions_say_which_of_database_and_code_is_newer(found: set[str], state: SchemaState) -> None:
    assert compare_revisions(found) is state


def test_a_database_of_a_newer_version_is_not_migrated(database_url: str) -> None:
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'unknown'"))
        with pytest.raises(NewerSchemaError, match="revision unknown, of a newer version: run that version"):
            upgrade_database(database_url)
        with engine.connect() as connection:
            assert read_schema_state(connection) is SchemaState.NEWER
    finally:
        engine.dispose()


def test_a_migration_locks_nothing_while_it_waits_for_a_process_of_the_version_before(
    servers: Servers, database_names: Iterator[str]
) -> None:
    name = next(database_names)
    servers.postgres.create_database(name)
    url = servers.postgres.url(name)
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0022")
        with ThreadPoolExecutor() as pool, engine.connect() as worker, engine.connect() as other:
            worker.execute(text("SELECT FROM event"))  # 0026 alters it, after 0023 has altered `job`
            worker.execute(text("SET LOCAL lock_timeout = '50ms'"))
            migration = pool.submit(upgrade_database, url)
            wait_until(lambda: other.scalar(MIGRATIONS) == 1, what="the migration is under way")
            for _ in range(20):
                worker.execute(text("SELECT FROM job"))
            assert not migration.done()
            worker.rollback()
            migration.result(20)
        assert is_schema_current(url)
    finally:
        engine.dispose()
        servers.postgres.drop_database(name)
