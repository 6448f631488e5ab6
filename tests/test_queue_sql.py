"""SQL that names the table of a queue, and statements that change one, are in `models/queues` and nowhere else."""

import ast
import re
from collections.abc import Iterator

import pytest

from models.queues.job import JobStep
from models.queues.registry import WORK_QUEUES
from tests.test_house import PRODUCTION, Page

TABLES = {queue.table for queue in WORK_QUEUES} | {JobStep.__tablename__}
CLASSES = {"".join(map(str.capitalize, table.split("_"))) for table in TABLES}
OWN = ("models/queues/", "models/migrations/")

# A table follows its keyword, maybe after others in a list; in an f-string it may be the attribute of a class or queue.
NAME = rf"""["']?(?:{"|".join(sorted(TABLES))})\b(?![.(])|\{{[^{{}}]*\.(?:table|__table__|__tablename__)\b"""
OTHERS = r"(?:[\w.{}]+(?:\s+AS)?(?:\s+\w+)?\s*,\s*)*"
QUEUE_TABLE = rf"\b(?:FROM|JOIN|UPDATE|INTO|USING|TABLE|COPY|TRUNCATE)\s+(?:ONLY\s+)?{OTHERS}(?:{NAME})"
LOCKED_VIEW = r"\.view\b.*\bFOR\s+(?:NO\s+KEY\s+)?(?:UPDATE|SHARE|KEY)"
QUEUE_SQL = re.compile(f"{QUEUE_TABLE}|{LOCKED_VIEW}", re.DOTALL)
QUEUE_SQL_IN_TEXT = re.compile(QUEUE_SQL.pattern, re.DOTALL | re.IGNORECASE)
"""Without `text(...)` around it a literal is SQL if its keywords are in capitals: prose updates mail, too."""


def called(node: ast.AST) -> str:
    """Return the name of the function that a node calls, without its module or object."""
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def source_of(part: ast.expr) -> str:
    """Return the text of a part of an f-string, or in braces what it inserts."""
    return str(part.value) if isinstance(part, ast.Constant) else ast.unparse(ast.JoinedStr([part]))[2:-1]


def literals(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Yield line and text of each literal, and whether `text(...)` has it; an f-string keeps what it inserts as `{…}`.

    Docstrings are left out.
    """
    nodes = list(ast.walk(tree))
    in_text = {id(arg) for node in nodes if isinstance(node, ast.Call) and called(node) == "text" for arg in node.args}
    left_out = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    left_out |= {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(map(source_of, node.values)), id(node) in in_text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.lineno, node.value, id(node) in in_text


def queue_statements(page: Page) -> Iterator[str]:
    """Yield what a page says in SQL about a queue's table, and what it changes there by the ORM."""
    for line, literal, is_in_text in literals(page.tree):
        if found := (QUEUE_SQL_IN_TEXT if is_in_text else QUEUE_SQL).search(literal):
            yield f"{page.name}:{line} says {' '.join(found[0].split())}: only models/queues does"
    for node in ast.walk(page.tree):
        if isinstance(node, ast.Call) and called(node) in ("insert", "update", "delete", "copy_rows"):
            for name in CLASSES & {ast.unparse(arg).removesuffix(".__table__") for arg in node.args}:
                yield f"{page.name}:{node.lineno} says {called(node)}({name}): only models/queues does"


def test_only_the_package_of_the_queues_names_their_tables_in_sql_and_changes_them() -> None:
    pages = [each for each in PRODUCTION if not each.name.startswith(OWN)]
    assert [fault for each in pages for fault in queue_statements(each)] == []


def test_the_rule_knows_every_queue_by_its_table_and_its_class() -> None:
    own = [each for each in PRODUCTION if each.name.startswith(OWN[0])]
    assert {node.name for each in own for node in ast.walk(each.tree) if isinstance(node, ast.ClassDef)} >= CLASSES
    said = "\n".join(fault for each in own for fault in queue_statements(each))
    assert {table for table in TABLES if table in said} >= {queue.table for queue in WORK_QUEUES}


@pytest.mark.parametrize(
    "source",
    [
        'text("SELECT id FROM job")',
        'text("select id from job")',
        'QUERY = "SELECT FROM file, folder AS place, island WHERE true"',
        'QUERY = f"SELECT {columns} FROM {files} JOIN media_work AS work USING (id)"',
        'QUERY = """\n    UPDATE\n        mail SET kind = 0"""',
        'QUERY = "INSERT INTO " "webhook_delivery (id) VALUES (1)"',
        'QUERY = "DELETE FROM ONLY job_step"',
        "QUERY = 'DELETE FROM file USING \"index_mark\"'",
        'QUERY = f"DELETE FROM {queue.table} AS work"',
        'QUERY = f"SELECT id FROM {Job.__tablename__}"',
        'QUERY = f"SELECT id FROM {JOB_QUEUE.view} AS job ORDER BY id FOR UPDATE SKIP LOCKED"',
        "session.execute(update(Island).values(seen=1))",
        "session.execute(sa.delete(Mail))",
        "session.execute(insert(Job.__table__), rows)",
        "copy_rows(session, MediaWork, columns, rows)",
    ],
)
def test_a_statement_about_a_queue_is_noticed(source: str) -> None:
    assert len(list(queue_statements(Page("services/reel.py", source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""Read it from job rows, UPDATE mail."""',
        'QUERY = f"SELECT id FROM {JOB_QUEUE.view} AS job WHERE job.id = 1"',
        'QUERY = f"UPDATE file SET seen = 1 FROM {ISLAND_QUEUE.view} AS island"',
        'QUERY = "SELECT extract(epoch FROM job.date_created) FROM jobs JOIN mailbox ON island.id = 1"',
        'raise ValueError("no mail: update mail settings from job")',
        "session.scalars(select(Job).where(Job.id == key))",
        "session.execute(update(File).values(seen=select(Island.seen)))",
        "found.update(jobs)",
    ],
)
def test_what_only_reads_a_queue_or_speaks_of_it_passes(source: str) -> None:
    assert list(queue_statements(Page("services/reel.py", source))) == []
