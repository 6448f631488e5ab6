"""Changes of an object's related rows send events if a webhook is enabled, and no change fails because one is."""

from typing import Any

import pytest
from sqlalchemy import select, text

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.catalog.metadata import FieldType
from models.core.sessions import Sessions
from models.queues.outbox import Event
from services.catalog.assets.assets import create_empty_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.metadata.fields import create_field
from services.metadata.values import write_object_values
from services.objects.objects import find_object
from services.shares.shares import ShareInput, create_share
from tests.services.outbound.test_webhooks import hook, target

__all__ = ["target"]
SYSTEM = Actor("x", is_admin=True)


@pytest.fixture
def listened(sessions: Sessions, target: Any) -> Sessions:
    """Create an asset with a value, permissions, a collection and a share, and discard the events so far."""
    with sessions.begin() as session:
        create_field(session, "mood", FieldType.STRING, SYSTEM)
        asset = create_empty_asset(session, Asset(title="clip"), Actor("x", is_admin=True)).id
        found = find_object(session, SYSTEM, "assets", asset)
        write_object_values(session, found, {"mood": "grim"}, SYSTEM)
        add_asset_to_collection(session, create_collection(session, Collection(title="reel"), SYSTEM).id, asset, SYSTEM)
        create_share(session, SYSTEM, "assets", asset, ShareInput(frozenset(), has_url=True))
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
