"""Recipients of a share: as many as one mail may have, and no more one at a time."""

import pytest

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.core.sessions import Sessions
from services.catalog.assets.assets import create_empty_asset
from services.core.errors import Conflict
from services.objects.objects import find_object
from services.shares.recipients import MAX_SHARE_RECIPIENTS, add_share_user, load_recipients
from services.shares.shares import ShareInput, create_share

SYSTEM = Actor("x", is_admin=True)


def test_one_by_one_there_are_no_more_recipients_than_at_once(sessions: Sessions) -> None:
    emails = [f"guest{number}@example.org" for number in range(MAX_SHARE_RECIPIENTS - 1)]
    with sessions.begin() as session:
        asset = create_empty_asset(session, Asset(title="clip"), SYSTEM).id
        share = create_share(session, SYSTEM, "assets", asset, ShareInput(frozenset(), emails=emails))
        found = find_object(session, SYSTEM, "assets", asset)
        add_share_user(session, found, share, "last@example.org", SYSTEM)
        with pytest.raises(Conflict, match="500 recipients"):
            add_share_user(session, found, share, "eve@example.org", SYSTEM)
        assert len(load_recipients(session, [share.id])[share.id]) == MAX_SHARE_RECIPIENTS
