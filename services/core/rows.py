"""Load one row, apply changes to it, and save it; and write the audit log: changes of users, groups, templates, fields,
views, storages and other configuration."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import func
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.audit_log import AuditEntry
from models.core.base import Base, TimestampsMixin
from services.core.errors import require_found


def record_audit(session: Session, object_type: str, object_id: object, description: str, actor: Actor) -> None:
    """Add one entry to the audit log, in the transaction of the change. `description` must never hold a secret."""
    session.add(
        AuditEntry(
            object_type=object_type,
            object_id=str(object_id),
            description=description,
            actor=actor.name,
            user_id=actor.user_id,
        )
    )


Row = TypeVar("Row", bound=Base)
AuditedRow = TypeVar("AuditedRow", bound=TimestampsMixin)


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
