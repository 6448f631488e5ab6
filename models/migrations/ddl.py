"""DDL that several migrations share: columns, fixed vocabularies, and statement triggers with their functions.

It is part of every migration that uses it, and stays as they ran it; the present form of the triggers is in
`definitions/`. PostgreSQL refuses transition tables on triggers for several events or for `UPDATE OF`, so each table
has one trigger per event.
"""

import sqlalchemy as sa
from alembic import op

TRANSITION_TABLES = {
    "insert": "NEW TABLE AS after_rows",
    "delete": "OLD TABLE AS before_rows",
    "update": "OLD TABLE AS before_rows NEW TABLE AS after_rows",
}


def now_column(name: str) -> sa.Column[object]:
    """Return a column with the time of its row's insertion."""
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def word_type(name: str, *words: str) -> sa.Enum:
    """Return the type of a text column with a CHECK for these words."""
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=40)


def trigger_ddl(name: str, table: str, event: str) -> str:
    """Return the statement trigger of a function of the same name."""
    return (
        f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} REFERENCING {TRANSITION_TABLES[event]} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def function_and_trigger_ddl(name: str, table: str, event: str, body: str) -> list[str]:
    """Return a function of PL/pgSQL and its statement trigger."""
    function = f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
    return [function, trigger_ddl(name, table, event)]


def create_trigger(name: str, table: str, event: str, body: str) -> None:
    """Create a function of PL/pgSQL and its statement trigger."""
    for statement in function_and_trigger_ddl(name, table, event, body):
        op.execute(statement)
