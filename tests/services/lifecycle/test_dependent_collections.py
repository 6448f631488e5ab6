"""Collections at a merge: the survivor is added to the other's collections, and no user gains read access."""

import uuid

from sqlalchemy import select

from models.access.acl import Actor, PrincipalKind, readable_by
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.collection import Collection, CollectionAsset
from models.core.sessions import Sessions, transact
from services.access.permissions import Principal, grant_permissions
from services.access.users import create_user
from services.catalog.assets.assets import create_empty_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.core.actors import SETUP_ACTOR, find_actor
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.merge import merge_into_survivors, unmerge_assets


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
        who = create_user(session, User(email="reader@example.org"), SETUP_ACTOR).id
        dead, survivor = (
            create_empty_asset(session, Asset(title=title), SETUP_ACTOR).id for title in ("dead", "survivor")
        )
        own, both = (create_collection(session, Collection(title=title), SETUP_ACTOR).id for title in ("own", "both"))
        add_asset_to_collection(session, own, dead, SETUP_ACTOR)
        for asset in (dead, survivor):
            add_asset_to_collection(session, both, asset, SETUP_ACTOR)
        grant_permissions(
            session, "collections", [own], [Principal(PrincipalKind.USER, who)], ["read"], SETUP_ACTOR, propagates=True
        )
    reader = transact(sessions, lambda session: find_actor(session, who))
    before = places(sessions)
    assert readable(sessions, reader) == {dead}
    held = transact(sessions, lambda session: merge_into_survivors(session, [(dead, survivor)]))
    assert places(sessions) == {(own, survivor, False), (both, survivor, True)}
    assert readable(sessions, reader) == set()
    transact(sessions, lambda session: unmerge_assets(session, [AssetUnmerge(dead, survivor, held[dead])]))
    assert places(sessions) == before
    assert readable(sessions, reader) == {dead}
