"""An asset with one dependent of every kind is merged: no user gains access, a split restores all of it, and a purge
leaves nothing."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import AclEntry, Actor, PrincipalKind, readable_by
from models.access.share import Share, ShareUser
from models.access.user import User
from models.catalog.approval import Approval, ApprovalVote, VoteStatus
from models.catalog.asset import Asset, FileSet, Format
from models.catalog.collection import Collection, CollectionAsset, Favorite
from models.catalog.file import DeclaredFile
from models.catalog.metadata import FieldType, MetadataValue
from models.catalog.relation import Relation, RelationType
from models.catalog.segment import Segment, SegmentType
from models.core.sessions import Sessions
from services.access.permissions import Principal, grant_permissions
from services.access.users import create_user
from services.approvals.requests import ApprovalSpec, request_approval
from services.approvals.votes import cast_vote
from services.catalog.assets.assets import create_empty_asset
from services.catalog.assets.relations import add_relation, create_custom_relation_type
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.catalog.segments.segments import NewSegment, create_segments
from services.core.actors import SETUP_ACTOR, find_actor
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.merge import merge_into_survivors, unmerge_assets
from services.lifecycle.purge import purge_assets
from services.metadata.fields import create_field
from services.metadata.values import write_object_values
from services.objects.objects import add_favorites, find_object
from services.shares.guests import find_open_share
from services.shares.shares import ShareInput, create_share
from tests.services.lifecycle.test_dependents_registry import declare

HELD = (
    *(Segment, Relation, CollectionAsset, MetadataValue, Approval, ApprovalVote, Share, ShareUser, AclEntry, Favorite),
    *(DeclaredFile, Format, FileSet),
)
UNTOLD = frozenset({"date_modified", "change_date"})


def rows_of(session: Session) -> dict[str, list[str]]:
    """All rows of what assets hold, but for when they were last touched."""
    session.flush()
    session.expire_all()
    told: dict[str, list[str]] = {}
    for model in HELD:
        columns = [column for column in model.__table__.columns if column.name not in UNTOLD]
        told[model.__tablename__] = sorted(str(tuple(row)) for row in session.execute(select(*columns)))
    return told


def person(session: Session, name: str) -> Actor:
    user = create_user(session, User(email=f"{name}@example.org"), SETUP_ACTOR)
    session.flush()
    actor = find_actor(session, user.id)
    assert actor is not None
    return actor


def readable(session: Session, actors: Sequence[Actor]) -> list[set[str]]:
    """Titles of the living assets that each of these reads."""
    found = []
    for actor in actors:
        now = find_actor(session, actor.user_id) if actor.user_id else actor
        assert now is not None
        query = select(Asset.title).where(readable_by(now, "assets", Asset.id), Asset.merged_into.is_(None))
        found.append(set(session.scalars(query)))
    return found


def fill(session: Session, owner: Actor, asset_id: uuid.UUID, poster_id: uuid.UUID) -> Any:
    """One of everything on an asset."""
    asset, found = session.get_one(Asset, asset_id), find_object(session, owner, "assets", asset_id)
    create_segments(session, asset, [NewSegment(SegmentType.COMMENT, {"segment_text": "dark"})], owner)
    add_relation(session, asset_id, "belongs", poster_id, "", owner)
    write_object_values(session, found, {"mood": "grim"}, owner)
    request_approval(session, found, ApprovalSpec(users=[owner.user_id]), owner)
    cast_vote(session, found, VoteStatus.APPROVED, owner)
    add_favorites(session, "assets", [asset_id], owner)
    part_id = declare(session, asset_id)[0].id
    shared = create_share(session, owner, "assets", asset_id, ShareInput(frozenset(), has_url=True))
    return part_id, session.scalars(select(ShareUser.id).where(ShareUser.share_id == shared.id)).one()


def test_an_asset_that_holds_everything_ends_comes_back_and_is_purged(sessions: Sessions) -> None:
    admin = Actor("x", is_admin=True)
    with sessions.begin() as session:
        owner, other, viewer = (person(session, name) for name in ("owner", "other", "viewer"))
        create_field(session, "mood", FieldType.STRING, admin)
        create_custom_relation_type(
            session, RelationType(name="belongs", source_label="of", destination_label="has"), admin
        )
        dead = create_empty_asset(session, Asset(title="dead"), owner).id
        survivor = create_empty_asset(session, Asset(title="survivor"), other).id
        poster = create_empty_asset(session, Asset(title="poster"), owner).id
        collection = create_collection(session, Collection(title="reel"), owner).id
        assert viewer.user_id is not None
        principal = Principal(PrincipalKind.USER, viewer.user_id)
        grant_permissions(session, "collections", [collection], [principal], ["read"], owner, propagates=True)
        # Without these rights on the survivor, the owner's share would end with the merge.
        assert owner.user_id is not None
        maker = Principal(PrincipalKind.USER, owner.user_id)
        grant_permissions(session, "assets", [survivor], [maker], ["read", "change-acl"], other)
        add_asset_to_collection(session, collection, dead, owner)
        part_id, recipient = fill(session, owner, dead, poster)
        everybody = (owner, other, viewer)
        before, seen = rows_of(session), readable(session, everybody)
        assert seen == [{"dead", "poster", "survivor"}, {"survivor"}, {"dead"}]
        assert all(before.values())

    with sessions.begin() as session:
        held = merge_into_survivors(session, [(dead, survivor)])
        assert readable(session, everybody) == [{"poster", "survivor"}, {"survivor"}, set()]
        moved = set(session.scalars(select(Segment.asset_id)))
        assert moved == {survivor}
        guest = find_open_share(session, recipient)
        assert guest is not None
        assert (guest.guest.object_id, guest.guest.is_merged, guest.guest.format_ids) == (survivor, True, (part_id,))

    with sessions.begin() as session:
        unmerge_assets(session, [AssetUnmerge(dead, survivor, held[dead])])
        assert rows_of(session) == before
        assert readable(session, everybody) == seen

    with sessions.begin() as session:
        merge_into_survivors(session, [(dead, survivor)])
        session.execute(text("UPDATE asset SET status = 'DELETED', date_deleted = now()"))
        purge_assets(session, [survivor, poster], admin)
        assert session.scalar(select(func.count(Asset.id))) == 0
        left = {name: rows for name, rows in rows_of(session).items() if rows}
        assert list(left) == ["acl_entry"]
        assert len(left["acl_entry"]) == 2
