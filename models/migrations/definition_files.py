"""Install functions and triggers from the SQL files in `definitions`, which hold the present form of each.

Migrations before 0019 created functions and triggers from Python text, and later ones replaced some, so no place showed
what a database has. Now a definition is read and changed in its file. To change one:

1. Edit its file in place. The installed form becomes exactly the file's, comments inside a function included.
2. Add a migration with `DEFINITIONS = {"index_marks": "<digest>"}` that calls `install_definitions`. Until then
   tests/models/test_definitions.py fails, and shows the digest.
3. Drop in that migration what the file no longer has, and a function whose signature changes: OR REPLACE does neither.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, text

DEFINITIONS_FOLDER = Path(__file__).parent / "definitions"
DIGEST_CHARACTERS = 12

COMMENT_LINE = re.compile(r"^(--.*)?\n", re.MULTILINE)
"""A comment between statements, or a blank line."""
TRIGGER_STATEMENT = re.compile(r"^CREATE OR REPLACE (TRIGGER .*?);\n", re.MULTILINE | re.DOTALL)

SELECT_TRIGGERS = text("SELECT pg_get_triggerdef(oid, true) FROM pg_trigger WHERE NOT tgisinternal")


def definition_names() -> list[str]:
    """Return the names of all files, without their suffix."""
    return sorted(path.stem for path in DEFINITIONS_FOLDER.glob("*.sql"))


def read_definitions(name: str) -> str:
    """Return the statements of a file, without comments between them and blank lines."""
    statements = (DEFINITIONS_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return COMMENT_LINE.sub("", statements)


def digest_definitions(name: str) -> str:
    """Return the digest of what a file installs; comments between statements do not change it."""
    return hashlib.sha256(read_definitions(name).encode()).hexdigest()[:DIGEST_CHARACTERS]


def install_definitions(connection: Connection, definitions: Mapping[str, str]) -> None:
    """Install files, given by name with the digest that the calling migration was written for.

    A file with another digest is skipped: a later migration changed it, and installs it when the tables that it needs
    are there. So an upgrade over several versions keeps its older definitions until then, and a migration in between
    that writes rows must be right with those.
    """
    for name, digest in definitions.items():
        if digest_definitions(name) == digest:
            _install_file(connection, name)


def _install_file(connection: Connection, name: str) -> None:
    statements = read_definitions(name)
    functions = TRIGGER_STATEMENT.sub("", statements)
    # A script of many statements, in which % is no placeholder.
    connection.exec_driver_sql(functions, execution_options={"no_parameters": True})
    # Replacing a trigger locks its table against writers until the migration commits, and so may wait for running
    # ingests or deadlock with them. Replacing a function locks no table. So triggers that are installed are left alone.
    installed = set(connection.scalars(SELECT_TRIGGERS))
    for definition in TRIGGER_STATEMENT.findall(statements):
        if " ".join(f"CREATE {definition}".split()) not in installed:
            connection.exec_driver_sql(f"CREATE OR REPLACE {definition}", execution_options={"no_parameters": True})
