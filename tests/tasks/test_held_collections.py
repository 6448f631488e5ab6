"""Collections at a merge: the survivor is added to the other's collections, and no user gains read access."""

import uuid

from sqlalchemy import select

from models.acl import Actor, PrincipalKind, readable_by
from models.asset import Asset
from models.collection import CollectionAsset
from models.sessions import Sessions, transact
from tasks.acls import Principal, grant
from tasks.actors import find_actor
from tasks.assets import NewAsset, create_asset
from tasks.collection_contents import put_asset
from tasks.collections import NewCollection, create_collection
from tasks.holdings import Return
from tasks.merging import bring_back, end_in
from tasks.users import SETUP, NewUser, create_user


def readable(sessions: Sessions, actor: Actor) -> set[uuid.UUID]:
    with sessions() as session:
        query = select(Asset.id).where(readable_by(actor, "assets", Asset.id), Asset.merged_into.is_(None))
        return set(session.scalars(query))


def places(sessions: Sessions) -> set[tuple[uuid.UUID, uuid.UUID, bool]]:
    with sessions() as session:
        query = select(CollectionAsset.collection_id, CollectionAsset.asset_id, CollectionAsset.carries_rights)
        return {tuple(row) for row in session.execute(query)}


def test_a_merge_lists_the_survivor_opens_it_to_nobody_and_is_undone_whole(sessions: Sessions) -> None:
    with sessions.begin() as session:
        who = create_user(session, NewUser("reader@example.org"), SETUP).id
        dead, survivor = (create_asset(session, NewAsset(title), SETUP).id for title in ("dead", "survivor"))
        own, both = (create_collection(session, NewCollection(title), SETUP).id for title in ("own", "both"))
        put_asset(session, own, dead, SETUP)
        for asset in (dead, survivor):
            put_asset(session, both, asset, SETUP)
        grant(session, "collections", [own], [Principal(PrincipalKind.USER, who)], ["read"], SETUP, propagates=True)
    reader = transact(sessions, lambda session: find_actor(session, who))
    before = places(sessions)
    assert readable(sessions, reader) == {dead}
    held = transact(sessions, lambda session: end_in(session, [(dead, survivor)]))
    assert places(sessions) == {(own, survivor, False), (both, survivor, True)}
    assert readable(sessions, reader) == set()
    transact(sessions, lambda session: bring_back(session, [Return(dead, survivor, held[dead])]))
    assert places(sessions) == before
    assert readable(sessions, reader) == {dead}
