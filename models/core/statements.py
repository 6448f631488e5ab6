"""Statements: changes with their number of rows, counts, arrays, and bulk writes by COPY.

128,000 files must not be 128,000 round trips: COPY writes 15,000 assets a second, inserts 1,100."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, ColumnElement, CursorResult, Executable, Row, Select, any_, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.base import Base

AnySelect = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]


def execute_dml(session: Session, statement: Executable, parameters: Mapping[str, Any] | None = None) -> int:
    """Execute an INSERT, UPDATE or DELETE and return the number of rows that it changed."""
    result = session.execute(statement, parameters)
    # Result, which the signature of `execute` promises, has no count; every DML statement returns a CursorResult.
    if not isinstance(result, CursorResult):
        raise TypeError(f"not a statement that changes rows: {statement}")
    return result.rowcount


def count_rows(session: Session, query: AnySelect) -> int:
    """Return the number of rows of a query."""
    return session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0


def psycopg_connection(session: Session) -> psycopg.Connection[Any]:
    """Return the driver's connection of the session's transaction, for COPY."""
    driver = session.connection().connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"not a connection of psycopg: {driver!r}")
    return driver


def copy_rows(session: Session, table: type[Base], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY `rows` into `columns` of `table` within the session's transaction; other columns get their defaults."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.__tablename__), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    # COPY fires the statement-level triggers of the table once (`mark_asset_insert`, `mark_format_insert`, …), which
    # mark the search documents.
    with psycopg_connection(session).cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def in_array(column: InstrumentedAttribute[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return `column = ANY(array)`: one parameter for any number of values. IN takes one each; PostgreSQL allows
    65,535."""
    return column == any_(literal(list(values), ARRAY(column.type)))


def bind_columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """Return the parameters of a statement that unnests rows: one list for each column, by name."""
    given = list(rows)
    return {name: [row[place] for row in given] for place, name in enumerate(names)}
