"""Writing who changed users, groups, templates, fields, views and storages."""

from sqlalchemy.orm import Session

from models.acl import Actor
from models.audit import AuditEntry


def note(session: Session, object_type: str, object_id: object, description: str, actor: Actor) -> None:
    """Add one line to the audit log, in the transaction of the change; `description` never holds a secret."""
    session.add(
        AuditEntry(
            object_type=object_type,
            object_id=str(object_id),
            description=description,
            actor=actor.name,
            user_id=actor.user_id,
        )
    )
