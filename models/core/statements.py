"""Types of statements and rows of any columns; execution of statements that change rows, and counts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, Executable, Row, Select, func, select
from sqlalchemy.orm import Session

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
