"""Bulk metadata jobs: validated before they are created, then run in batches, with the permissions of that moment."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.exc import IntegrityError

from models.access.acl import AclEntry, Actor
from models.access.user import User, UserStatus
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.catalog.history import History, Operation
from models.catalog.metadata import FieldType, MetadataBulkObject, MetadataValue
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.job import JOB_QUEUE, Job, JobStatus
from services.access.users import create_user
from services.catalog.assets.assets import create_empty_asset, delete_asset
from services.catalog.collections.collections import create_collection
from services.catalog.collections.tree import delete_collection
from services.core.actors import SETUP_ACTOR
from services.core.errors import FieldsInvalid, PermissionDenied
from services.jobs.actions import JobAction, apply_job_action
from services.jobs.runner import JobRun
from services.lifecycle.merge import merge_into_survivors
from services.lifecycle.purge import purge_assets, purge_collections
from services.metadata.bulk_write import SET_VALUES_JOBS, SET_VALUES_TASK, create_bulk_write_job
from services.metadata.change_set import FieldInput, WriteMode, parse_field_inputs, validate_changes
from services.metadata.fields import create_field
from services.metadata.forms import load_fields_form
from services.metadata.values import (
    list_object_values,
    load_stored_values,
    write_object_values,
    write_objects_values,
)
from services.metadata.views import ViewInput, create_view
from services.objects.objects import ObjectRef, find_object, get_object_for_update

TIMING = Timing(lease_seconds=5)


def make_user(sessions: Sessions, name: str, *, is_admin: bool = False) -> Actor:
    with sessions.begin() as session:
        user = create_user(session, User(email=f"{name}@example.org", is_admin=is_admin), SETUP_ACTOR)
        return Actor(user.display_name, user.id, is_admin)


def make_assets(sessions: Sessions, actor: Actor, count: int) -> list[uuid.UUID]:
    with sessions.begin() as session:
        return [create_empty_asset(session, Asset(title=f"clip {number}"), actor).id for number in range(count)]


def make_view(sessions: Sessions, **fields: dict[str, Any] | str) -> uuid.UUID:
    """A view of fields, each by its type, or by its settings with the type among them."""
    with sessions.begin() as session:
        for name, given in fields.items():
            settings = {"field_type": given} if isinstance(given, str) else dict(given)
            create_field(session, name, FieldType(settings.pop("field_type")), SETUP_ACTOR, settings)
        return create_view(session, ViewInput("Form", [{"name": name} for name in fields]), SETUP_ACTOR).id


def request(sessions: Sessions, actor: Actor, view: uuid.UUID, ids: Sequence[uuid.UUID], **values: Any) -> uuid.UUID:
    with sessions.begin() as session:
        return create_bulk_write_job(session, "assets", view, ids, parse_field_inputs(values), actor).id


def job_of(sessions: Sessions, job_id: uuid.UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def values(sessions: Sessions, asset_id: uuid.UUID) -> dict[str, list[Any]]:
    with sessions() as session:
        return {one.name: one.values for one in list_object_values(session, asset_id)}


def told(sessions: Sessions, asset_id: uuid.UUID) -> list[History]:
    with sessions() as session:
        query = select(History).where(History.asset_id == asset_id, History.operation_type == Operation.METADATA)
        return list(session.scalars(query.order_by(History.id)))


def test_a_job_writes_the_values_on_all_and_says_how_far_it_is(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer", tags="tag_cloud")
    ids = make_assets(sessions, ann, 450)
    job_id = request(sessions, ann, view, [*ids, ids[0]], scene=7, tags=FieldInput(["night"], WriteMode.APPEND))
    waiting = job_of(sessions, job_id)
    assert (waiting.type, waiting.status, waiting.progress_total) == ("METADATA", JobStatus.READY, 450)
    assert len(SET_VALUES_JOBS.run(sessions, [job_id], TIMING)) == 1
    job = job_of(sessions, job_id)
    assert (job.status, job.progress_processed, job.message) == (JobStatus.FINISHED, 450, "450 objects written")
    assert {str(values(sessions, key)) for key in ids[::50]} == {str({"scene": [7], "tags": ["night"]})}
    (entry,) = told(sessions, ids[9])
    assert (entry.actor, entry.user_id, entry.job_id) == (ann.name, ann.user_id, job_id)
    assert entry.operation_description == 'metadata changed: scene from nothing to "7"; tags from nothing to "night"'
    with sessions() as session:
        marked = session.scalars(select(IndexMark.object_id).where(IndexMark.dirty_since.is_not(None))).all()
    assert set(ids) <= set(marked)


def test_what_is_there_already_is_left_alone(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    ids = make_assets(sessions, ann, 3)
    for _ in range(2):
        SET_VALUES_JOBS.run(sessions, [request(sessions, ann, view, ids, scene=7)], TIMING)
    assert [len(told(sessions, key)) for key in ids] == [1, 1, 1]


@pytest.mark.parametrize("given", [{"scene": "x"}, {"other": 1}, {"scene": [1, 2]}])
def test_values_that_no_object_could_have_make_no_job(sessions: Sessions, given: dict[str, Any]) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    with pytest.raises(FieldsInvalid) as refused:
        request(sessions, ann, view, make_assets(sessions, ann, 1), **given)
    assert list(refused.value.errors) == list(given)
    with sessions() as session:
        assert session.scalars(select(Job)).all() == []


def test_an_object_that_may_not_be_written_is_told_and_keeps_back_nobody(sessions: Sessions) -> None:
    ann, bob = make_user(sessions, "ann"), make_user(sessions, "bob")
    view = make_view(sessions, scene="integer", take={"field_type": "integer", "required": True})
    mine, theirs = make_assets(sessions, ann, 4), make_assets(sessions, bob, 2)
    with sessions.begin() as session:
        delete_asset(session, mine[0], ann)
        write_object_values(session, find_object(session, SETUP_ACTOR, "assets", mine[1]), {"take": 1}, SETUP_ACTOR)
        reads = AclEntry(object_id=theirs[0], object_type="assets", principal_id=ann.user_id, principal_kind="user")
        reads.permissions = ["read"]
        session.add(reads)
    unknown = uuid.uuid4()
    job_id = request(sessions, ann, view, [*mine, *theirs, unknown], scene=7)
    SET_VALUES_JOBS.run(sessions, [job_id], TIMING)
    job = job_of(sessions, job_id)
    assert (job.status, job.message) == (JobStatus.FINISHED_WITH_WARNING, "1 object written, 6 refused")
    context = job.details["job_context"]
    assert context["refused_count"] == 6
    assert {uuid.UUID(one["object_id"]): one["error"] for one in context["refused"]} == {
        mine[0]: '"clip 0" is deleted; restore it first',
        mine[2]: "take: is required",
        mine[3]: "take: is required",
        theirs[0]: 'you may read the asset "clip 0", but not "write" it',
        theirs[1]: f"asset {theirs[1]} does not exist",
        unknown: f"asset {unknown} does not exist",
    }
    assert [values(sessions, key) for key in mine] == [{}, {"scene": [7], "take": [1]}, {}, {}]


def test_a_job_that_broke_down_goes_on_behind_its_last_batch(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, tags="tag_cloud")
    ids = sorted(make_assets(sessions, ann, 450))
    job_id = request(sessions, ann, view, ids, tags="night")
    with sessions.begin() as session:
        session.execute(text(f"ALTER TABLE metadata_value ADD CONSTRAINT broken CHECK (object_id <> '{ids[250]}')"))
    with pytest.raises(IntegrityError):
        SET_VALUES_JOBS.run(sessions, [job_id], TIMING)
    job = job_of(sessions, job_id)
    assert (job.status, job.progress_processed, job.lease_owner) == (JobStatus.STARTED, 200, None)
    assert str(job.error_message).startswith("CheckViolation")
    assert (values(sessions, ids[199]), values(sessions, ids[200])) == ({"tags": ["night"]}, {})
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE metadata_value DROP CONSTRAINT broken"))
        session.execute(update(Job).values(not_before=Job.date_created))
    SET_VALUES_JOBS.run(sessions, [job_id], TIMING)
    assert job_of(sessions, job_id).message == "450 objects written"
    assert {len(told(sessions, key)) for key in (ids[0], ids[200], ids[449])} == {1}


def test_a_person_stops_a_job_and_starts_it_again(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    ids = make_assets(sessions, ann, 3)
    job_id = request(sessions, ann, view, ids, scene=7)
    with sessions.begin() as session:
        session.execute(update(Job).values(status=JobStatus.ABORT_PENDING))
    assert len(SET_VALUES_JOBS.run(sessions, [job_id], TIMING)) == 0
    with sessions.begin() as session:
        session.execute(update(Job).values(status=JobStatus.READY))
        (claim,) = JOB_QUEUE.claim(session, TIMING, ids=[job_id], task=SET_VALUES_TASK)
    with sessions.begin() as session:
        session.execute(update(Job).values(status=JobStatus.ABORT_PENDING))
    SET_VALUES_JOBS.run_claimed(JobRun(sessions, TIMING, claim))
    job = job_of(sessions, job_id)
    assert (job.status, job.message) == (JobStatus.ABORTED, "stopped; 0 objects written")
    with sessions.begin() as session:
        apply_job_action(session, [job_id], JobAction.RESTART, ann)
    SET_VALUES_JOBS.run(sessions, [job_id], TIMING)
    assert job_of(sessions, job_id).status == JobStatus.FINISHED
    assert values(sessions, ids[2]) == {"scene": [7]}


def test_a_job_whose_user_may_not_sign_in_any_more_writes_nothing(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    ids = make_assets(sessions, ann, 1)
    job_id = request(sessions, ann, view, ids, scene=7)
    with sessions.begin() as session:
        session.execute(update(User).where(User.id == ann.user_id).values(status=UserStatus.BLOCKED))
    SET_VALUES_JOBS.run(sessions, [job_id], TIMING)
    job = job_of(sessions, job_id)
    assert (job.status, values(sessions, ids[0])) == (JobStatus.FAILED, {})
    assert "may not sign in" in job.message


def test_a_removed_job_takes_its_list_along(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    job_id = request(sessions, ann, view, make_assets(sessions, ann, 2), scene=7)
    with sessions.begin() as session:
        session.execute(delete(Job).where(Job.id == job_id))
        assert session.scalars(select(MetadataBulkObject)).all() == []


def test_through_a_closed_view_only_administrators_make_jobs(sessions: Sessions) -> None:
    ann, view = make_user(sessions, "ann"), make_view(sessions, scene="integer")
    with sessions.begin() as session:
        closed = ViewInput("Closed", [{"name": "scene"}], {"write_access_for_everyone": False})
        view = create_view(session, closed, SETUP_ACTOR).id
    with pytest.raises(PermissionDenied):
        request(sessions, ann, view, make_assets(sessions, ann, 1), scene=7)


def test_many_assets_are_written_in_as_many_statements_as_one(sessions: Sessions) -> None:
    make_view(sessions, reel="string_exact", frames={"field_type": "integer", "read_only": True, "required": True})
    with sessions() as session:
        form = load_fields_form(session, ["reel", "frames"])
    counts = []
    for many in (1, 300):
        ids = make_assets(sessions, SETUP_ACTOR, many)
        found = {key: ObjectRef("assets", key, "", False, key, key) for key in ids}
        wanted = {
            key: validate_changes(form, parse_field_inputs({"reel": f"A{place:03}", "frames": place}))
            for place, key in enumerate(ids)
        }
        statements: list[str] = []
        event.listen(sessions.kw["bind"], "before_cursor_execute", lambda *args, to=statements: to.append(args[2]))
        outcome = transact(sessions, write_objects_values, form, found, wanted, SETUP_ACTOR)
        counts.append(len(statements))
        assert set(outcome.changed) == set(ids)
    assert counts[0] == counts[1] <= 4
    assert values(sessions, ids[299]) == {"reel": ["A299"], "frames": [299]}
    assert [entry.operation_description for entry in told(sessions, ids[299])] == [
        'metadata changed: reel from nothing to "A299"; frames from nothing to "299"'
    ]


def set_scenes(sessions: Sessions, scenes: dict[uuid.UUID, int]) -> None:
    with sessions.begin() as session:
        for key, scene in scenes.items():
            write_object_values(
                session, find_object(session, SETUP_ACTOR, "assets", key), {"scene": scene}, SETUP_ACTOR
            )


def test_a_merge_keeps_the_survivors_values_and_a_parting_gives_the_others_back(sessions: Sessions) -> None:
    make_view(sessions, scene="integer")
    survivor, dead = make_assets(sessions, SETUP_ACTOR, 2)
    set_scenes(sessions, {survivor: 1, dead: 2})
    transact(sessions, lambda session: merge_into_survivors(session, [(dead, survivor)]))
    with sessions.begin() as session:
        found = get_object_for_update(session, SETUP_ACTOR, "assets", dead)
        assert (found.id, [one.values for one in list_object_values(session, found.id)]) == (survivor, [[1]])
        assert list(load_stored_values(session, [dead])[dead].values()) == [[2]]
    assert 'scene from nothing to "2"' in told(sessions, dead)[0].operation_description


def test_a_purge_takes_values_along(sessions: Sessions) -> None:
    ann = make_user(sessions, "ann")
    make_view(sessions, scene="integer")
    kept, gone = make_assets(sessions, ann, 2)
    set_scenes(sessions, {kept: 1, gone: 2})
    transact(sessions, lambda session: delete_asset(session, gone, ann))
    transact(sessions, lambda session: purge_assets(session, [gone], ann))
    with sessions() as session:
        assert session.scalars(select(MetadataValue.object_id)).all() == [kept]
        assert session.get(Asset, gone) is None


def test_a_purge_of_a_collection_takes_its_values_along(sessions: Sessions) -> None:
    make_view(sessions, scene="integer")
    with sessions.begin() as session:
        key = create_collection(session, Collection(title="Dailies"), SETUP_ACTOR).id
        write_object_values(
            session, get_object_for_update(session, SETUP_ACTOR, "collections", key), {"scene": 1}, SETUP_ACTOR
        )
        delete_collection(session, key, SETUP_ACTOR)
    assert values(sessions, key) == {"scene": [1]}
    transact(sessions, lambda session: purge_collections(session, [key], SETUP_ACTOR))
    with sessions() as session:
        assert session.scalars(select(MetadataValue)).all() == []
