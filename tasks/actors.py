"""Users as actors: with their groups, and the collections whose rights reach through to them, in one query."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.acl import Actor, Propagating

COLUMNS = """
    who.id, who.is_admin, who.first_name, who.last_name, who.email,
    ARRAY(SELECT group_id FROM membership WHERE membership.user_id = who.id) AS group_ids,
    (SELECT json_agg(json_build_array(entry.object_id, entry.permissions) ORDER BY entry.object_id)
        FROM acl_entry AS entry JOIN collection ON collection.id = entry.object_id
        WHERE entry.propagates AND collection.status = 'ACTIVE' AND entry.principal_id = ANY (ARRAY(
            SELECT group_id FROM membership WHERE membership.user_id = who.id UNION ALL SELECT who.id))
    ) AS propagating
"""
"""What an actor is made of, of `user_account AS who`. Nearly no entry propagates, so looking for those is one probe of
a small index."""


def actor_of(row: Row[Any]) -> Actor:
    """The actor of a row with `COLUMNS`."""
    return Actor(
        name=f"{row.first_name} {row.last_name}".strip() or row.email,
        user_id=row.id,
        is_admin=row.is_admin,
        group_ids=tuple(row.group_ids or ()),
        propagating=tuple(Propagating(uuid.UUID(key), frozenset(held)) for key, held in row.propagating or ()),
    )


FIND = text(f"SELECT {COLUMNS} FROM user_account AS who WHERE who.id = ANY(:users) AND who.status = 'ACTIVE'")


def find_actor(session: Session, user_id: uuid.UUID) -> Actor | None:
    """A user as it may act now; nothing where it may not sign in any more."""
    return find_actors(session, [user_id]).get(user_id)


def find_actors(session: Session, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Actor]:
    """Users as they may act now, by id; without those who may not sign in any more."""
    return {row.id: actor_of(row) for row in session.execute(FIND, {"users": list(user_ids)})}
