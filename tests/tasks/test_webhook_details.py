"""Changes of an object's related rows send events if a webhook is enabled, and no change fails because one is."""

from typing import Any

import pytest
from sqlalchemy import select, text

from models.acl import Actor
from models.metadata import FieldType
from models.sessions import Sessions
from models.webhook import Event
from tasks.assets import NewAsset, create_asset
from tasks.collection_contents import put_asset
from tasks.collections import NewCollection, create_collection
from tasks.metadata_fields import NewField, create_field
from tasks.metadata_values import set_values
from tasks.objects import find_object
from tasks.shares import NewShare, create_share
from tests.tasks.test_webhooks import hook, target

__all__ = ["target"]
SYSTEM = Actor("x", is_admin=True)


@pytest.fixture
def listened(sessions: Sessions, target: Any) -> Sessions:
    """Create an asset with a value, permissions, a collection and a share, and discard the events so far."""
    with sessions.begin() as session:
        create_field(session, NewField("mood", FieldType.STRING), SYSTEM)
        asset = create_asset(session, NewAsset("clip"), Actor("x", is_admin=True)).id
        found = find_object(session, SYSTEM, "assets", asset)
        set_values(session, found, {"mood": "grim"}, SYSTEM)
        put_asset(session, create_collection(session, NewCollection("reel"), SYSTEM).id, asset, SYSTEM)
        create_share(session, SYSTEM, "assets", asset, NewShare(frozenset(), has_url=True))
        session.execute(
            text(
                "INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, permissions) "
                "VALUES (:asset, 'assets', gen_random_uuid(), 'user', ARRAY['read'])"
            ),
            {"asset": asset},
        )
    for kind in ("assets", "collections", "shares"):
        hook(sessions, target, kind)
    return sessions


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("""UPDATE metadata_value SET "values" = '["bright"]'""", ("assets", "metadata", "update")),
        ("UPDATE acl_entry SET permissions = ARRAY['read', 'write']", ("assets", "acls", "update")),
        ("UPDATE collection_asset SET position = 3", ("collections", "contents", "update")),
        ("DELETE FROM metadata_value", ("assets", "metadata", "update")),
        ("UPDATE share SET revoked_at = now()", ("shares", "entity", "delete")),
    ],
)
def test_it_is_told(listened: Sessions, change: str, told: tuple[str, str, str]) -> None:
    with listened.begin() as session:
        assert session.execute(text(change)).rowcount > 0
    with listened() as session:
        events = session.execute(select(Event.event_type, Event.realm, Event.operation)).all()
    assert [tuple(event) for event in events] == [told]
