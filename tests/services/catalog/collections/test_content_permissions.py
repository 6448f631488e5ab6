"""Permissions set on everything inside collections, as a job limited to its user's permissions."""

import uuid

import pytest
from sqlalchemy import select

from models.access.acl import AclEntry, Actor, PrincipalKind
from models.access.user import User
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.core.sessions import Sessions, transact
from models.queues.job import Job, JobStatus
from services.access.permissions import MAX_PROPAGATING_COLLECTIONS, Principal, grant_permissions
from services.access.users import create_user
from services.catalog.assets.assets import create_empty_asset
from services.catalog.collections import permissions
from services.catalog.collections.collections import create_collection
from services.catalog.collections.contents import add_asset_to_collection
from services.catalog.collections.permissions import (
    CONTENT_PERMISSIONS_JOBS,
    request_content_permissions,
)
from services.core.actors import SETUP_ACTOR, find_actor
from services.core.errors import Conflict
from services.jobs.actions import JobAction, apply_job_action
from tests.pipeline import FAST


def user(sessions: Sessions) -> Actor:
    key = transact(
        sessions, lambda session: create_user(session, User(email=f"{uuid.uuid4().hex}@example.org"), SETUP_ACTOR).id
    )
    return transact(sessions, lambda session: find_actor(session, key))


def readers(sessions: Sessions, who: Actor) -> set[uuid.UUID]:
    query = select(AclEntry.object_id).where(AclEntry.principal_id == who.user_id)
    with sessions() as session:
        return set(session.scalars(query))


def run(sessions: Sessions, job: uuid.UUID) -> Job:
    CONTENT_PERMISSIONS_JOBS.run(sessions, [job], FAST)
    with sessions() as session:
        return session.get_one(Job, job)


def test_everything_inside_gets_the_rights_that_its_user_may_give_and_loses_them(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(permissions, "PERMISSION_BATCH_SIZE", 3)
    owner, reader = user(sessions), user(sessions)
    with sessions.begin() as session:
        root = create_collection(session, Collection(title="root"), owner)
        leaf = create_collection(session, Collection(title="leaf", parent_id=root.id), owner)
        mine = [create_empty_asset(session, Asset(title=f"clip {number}"), owner).id for number in range(7)]
        for place, key in enumerate(mine):
            add_asset_to_collection(session, leaf.id if place % 2 else root.id, key, owner)
        foreign = create_empty_asset(session, Asset(title="foreign"), SETUP_ACTOR)
        add_asset_to_collection(session, root.id, foreign.id, SETUP_ACTOR)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    rights = {"permissions": ["read"], "adds": True}
    kinds = ["collections", "assets"]
    job = transact(
        sessions, lambda session: request_content_permissions(session, [root.id], kinds, who, rights, owner).id
    )
    ended = run(sessions, job)
    assert (ended.status, ended.progress_processed) == (JobStatus.FINISHED, 8)
    assert readers(sessions, reader) == {leaf.id, *mine}
    job = transact(
        sessions, lambda session: request_content_permissions(session, [root.id], ["assets"], who, {}, owner).id
    )
    assert run(sessions, job).status == JobStatus.FINISHED
    assert readers(sessions, reader) == {leaf.id}


def test_a_job_that_is_aborted_stops_and_one_of_a_blocked_user_fails(sessions: Sessions) -> None:
    owner, reader = user(sessions), user(sessions)
    root = transact(sessions, lambda session: create_collection(session, Collection(title="root"), owner).id)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    rights = {"permissions": ["read"], "adds": True}

    def request() -> uuid.UUID:
        return transact(
            sessions, lambda session: request_content_permissions(session, [root], ["assets"], who, rights, owner).id
        )

    job = request()
    transact(sessions, lambda session: apply_job_action(session, [job], JobAction.ABORT, owner) and None)
    assert run(sessions, job).status == JobStatus.ABORTED
    job = request()
    with sessions.begin() as session:
        session.execute(AclEntry.metadata.tables["user_account"].update().values(status="BLOCKED"))
    ended = run(sessions, job)
    assert ended.status == JobStatus.FAILED
    assert "may not sign in" in ended.message


def test_rights_of_a_thousand_collections_propagate_to_one_user_and_of_no_more(sessions: Sessions) -> None:
    reader = user(sessions)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    with sessions.begin() as session:
        keys = [
            create_collection(session, Collection(title="c"), SETUP_ACTOR).id
            for _ in range(MAX_PROPAGATING_COLLECTIONS)
        ]
        grant_permissions(session, "collections", keys, who, ["read"], SETUP_ACTOR, propagates=True)
    more = transact(sessions, lambda session: create_collection(session, Collection(title="one more"), SETUP_ACTOR).id)
    with pytest.raises(Conflict, match="propagate"), sessions.begin() as session:
        grant_permissions(session, "collections", [more], who, ["read"], SETUP_ACTOR, propagates=True)
    actor = transact(sessions, lambda session: find_actor(session, reader.user_id))
    assert len(actor.propagating) == MAX_PROPAGATING_COLLECTIONS
