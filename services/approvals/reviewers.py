"""List reviewers who lack read access to the object.

A request grants no rights, because its author may not be allowed to share. So responses warn about such reviewers.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import Uuid, literal, select
from sqlalchemy.orm import Session

from models.access.acl import readable_by
from services.core.actors import find_actors
from services.objects.objects import ObjectRef


def list_reviewers_without_access(session: Session, found: ObjectRef, user_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Return those of the users who may not read the object or may not sign in; in two queries."""
    if not user_ids:
        return []
    actors = find_actors(session, user_ids)
    if not actors:
        return list(user_ids)
    key = literal(found.id, Uuid)
    answers = session.execute(select(*(readable_by(actor, found.object_type, key) for actor in actors.values()))).one()
    readers = {user_id for user_id, may in zip(actors, answers, strict=True) if may}
    return [user_id for user_id in user_ids if user_id not in readers]
