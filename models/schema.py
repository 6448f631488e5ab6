"""Database schema: migrate to the version that this code expects, and check it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from models.core.sessions import make_engine

MIGRATIONS_FOLDER = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 7_411_031
"""Advisory lock of migrations: containers that start at the same time migrate one after the other."""


def alembic_config() -> Config:
    """Return Alembic's configuration without an ini file, so that an installed package can migrate too."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    return config


def upgrade_database(url: str) -> None:
    """Upgrade the database at `url` to the newest revision, or leave it untouched on an error."""
    engine = make_engine(url)
    config = alembic_config()
    try:
        with engine.begin() as connection:
            # Taken before the revision is read, so that a second process waits and then finds nothing left to do.
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            # Fail rather than queue behind a long transaction: an ALTER TABLE that waits blocks all reads behind it.
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_schema_current(url: str) -> bool:
    """Whether the database has every migration known to this code."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    return set(heads) == set(ScriptDirectory.from_config(alembic_config()).get_heads())
