"""The migrations make what the models say, with every constraint named, in a database of any age."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from models.registry import Base
from models.schema import is_schema_current, upgrade_database

UNNAMED = text("""
    SELECT conrelid::regclass::text, conname, contype FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f', 'c')
        AND conname !~ '^(pk|uq|fk|ck)_'
""")


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
