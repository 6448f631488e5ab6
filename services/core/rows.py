"""Load one row, apply changes to it, and save it, with an entry in the audit log where it is configuration."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Select, func
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.core.base import Base, TimestampsMixin
from services.core.audit_log import record_audit
from services.core.errors import require_found

Row = TypeVar("Row", bound=Base)
AuditedRow = TypeVar("AuditedRow", bound=TimestampsMixin)
Key = TypeVar("Key")
Value = TypeVar("Value")


def load(session: Session, table: type[Row], key: object, noun: str, *, lock: bool = False, **required: object) -> Row:
    """Return a row by its primary key, locked FOR UPDATE if `lock`.

    Raises:
        NotFound: it does not exist, or one of the columns in `required` has another value.
    """
    row = session.get(table, key, with_for_update=lock or None)
    matches = row is not None and all(getattr(row, name) == value for name, value in required.items())
    return require_found(row if matches else None, noun, key)


def apply_changes(row: Base, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set the columns whose values differ, and return those."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return changed


def save(session: Session, row: Row) -> Row:
    """Insert or update a row, and return it as it is stored now."""
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def save_audited(session: Session, row: AuditedRow, kind: str, key: object, text: str, actor: Actor) -> AuditedRow:
    """Insert or update a row, record the change in the audit log, and return the row as it is stored now."""
    row.date_modified = func.now()
    session.add(row)
    session.flush()
    record_audit(session, kind, key, text, actor)
    session.refresh(row)
    return row


def load_grouped(session: Session, query: Select[Key, Value], keys: Iterable[Key]) -> dict[Key, list[Value]]:
    """Return the values of rows of (key, value) by key, in the order of the rows; a key without rows has none."""
    found: dict[Key, list[Value]] = {key: [] for key in keys}
    for key, value in session.execute(query):
        found[key].append(value)
    return found
