"""Recipients of a share: as many as one mail may have, and no more one at a time."""

import pytest

from models.acl import Actor
from models.sessions import Sessions
from tasks.assets import NewAsset, create_asset
from tasks.objects import find_object
from tasks.refusals import Conflict
from tasks.share_users import MOST_RECIPIENTS, add_user, users_of
from tasks.shares import NewShare, create_share

SYSTEM = Actor("x", is_admin=True)


def test_one_by_one_there_are_no_more_recipients_than_at_once(sessions: Sessions) -> None:
    emails = [f"guest{number}@example.org" for number in range(MOST_RECIPIENTS - 1)]
    with sessions.begin() as session:
        asset = create_asset(session, NewAsset("clip"), SYSTEM).id
        share = create_share(session, SYSTEM, "assets", asset, NewShare(frozenset(), emails=emails))
        found = find_object(session, SYSTEM, "assets", asset)
        add_user(session, found, share, "last@example.org", SYSTEM)
        with pytest.raises(Conflict, match="500 recipients"):
            add_user(session, found, share, "eve@example.org", SYSTEM)
        assert len(users_of(session, [share.id])[share.id]) == MOST_RECIPIENTS
