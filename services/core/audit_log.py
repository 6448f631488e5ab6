"""Audit log: who changed users, groups, templates, fields, views, storages and other configuration."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.access.audit_log import AuditEntry


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


def select_audit_entries(
    object_type: str | None = None,
    object_id: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Select[AuditEntry]:
    """Select entries, oldest first: about one object or type, of an actor by a part of the name, within a time."""
    query = select(AuditEntry).order_by(AuditEntry.id)
    if object_type is not None:
        query = query.where(AuditEntry.object_type == object_type)
    if object_id is not None:
        query = query.where(AuditEntry.object_id == object_id)
    if actor is not None:
        query = query.where(AuditEntry.actor.icontains(actor, autoescape=True))
    if since is not None:
        query = query.where(AuditEntry.date_created >= since)
    if until is not None:
        query = query.where(AuditEntry.date_created < until)
    return query


def read_audit_log(session: Session, query: Select[AuditEntry], most: int) -> Iterator[dict[str, str | None]]:
    """Yield the newest `most` entries of a query, oldest first, as values for programs."""
    newest = session.scalars(query.order_by(None).order_by(AuditEntry.id.desc()).limit(most)).all()
    for entry in reversed(newest):
        yield serialize_audit_entry(entry)


def serialize_audit_entry(entry: AuditEntry) -> dict[str, str | None]:
    """Return an entry as values for programs."""
    return {
        "id": str(entry.id),
        "date_created": entry.date_created.isoformat(),
        "actor": entry.actor,
        "user_id": str(entry.user_id) if entry.user_id else None,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "description": entry.description,
    }
