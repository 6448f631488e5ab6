"""Favorites of users: private, and only of objects that the user may read."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.collection import Favorite
from models.core.statements import in_array
from services.core.errors import PermissionDenied, require_known
from services.objects.objects import find_object

FAVORITE_KINDS = ("assets", "collections")


def add_favorites(session: Session, object_type: str, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Add readable objects to the actor's favorites; all or none."""
    user_id = _user_of(actor)
    require_known("object_type", object_type, FAVORITE_KINDS, "is no favorite")
    found = sorted({find_object(session, actor, object_type, key).id for key in ids})
    rows = [{"user_id": user_id, "object_type": object_type, "object_id": key} for key in found]
    if rows:
        session.execute(insert(Favorite).values(rows).on_conflict_do_nothing())


def remove_favorites(session: Session, object_type: str, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Remove favorites, including objects that are no longer readable."""
    require_known("object_type", object_type, FAVORITE_KINDS, "is no favorite")
    mine = (Favorite.user_id == _user_of(actor), Favorite.object_type == object_type, in_array(Favorite.object_id, ids))
    session.execute(delete(Favorite).where(*mine).execution_options(synchronize_session=False))


def _user_of(actor: Actor) -> uuid.UUID:
    if actor.user_id is None:
        raise PermissionDenied("only users have favorites")
    return actor.user_id
