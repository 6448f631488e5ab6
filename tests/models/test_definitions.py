"""The files in `models/migrations/definitions` hold exactly what is installed, and migrations apply them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models.core.sessions import make_engine
from models.migrations import definition_files
from models.migrations.definition_files import (
    DEFINITIONS_FOLDER,
    definition_names,
    digest_definitions,
    install_definitions,
)
from models.queues.index_queue import LOW_PRIORITY_DOCUMENTS
from models.schema import alembic_config
from tests.servers import Servers

NEW_SINCE_0018 = (
    "index_marks_copies",
    "index_marks_relations",
    "webhook_events_files",
    "webhook_events_people",
    "webhook_events_readiness",
)
"""Files with functions and triggers that did not exist at 0018."""
CHANGED_SINCE_0018 = frozenset(
    {
        "mark_asset_update()",
        "tell_outside(text[],text,text,uuid[])",
        "tell_outside(text[],text,text,uuid[],jsonb[])",
    }
)
"""Other functions and triggers that a later migration changed, added or dropped on purpose; all others must stay as
0018 left them."""

# Functions of extensions are not ours.
SELECT_FUNCTIONS = text("""
    SELECT oid::regprocedure::text, pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = pg_proc.oid AND deptype = 'e')
""")
SELECT_TRIGGERS = text("""
    SELECT tgname || ' on ' || tgrelid::regclass, pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger
    WHERE NOT tgisinternal
""")

GENERATED = (
    # Migrations before 0019 filled templates, which left branches that never run and columns of no use ...
    (r" PERFORM tell_outside\([^;]* WHERE \(false\) AND NOT \(false\) HAVING count\(\*\) > 0;", ""),
    (r" WHERE NOT \(false\) AND \(\(false\) OR ([^;]*?)\) HAVING", r" WHERE \1 HAVING"),
    (r" WHERE NOT \(false\)", ""),
    (r" PERFORM mark_for_index\('assets', array_agg\(id\), true\) FROM \([^;]* WHERE false\) AS narrowed;", ""),
    (r"FROM before_rows\), false\)", "FROM before_rows))"),  # the parameter's default
    # ... and parentheses around parentheses.
    (r"\((\([^()]*\))\)", r"\1"),
)


def read_installed(connection: Connection) -> dict[str, str]:
    """Return the definitions of all our functions and triggers by name."""
    return dict(tuple(row) for query in (SELECT_FUNCTIONS, SELECT_TRIGGERS) for row in connection.execute(query))


def defined_by_files(connection: Connection) -> dict[str, str]:
    """Return what the files alone define: all else is dropped before, and the transaction rolled back."""
    with connection.begin_nested() as savepoint:
        for function in connection.scalars(SELECT_FUNCTIONS).all():
            connection.execute(text(f"DROP FUNCTION {function} CASCADE"))
        assert read_installed(connection) == {}
        install_definitions(connection, {name: digest_definitions(name) for name in definition_names()})
        defined = read_installed(connection)
        savepoint.rollback()
    return defined


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def canonical(definition: str) -> str:
    """Return a definition with one space for all white space, without what the old templates left behind."""
    definition = re.sub(r"(?<=\() | (?=\))", "", re.sub(r"\s+", " ", definition.replace(";", "; ")))
    for pattern, replacement in GENERATED:
        definition = re.sub(pattern, replacement, definition)
    return definition.replace(" ;", ";").replace(" $function$", "$function$")


def names_defined_by(file: str) -> Iterator[str]:
    """Yield the functions and triggers of a file by the names that the database gives them."""
    statements = (DEFINITIONS_FOLDER / f"{file}.sql").read_text()
    for name, arguments in re.findall(r"^CREATE OR REPLACE FUNCTION (\w+)\((.*?)\)", statements, re.MULTILINE):
        yield f"{name}({arguments})"
    for name, table in re.findall(r"^CREATE OR REPLACE TRIGGER (\w+) \w+ \w+ ON (\w+)", statements, re.MULTILINE):
        yield f"{name} on {table}"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    """A connection to a database with every migration; its transaction is rolled back."""
    engine = make_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def database_at_0018(servers: Servers, database_names: Iterator[str]) -> Iterator[Connection]:
    """A connection to a database as it was before the files."""
    name = next(database_names)
    servers.postgres.create_database(name)
    engine = make_engine(servers.postgres.url(name))
    with engine.connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0018")
        yield connection
    engine.dispose()
    servers.postgres.drop_database(name)


def test_the_files_define_exactly_what_is_installed(database: Connection) -> None:
    installed = read_installed(database)
    assert len(installed) > 100
    assert differing(installed, defined_by_files(database)) == []


BREACHES = {
    "another body": (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        "refuse_change()",
    ),
    "another property": ("ALTER FUNCTION mark_asset_insert() SECURITY DEFINER", "mark_asset_insert()"),
    "an unknown function": (
        "CREATE FUNCTION ours(number integer) RETURNS integer LANGUAGE sql AS 'SELECT number'",
        "ours(integer)",
    ),
    "a missing trigger": ("DROP TRIGGER mark_asset_update ON asset", "mark_asset_update on asset"),
    "a disabled trigger": (
        "ALTER TABLE asset DISABLE TRIGGER mark_asset_insert",
        "mark_asset_insert on asset",
    ),
    "an unknown trigger": (
        "CREATE TRIGGER again BEFORE DELETE ON job FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        "again on job",
    ),
}


@pytest.mark.parametrize(("change", "name"), BREACHES.values(), ids=BREACHES.keys())
def test_a_change_past_the_files_is_noticed(database: Connection, change: str, name: str) -> None:
    database.execute(text(change))
    assert differing(read_installed(database), defined_by_files(database)) == [name]


def test_the_files_do_what_the_migrations_before_them_did(database_at_0018: Connection, database: Connection) -> None:
    before, now = (
        {name: canonical(definition) for name, definition in read_installed(each).items()}
        for each in (database_at_0018, database)
    )
    assert {name: (before.get(name), now.get(name)) for name in differing(before, now)}.keys() == (
        CHANGED_SINCE_0018 | {name for file in NEW_SINCE_0018 for name in names_defined_by(file)}
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("WHERE status = 'ACTIVE'", "WHERE status = 'DELETED'"),
        ("WHERE NOT (before_rows.status = 'DELETED')", ""),
        ("SELECT a FROM b WHERE c AND (d OR e)", "SELECT a FROM b WHERE c AND d OR e"),
        ("mark_for_index('assets', array_agg(id), true)", "mark_for_index('assets', array_agg(id))"),
        ("AFTER INSERT ON asset", "AFTER DELETE ON asset"),
    ],
)
def test_another_condition_is_no_matter_of_layout(before: str, after: str) -> None:
    assert canonical(before) != canonical(after)


def installing_migrations() -> dict[str, str]:
    """Return the digest of every file in the last migration that installs it."""
    latest: dict[str, str] = {}
    for script in ScriptDirectory.from_config(alembic_config()).walk_revisions("base", "heads"):
        latest = getattr(script.module, "DEFINITIONS", {}) | latest
    return latest


def test_the_last_migration_of_every_file_installs_its_present_text() -> None:
    # Another digest: a file was edited. Write a new migration that installs it with the digest shown here.
    assert installing_migrations() == {name: digest_definitions(name) for name in definition_names()}


@pytest.fixture
def one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Write the only definition file, and return its digest."""
    monkeypatch.setattr(definition_files, "DEFINITIONS_FOLDER", tmp_path)

    def write(statements: str) -> str:
        (tmp_path / "answers.sql").write_text(statements, encoding="utf-8")
        return digest_definitions("answers")

    return write


