"""Bulk writes by COPY: 128,000 files must not be 128,000 round trips (15,000 assets a second by COPY, 1,100 by
inserts)."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, ColumnElement, any_, literal
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.core.base import Base


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
