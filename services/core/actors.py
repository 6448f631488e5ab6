"""Load users as actors, with their groups and the collections that propagate permissions to them, in one query."""

import re
import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.access.acl import Actor, PropagatingEntry
from models.core.statements import AnyRow

ACTOR_COLUMNS = """
    who.id, who.is_admin, who.type IN ('BROWSE_ONLY', 'BROWSE_API_ONLY') AS only_browses,
    who.first_name, who.last_name, who.email,
    ARRAY(SELECT group_id FROM membership WHERE membership.user_id = who.id) AS group_ids,
    (SELECT json_agg(json_build_array(entry.object_id, entry.permissions) ORDER BY entry.object_id)
        FROM acl_entry AS entry JOIN collection ON collection.id = entry.object_id
        WHERE entry.propagates AND collection.status = 'ACTIVE' AND entry.principal_id = ANY (ARRAY(
            SELECT group_id FROM membership WHERE membership.user_id = who.id UNION ALL SELECT who.id))
    ) AS propagating
"""
"""Columns from which `actor_from_row` builds an actor, of `user_account AS who`. Almost no entry propagates, so finding
those is one probe of a small partial index."""


def actor_from_row(row: AnyRow) -> Actor:
    """Build the actor from a row with `ACTOR_COLUMNS`."""
    return Actor(
        name=f"{row.first_name} {row.last_name}".strip() or row.email,
        user_id=row.id,
        is_admin=row.is_admin,
        only_browses=row.only_browses,
        group_ids=tuple(row.group_ids or ()),
        propagating=tuple(PropagatingEntry(uuid.UUID(key), frozenset(held)) for key, held in row.propagating or ()),
    )


SELECT_ACTORS = text(
    f"SELECT {ACTOR_COLUMNS} FROM user_account AS who WHERE who.id = ANY(:users) AND who.status = 'ACTIVE'"
)


def find_actor(session: Session, user_id: uuid.UUID) -> Actor | None:
    """Return the active user as an actor, or None if the user is unknown or may not sign in any more."""
    return find_actors(session, [user_id]).get(user_id)


def find_actors(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Actor]:
    """Return the active users as actors, by id; users who may not sign in are left out."""
    return {row.id: actor_from_row(row) for row in session.execute(SELECT_ACTORS, {"users": list(user_ids)})}


EMAIL_PATTERN = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")

SETUP_ACTOR = Actor(name="setup", is_admin=True)