ANSWER = "CREATE OR REPLACE FUNCTION answer() RETURNS integer LANGUAGE sql AS 'SELECT 42';\n"


def test_a_digest_changes_with_a_definition_and_not_with_its_comment(one_file: Callable[[str], str]) -> None:
    digest = one_file(ANSWER)
    assert one_file(f"-- Why.\n\n-- Because.\n{ANSWER}") == digest
    assert one_file(ANSWER.replace("42", "43")) != digest


def test_a_migration_leaves_a_file_that_was_changed_since_to_a_later_one(
    database: Connection, one_file: Callable[[str], str]
) -> None:
    before, outdated = read_installed(database), one_file(ANSWER.replace("42", "41"))
    current = one_file(ANSWER)
    install_definitions(database, {"answers": outdated})
    assert read_installed(database) == before
    install_definitions(database, {"answers": current})
    assert differing(read_installed(database), before) == ["answer()"]


def test_installing_again_changes_nothing_and_waits_for_no_writer(database: Connection) -> None:
    before = read_installed(database)
    database.commit()
    tables = set(database.scalars(text("SELECT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")))
    with database.engine.connect() as writer:
        writer.execute(text(f"LOCK TABLE {', '.join(sorted(tables))} IN ROW EXCLUSIVE MODE"))
        database.execute(text("SET LOCAL lock_timeout = '100ms'"))
        install_definitions(database, {name: digest_definitions(name) for name in definition_names()})
    assert read_installed(database) == before


def test_every_definition_says_why_it_is_there() -> None:
    silent = [
        f"{path.name}:{number}"
        for path in sorted(DEFINITIONS_FOLDER.glob("*.sql"))
        for lines in [path.read_text(encoding="utf-8").splitlines()]
        for number, (above, line) in enumerate(zip(["", *lines], lines, strict=False), 1)
        if line.startswith("CREATE OR REPLACE FUNCTION") and not above.startswith("-- ")
    ]
    assert silent == []


TRIGGER_NAME = re.compile(r"\b(?:mark|queue|tell)_[a-z_]+_(?:insert|update|delete)\b")


def test_the_triggers_that_python_code_names_exist(database: Connection) -> None:
    root = Path(definition_files.__file__).parents[2]
    named = {
        name
        for package in ("models", "watch", "search", "services")
        for path in (root / package).rglob("*.py")
        if "migrations" not in path.parts
        for name in TRIGGER_NAME.findall(path.read_text(encoding="utf-8"))
    }
    assert named - set(database.scalars(text("SELECT tgname FROM pg_trigger"))) == set()
    assert len(named) > 20


def test_a_backfill_begins_at_the_same_number_in_sql_and_in_python() -> None:
    assert f"count(*) OVER () > {LOW_PRIORITY_DOCUMENTS}," in definition_files.read_definitions("index_marks")
