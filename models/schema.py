"""Bringing a database to the shape that this code expects."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from models.sessions import make_engine

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 7_411_031
"""Advisory lock of migrations: two containers that start at once migrate one after the other."""


def alembic_config() -> Config:
    """Alembic's settings without an ini file, so that an installed package can migrate too."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(url: str) -> None:
    """Bring the database at `url` to the newest revision, or leave it untouched on an error."""
    engine = make_engine(url)
    config = alembic_config()
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the database has every migration that this code knows."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    finally:
        engine.dispose()
    return set(heads) == set(ScriptDirectory.from_config(alembic_config()).get_heads())
