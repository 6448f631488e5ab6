"""Permissions set on everything inside collections, as a job limited to its user's permissions."""

import uuid

import pytest
from sqlalchemy import select

from models.acl import AclEntry, Actor, PrincipalKind
from models.job import Job, JobStatus
from models.sessions import Sessions, transact
from tasks import collection_rights
from tasks.acls import MOST_PROPAGATING, Principal, grant
from tasks.actors import find_actor
from tasks.assets import NewAsset, create_asset
from tasks.batches import work_off
from tasks.collection_contents import put_asset
from tasks.collection_rights import TASK, request_content_rights, set_batch
from tasks.collections import NewCollection, create_collection
from tasks.job_actions import Action, act
from tasks.refusals import Conflict
from tasks.users import SETUP, NewUser, create_user
from tests.pipeline import FAST


def user(sessions: Sessions) -> Actor:
    key = transact(sessions, lambda session: create_user(session, NewUser(f"{uuid.uuid4().hex}@example.org"), SETUP).id)
    return transact(sessions, lambda session: find_actor(session, key))


def readers(sessions: Sessions, who: Actor) -> set[uuid.UUID]:
    query = select(AclEntry.object_id).where(AclEntry.principal_id == who.user_id)
    with sessions() as session:
        return set(session.scalars(query))


def run(sessions: Sessions, job: uuid.UUID) -> Job:
    work_off(sessions, TASK, [job], FAST, set_batch, "objects have other rights")
    with sessions() as session:
        return session.get_one(Job, job)


def test_everything_inside_gets_the_rights_that_its_user_may_give_and_loses_them(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection_rights, "BATCH", 3)
    owner, reader = user(sessions), user(sessions)
    with sessions.begin() as session:
        root = create_collection(session, NewCollection("root"), owner)
        leaf = create_collection(session, NewCollection("leaf", root.id), owner)
        mine = [create_asset(session, NewAsset(f"clip {number}"), owner).id for number in range(7)]
        for place, key in enumerate(mine):
            put_asset(session, leaf.id if place % 2 else root.id, key, owner)
        foreign = create_asset(session, NewAsset("foreign"), SETUP)
        put_asset(session, root.id, foreign.id, SETUP)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    rights = {"permissions": ["read"], "adds": True}
    kinds = ["collections", "assets"]
    job = transact(sessions, lambda session: request_content_rights(session, [root.id], kinds, who, rights, owner).id)
    ended = run(sessions, job)
    assert (ended.status, ended.progress_processed) == (JobStatus.FINISHED, 8)
    assert readers(sessions, reader) == {leaf.id, *mine}
    job = transact(sessions, lambda session: request_content_rights(session, [root.id], ["assets"], who, {}, owner).id)
    assert run(sessions, job).status == JobStatus.FINISHED
    assert readers(sessions, reader) == {leaf.id}


def test_a_job_that_is_aborted_stops_and_one_of_a_blocked_user_fails(sessions: Sessions) -> None:
    owner, reader = user(sessions), user(sessions)
    root = transact(sessions, lambda session: create_collection(session, NewCollection("root"), owner).id)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    rights = {"permissions": ["read"], "adds": True}

    def request() -> uuid.UUID:
        return transact(
            sessions, lambda session: request_content_rights(session, [root], ["assets"], who, rights, owner).id
        )

    job = request()
    transact(sessions, lambda session: act(session, [job], Action.ABORT, owner) and None)
    assert run(sessions, job).status == JobStatus.ABORTED
    job = request()
    with sessions.begin() as session:
        session.execute(AclEntry.metadata.tables["user_account"].update().values(status="BLOCKED"))
    ended = run(sessions, job)
    assert ended.status == JobStatus.FAILED
    assert "may sign in" in ended.message


def test_rights_of_a_thousand_collections_propagate_to_one_user_and_of_no_more(sessions: Sessions) -> None:
    reader = user(sessions)
    who = [Principal(PrincipalKind.USER, reader.user_id)]
    with sessions.begin() as session:
        keys = [create_collection(session, NewCollection("c"), SETUP).id for _ in range(MOST_PROPAGATING)]
        grant(session, "collections", keys, who, ["read"], SETUP, propagates=True)
    more = transact(sessions, lambda session: create_collection(session, NewCollection("one more"), SETUP).id)
    with pytest.raises(Conflict, match="propagate"), sessions.begin() as session:
        grant(session, "collections", [more], who, ["read"], SETUP, propagates=True)
    actor = transact(sessions, lambda session: find_actor(session, reader.user_id))
    assert len(actor.propagating) == MOST_PROPAGATING
