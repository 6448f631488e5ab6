"""Permissions without a route: what a storage grants on ingested assets."""

from models.acl import ALL, Actor, PrincipalKind
from models.base import new_id
from models.sessions import Sessions
from models.storage import Storage
from tasks.acl_templates import Right, create_template, rights_of_ingested
from tasks.acls import Principal, grant, permissions_of
from tasks.assets import NewAsset, create_asset
from tasks.user_groups import create_group
from tasks.users import SETUP, NewUser, create_user


def test_what_a_storage_ingests_is_its_owners_and_opens_to_its_readers_and_template(sessions: Sessions) -> None:
    with sessions.begin() as session:
        owner = create_user(session, NewUser("owner@example.org"), SETUP)
        readers = Principal(PrincipalKind.GROUP, create_group(session, "readers", SETUP).id)
        template = create_template(session, "team", SETUP)
        storage = Storage(id=new_id(), name="s", root=b"/s")
        session.add(storage)
        session.flush()
        grant(session, "storages", [storage.id], [readers], ["read"], SETUP)
        grant(session, "acl_templates", [template.id], [readers], ["write"], SETUP)
        rights = rights_of_ingested(session, storage.id, owner.id, template.id)
    assert rights == [
        Right(readers, ("read", "write")),
        Right(Principal(PrincipalKind.USER, owner.id), ALL),
    ]


def test_rights_are_the_union_over_a_user_and_its_groups(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = create_user(session, NewUser("a@example.org"), SETUP)
        group = create_group(session, "g", SETUP)
        asset = create_asset(session, NewAsset("x"), SETUP)
        grant(session, "assets", [asset.id], [Principal(PrincipalKind.GROUP, group.id)], ["read"], SETUP)
        grant(session, "assets", [asset.id], [Principal(PrincipalKind.USER, user.id)], ["delete"], SETUP)
        alone, member = Actor("a", user.id), Actor("a", user.id, group_ids=(group.id,))
        assert permissions_of(session, alone, "assets", asset.id) == ["delete"]
        assert permissions_of(session, member, "assets", asset.id) == ["read", "delete"]
