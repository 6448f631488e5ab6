"""Permissions without a route: what a storage grants on ingested assets."""

from models.access.acl import ALL_PERMISSIONS, Actor, PrincipalKind
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import Sessions
from services.access.acl_templates import AclGrant, create_acl_template, grants_for_ingested
from services.access.permissions import Principal, effective_permissions, grant_permissions
from services.access.users import create_group, create_user
from services.catalog.assets.assets import create_empty_asset
from services.core.actors import SETUP_ACTOR


def test_what_a_storage_ingests_is_its_owners_and_opens_to_its_readers_and_template(sessions: Sessions) -> None:
    with sessions.begin() as session:
        owner = create_user(session, User(email="owner@example.org"), SETUP_ACTOR)
        readers = Principal(PrincipalKind.GROUP, create_group(session, "readers", SETUP_ACTOR).id)
        template = create_acl_template(session, "team", SETUP_ACTOR)
        storage = Storage(id=new_id(), name="s", root=b"/s")
        session.add(storage)
        session.flush()
        grant_permissions(session, "storages", [storage.id], [readers], ["read"], SETUP_ACTOR)
        grant_permissions(session, "acl_templates", [template.id], [readers], ["write"], SETUP_ACTOR)
        rights = grants_for_ingested(session, storage.id, owner.id, template.id)
    assert rights == [
        AclGrant(readers, ("read", "write")),
        AclGrant(Principal(PrincipalKind.USER, owner.id), ALL_PERMISSIONS),
    ]


def test_rights_are_the_union_over_a_user_and_its_groups(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, User(email="a@example.org"), SETUP_ACTOR)
        group = create_group(session, "g", SETUP_ACTOR)
        asset = create_empty_asset(session, Asset(title="x"), SETUP_ACTOR)
        grant_permissions(
            session, "assets", [asset.id], [Principal(PrincipalKind.GROUP, group.id)], ["read"], SETUP_ACTOR
        )
        grant_permissions(
            session, "assets", [asset.id], [Principal(PrincipalKind.USER, user.id)], ["delete"], SETUP_ACTOR
        )
        alone, member = Actor("a", user.id), Actor("a", user.id, group_ids=(group.id,))
        assert effective_permissions(session, alone, "assets", asset.id) == ["delete"]
        assert effective_permissions(session, member, "assets", asset.id) == ["read", "delete"]
