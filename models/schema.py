"""Database schema: migrate to the version that this code expects, and check it."""

import time
from collections.abc import Collection
from enum import Enum
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from models.core.sessions import make_engine

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_411_031
"""Advisory lock of migrations: containers that start at the same time migrate one after the other."""
TABLES = text("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = current_schema()")
QUIET_MOMENT_SECONDS, QUIET_MOMENT_POLL_SECONDS = 10.0, 0.02


class SchemaState(Enum):
    """Schema of a database, compared with the one that this code expects."""

    CURRENT = "current"
    OUTDATED = "outdated"
    NEWER = "newer"
    """Migrated by a newer version, whose migrations leave everything that this one uses."""


class NewerSchemaError(Exception):
    """The database has migrations that this code does not know."""


def alembic_config() -> Config:
    """Return Alembic's configuration without an ini file, so that an installed package can migrate too."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    return config


def upgrade_database(url: str) -> None:
    """Upgrade the database at `url` to the newest revision, or leave it untouched on an error.

    Raises NewerSchemaError if a newer version has migrated it.
    """
    engine = make_engine(url)
    config = alembic_config()
    try:
        with engine.begin() as connection:
            # Taken before the revision is read, so that a second process waits and then finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            # Fail rather than queue behind a long transaction: an ALTER TABLE that waits blocks all reads behind it.
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            found = read_revisions(connection)
            if compare_revisions(found) is SchemaState.NEWER:
                raise NewerSchemaError(
                    f"the database has revision {', '.join(sorted(found))}, of a newer version: run that version, or "
                    "restore a backup of this one"
                )
            if found and compare_revisions(found) is SchemaState.OUTDATED:
                _lock_tables(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _lock_tables(connection: Connection) -> None:
    """Lock all tables at a moment when no transaction uses one.

    Migrations that lock one table after another while they hold others deadlock with a process of the version before,
    and the server ends either. Asked without waiting, for locks or none, they never do. A system that is too busy for
    such a moment is migrated as before, with waiting.
    """
    names = connection.scalars(TABLES)
    lock = text(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE NOWAIT")
    end = time.monotonic() + QUIET_MOMENT_SECONDS
    while time.monotonic() < end:
        savepoint = connection.begin_nested()
        try:
            connection.execute(lock)
            return
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            savepoint.rollback()
            time.sleep(QUIET_MOMENT_POLL_SECONDS)


def read_revisions(connection: Connection) -> set[str]:
    """Return the newest revisions of a database: one, or none if it is empty."""
    return set(MigrationContext.configure(connection).get_current_heads())


def compare_revisions(found: Collection[str]) -> SchemaState:
    """Compare the newest revisions of a database with the migrations of this code."""
    scripts = ScriptDirectory.from_config(alembic_config())
    if not set(found) <= {script.revision for script in scripts.walk_revisions()}:
        return SchemaState.NEWER
    return SchemaState.CURRENT if set(found) == set(scripts.get_heads()) else SchemaState.OUTDATED


def read_schema_state(connection: Connection) -> SchemaState:
    """Compare the schema of a database with the one that this code expects."""
    return compare_revisions(read_revisions(connection))


def is_schema_current(url: str) -> bool:
    """Whether the database has every migration known to this code, and no other."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return read_schema_state(connection) is SchemaState.CURRENT
    finally:
        engine.dispose()
