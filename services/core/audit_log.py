"""Audit log: who changed users, groups, templates, fields, views, storages and other configuration."""

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
