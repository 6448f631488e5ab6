"""Triggers: recorded as jobs first, validated, run with a user's permissions, and never twice."""

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, Actor, PrincipalKind
from models.access.share import Share
from models.access.user import User, UserStatus
from models.catalog.approval import Approval
from models.catalog.asset import Asset
from models.catalog.history import History
from models.catalog.metadata import MetadataField, MetadataValue
from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.index_mark import IndexMark
from models.queues.job import Job, JobStatus, dispatch_jobs
from models.queues.notify import leave_to_beat
from models.queues.scan_request import ScanRequest
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR, find_actor
from services.core.errors import Conflict
from services.jobs.actions import JobAction, apply_job_action
from services.triggers.registry import TRIGGER_REGISTRY
from services.triggers.runner import (
    TRIGGER_TASK,
    RecordedTrigger,
    TriggerEnvironment,
    find_service_actor,
    record_trigger,
    trigger_jobs,
)
from tests.pipeline import Pipeline, open_pipeline

EMAIL = "mam@example.org"
TIMING = Timing()


@pytest.fixture
def storage(sessions: Sessions, root: Path) -> uuid.UUID:
    """A storage that the service user may write."""
    with sessions.begin() as session:
        user = create_user(session, User(email=EMAIL), SETUP_ACTOR)
        storage = Storage(id=new_id(), name="Rushes", root=str(root).encode())
        session.add(storage)
        entry = AclEntry(object_id=storage.id, object_type="storages", principal_id=user.id)
        entry.principal_kind, entry.permissions = PrincipalKind.USER, ["read", "write"]
        session.add(entry)
        return storage.id


def ask(
    sessions: Sessions, name: str, given: Mapping[str, Any], job_id: uuid.UUID | None = None, email: str | None = EMAIL
) -> RecordedTrigger:
    def write(session: Session) -> RecordedTrigger:
        return record_trigger(session, TRIGGER_REGISTRY[name], given, job_id, find_service_actor(session, email))

    return transact(sessions, write)


def run(sessions: Sessions, job_id: uuid.UUID, email: str | None = EMAIL) -> Job:
    trigger_jobs(TriggerEnvironment(email), leave_to_beat).run(sessions, [job_id], TIMING)
    return job_of(sessions, job_id)


def job_of(sessions: Sessions, job_id: uuid.UUID) -> Job:
    with sessions() as session:
        return session.get_one(Job, job_id)


def end_wait(sessions: Sessions, job_id: uuid.UUID) -> None:
    """Advance the time between two checks."""
    with sessions.begin() as session:
        session.execute(update(Job).where(Job.id == job_id).values(not_before=func.now()))


def test_a_request_is_a_job_under_the_caller_s_own_id_before_it_is_anything_else(
    sessions: Sessions, storage: uuid.UUID
) -> None:
    wanted = uuid.uuid4()
    assert ask(sessions, "scan", {"storage": "Rushes"}, wanted) == RecordedTrigger(wanted, True)
    job = job_of(sessions, wanted)
    assert (job.type, job.status, job.task, job.title) == ("SCAN", JobStatus.READY, TRIGGER_TASK, "Scan Rushes")
    with sessions.begin() as session:
        assert dispatch_jobs(session, TIMING) == [(TRIGGER_TASK, wanted)]


def test_a_repeat_does_nothing_and_another_request_under_the_same_id_is_refused(
    sessions: Sessions, storage: uuid.UUID
) -> None:
    wanted = uuid.uuid4()
    ask(sessions, "scan", {"storage": "Rushes"}, wanted)
    assert ask(sessions, "scan", {"storage": "Rushes"}, wanted) == RecordedTrigger(wanted, False)
    with pytest.raises(Conflict, match="used for something else"):
        ask(sessions, "scan", {"storage": "Other"}, wanted)
    with sessions.begin() as session:
        other = Job(id=uuid.uuid4(), type="CUSTOM", title="theirs")
        session.add(other)
    with pytest.raises(Conflict):
        ask(sessions, "scan", {"storage": "Rushes"}, other.id)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "name a storage"),
        ({"storag": "Rushes"}, "storag"),
        ({"storage": 7}, "storage"),
        ({"storage": ""}, "storage"),
        ({"storage": "a\0b"}, "NUL"),
        ({"storage": "\ud800"}, "no JSON"),
        ({"storage": "Rushes", "path": "x" * 300_000}, "longer than"),
        ({"storage": float("nan")}, "no JSON"),
    ],
)
def test_arguments_that_read_wrong_leave_a_failed_job_that_says_so(
    sessions: Sessions, storage: uuid.UUID, given: Mapping[str, Any], said: str
) -> None:
    recorded = ask(sessions, "scan", given)
    job = job_of(sessions, recorded.job_id)
    assert (job.status, recorded.refusal) == (JobStatus.FAILED, job.error_message)
    assert said in (job.error_message or "")


def test_what_was_sent_under_an_unknown_name_is_kept_nowhere(sessions: Sessions, storage: uuid.UUID) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes", "password": "s3cret"})
    job = job_of(sessions, recorded.job_id)
    assert "s3cret" not in f"{job.arguments}{job.error_message}{job.title}{job.message}{job.details}"


def test_without_a_service_user_a_message_is_refused_and_the_job_says_what_to_set(
    sessions: Sessions, storage: uuid.UUID
) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes"}, email=None)
    assert "TAPELESS_TRIGGER_USER" in (job_of(sessions, recorded.job_id).error_message or "")


def test_a_refused_job_runs_after_all_once_there_is_a_service_user_and_somebody_restarts_it(
    sessions: Sessions, storage: uuid.UUID
) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes"}, email="nobody@example.org")
    with sessions.begin() as session:
        apply_job_action(session, [recorded.job_id], JobAction.RESTART, SETUP_ACTOR)
    assert run(sessions, recorded.job_id).status == JobStatus.STARTED


def test_it_runs_with_the_rights_of_the_service_user_and_of_nobody_else(sessions: Sessions, storage: uuid.UUID) -> None:
    with sessions.begin() as session:
        session.add(Storage(id=new_id(), name="Secret", root=b"/nowhere/secret"))
    hidden, absent = ask(sessions, "scan", {"storage": "Secret"}), ask(sessions, "scan", {"storage": "Absent"})
    said = [run(sessions, each.job_id) for each in (hidden, absent)]
    assert [job.status for job in said] == [JobStatus.FAILED] * 2
    assert [job.error_message for job in said] == ["storage Secret does not exist", "storage Absent does not exist"]


def test_a_right_that_was_taken_away_meanwhile_counts(sessions: Sessions, storage: uuid.UUID) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes"})
    with sessions.begin() as session:
        session.execute(update(AclEntry).values(permissions=["read"]))
    job = run(sessions, recorded.job_id)
    assert (job.status, '"write"' in (job.error_message or "")) == (JobStatus.FAILED, True)


def test_a_user_who_was_blocked_meanwhile_does_nothing_more(sessions: Sessions, storage: uuid.UUID) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes"})
    with sessions.begin() as session:
        session.execute(update(User).values(status=UserStatus.BLOCKED))
    assert "may not sign in" in (run(sessions, recorded.job_id).error_message or "")


def test_a_scan_is_done_when_a_walk_that_began_after_it_has_ended(sessions: Sessions, storage: uuid.UUID) -> None:
    recorded = ask(sessions, "scan", {"storage": str(storage)})
    assert run(sessions, recorded.job_id).status == JobStatus.STARTED
    with sessions.begin() as session:
        row = session.get_one(Storage, storage)
        assert row.scan_requested_at is not None
        row.scan_requested_at, row.last_scanned, row.scan_seconds = None, func.now(), 3600.0
    end_wait(sessions, recorded.job_id)
    assert run(sessions, recorded.job_id).status == JobStatus.STARTED
    with sessions.begin() as session:
        row = session.get_one(Storage, storage)
        row.last_scanned, row.scan_seconds, row.scan_entries = (
            func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 2),
            1,
            7,
        )
    end_wait(sessions, recorded.job_id)
    job = run(sessions, recorded.job_id)
    assert (job.status, job.message) == (JobStatus.FINISHED, 'the storage "Rushes" was walked: 7 entries')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "a.mov"}, "is not absolute"),
        ({"path": "/elsewhere/a.mov"}, "does not exist"),
        ({"path": "/elsewhere/a.mov", "storage": "Rushes"}, "does not lie in"),
        ({"path": "../a.mov", "storage": "Rushes"}, '".."'),
        ({"path": "/", "storage": "Rushes"}, "does not lie in"),
    ],
)
def test_a_path_that_leads_out_of_its_storage_is_refused(
    sessions: Sessions, storage: uuid.UUID, given: Mapping[str, Any], said: str
) -> None:
    job = run(sessions, ask(sessions, "ingest", given).job_id)
    assert (job.status, said in (job.error_message or "")) == (JobStatus.FAILED, True), job.error_message


@pytest.mark.parametrize("storage_name", [None, "Rushes"])
def test_a_path_is_found_where_this_machine_has_the_storage_mounted(
    sessions: Sessions, storage: uuid.UUID, root: Path, tmp_path: Path, storage_name: str | None
) -> None:
    place = tmp_path / "volumes" / "rushes"
    configure_mounts({bytes(root): bytes(place)})
    try:
        bases = [place, root] if storage_name else [place]
        for base in bases:
            given = {"path": str(base / "day" / "a.mov"), "storage": storage_name}
            job = run(sessions, ask(sessions, "scan", {name: one for name, one in given.items() if one}).job_id)
            assert job.message == 'the watcher looks at "day/a.mov" of the storage "Rushes"', job.error_message
    finally:
        configure_mounts({})
    with sessions() as session:
        assert session.scalars(select(ScanRequest.path)).all() == [b"day/a.mov"]


@pytest.fixture
def watched(database_url: str, root: Path, storage: uuid.UUID) -> Iterator[Pipeline]:
    """The watcher of the storage, which does not scan by itself."""
    with open_pipeline(database_url, root) as pipeline:
        pipeline.change_settings(scan=False, growing_files_threshold=30)
        yield pipeline


def go_on_until_ended(watched: Pipeline, job_id: uuid.UUID) -> Job:
    def has_ended() -> bool:
        end_wait(watched.sessions, job_id)
        return run(watched.sessions, job_id).completed_at is not None

    watched.wait_for(has_ended, "the job ended")
    return job_of(watched.sessions, job_id)


def test_an_ingested_path_ends_with_the_asset_that_it_is_in(watched: Pipeline, root: Path) -> None:
    (root / "day").mkdir()
    (root / "day" / "clip.mov").write_bytes(b"x")
    recorded = ask(watched.sessions, "ingest", {"path": str(root / "day" / "clip.mov")})
    job = go_on_until_ended(watched, recorded.job_id)
    assert (job.status, job.object_type, job.object_id) == (JobStatus.FINISHED, "assets", watched.ids()["clip"])


def test_a_folder_is_ingested_as_a_whole(watched: Pipeline, root: Path) -> None:
    (root / "day").mkdir()
    (root / "night").mkdir()
    for name in ("day/clip.mov", "day/other.mov", "night/late.mov"):
        (root / name).write_bytes(b"x")
    recorded = ask(watched.sessions, "ingest", {"path": "day", "storage": "Rushes"})
    assert go_on_until_ended(watched, recorded.job_id).status == JobStatus.FINISHED
    assert set(watched.ids()) == {"clip", "other"}


def test_a_path_that_is_not_there_ends_with_a_warning(watched: Pipeline) -> None:
    recorded = ask(watched.sessions, "ingest", {"path": "absent.mov", "storage": "Rushes"})
    job = go_on_until_ended(watched, recorded.job_id)
    assert (job.status, "nothing was recorded" in job.message) == (JobStatus.FINISHED_WITH_WARNING, True)


def test_a_stopped_request_ends_where_it_is(sessions: Sessions, storage: uuid.UUID) -> None:
    recorded = ask(sessions, "scan", {"storage": "Rushes"})
    run(sessions, recorded.job_id)
    with sessions.begin() as session:
        apply_job_action(session, [recorded.job_id], JobAction.ABORT, SETUP_ACTOR)
    with sessions.begin() as session:
        dispatch_jobs(session, TIMING)
    assert job_of(sessions, recorded.job_id).status == JobStatus.ABORTED


def test_the_service_user_is_found_whatever_the_case_of_its_e_mail(sessions: Sessions, storage: uuid.UUID) -> None:
    with sessions() as session:
        user_id = session.scalar(select(User.id).where(User.email == EMAIL))
        assert user_id is not None
        assert find_service_actor(session, EMAIL.upper()) == find_actor(session, user_id)
        assert find_service_actor(session, "m_m@example.org") is None
        assert not isinstance(find_service_actor(session, EMAIL), type(None))
        assert isinstance(find_service_actor(session, EMAIL), Actor)


@pytest.fixture
def asset(sessions: Sessions, storage: uuid.UUID) -> uuid.UUID:
    """An asset that the service user may change and share, and a field to write."""
    with sessions.begin() as session:
        user_id = session.scalar(select(User.id).where(User.email == EMAIL))
        asset = Asset(id=new_id(), title="clip")
        entry = AclEntry(object_id=asset.id, object_type="assets", principal_id=user_id)
        entry.principal_kind, entry.permissions = PrincipalKind.USER, list(ALL_PERMISSIONS)
        session.add_all([asset, entry, MetadataField(id=new_id(), name="scene", label="Scene", field_type="string")])
        return asset.id


def test_metadata_is_written_with_history(sessions: Sessions, asset: uuid.UUID) -> None:
    given = {"object_id": str(asset), "values": {"scene": "12A"}}
    job = run(sessions, ask(sessions, "metadata", given).job_id)
    assert (job.status, job.object_id) == (JobStatus.FINISHED, asset), job.error_message
    with sessions() as session:
        assert session.scalars(select(MetadataValue.values)).all() == [["12A"]]
        assert EMAIL in session.scalars(select(History.actor)).all()


def test_values_that_a_field_does_not_take_are_refused_whole(sessions: Sessions, asset: uuid.UUID) -> None:
    given = {"object_id": str(asset), "values": {"scene": "12A", "no_such_field": 1}}
    job = run(sessions, ask(sessions, "metadata", given).job_id)
    assert (job.status, "no_such_field" in (job.error_message or "")) == (JobStatus.FAILED, True)
    with sessions() as session:
        assert session.scalars(select(MetadataValue.values)).all() == []


def test_an_approval_is_asked_for_and_given_as_the_service_user(sessions: Sessions, asset: uuid.UUID) -> None:
    with sessions() as session:
        user_id = str(session.scalar(select(User.id).where(User.email == EMAIL)))
    asked = {"object_id": str(asset), "status": "REQUESTED", "users": [user_id]}
    for given in (asked, {"object_id": str(asset), "status": "APPROVED"}):
        job = run(sessions, ask(sessions, "approval", given).job_id)
        assert job.status == JobStatus.FINISHED, job.error_message
    with sessions() as session:
        assert session.scalars(select(Approval.status)).all() == ["APPROVED"]
    wrong = run(sessions, ask(sessions, "approval", {**asked, "status": "NOT_APPROVED"}).job_id)
    assert "REQUESTED" in (wrong.error_message or "")


def test_a_share_is_made_by_the_service_user_and_no_secret_of_it_is_kept(sessions: Sessions, asset: uuid.UUID) -> None:
    given = {"object_id": str(asset), "emails": ["ann@example.org"], "allows": ["allow_comments"]}
    job = run(sessions, ask(sessions, "share", given).job_id)
    assert (job.status, job.object_type) == (JobStatus.FINISHED, "shares"), job.error_message
    with sessions() as session:
        made = session.scalars(select(Share)).one()
    assert (made.id, made.allows, made.object_id) == (job.object_id, ["allow_comments"], asset)
    refused = ask(sessions, "share", {**given, "password": "s3cret"})
    assert "s3cret" not in str(vars(job_of(sessions, refused.job_id)))


def test_one_object_is_indexed_again_by_who_may_write_it_and_all_by_administrators(
    sessions: Sessions, asset: uuid.UUID
) -> None:
    revision = select(IndexMark.revision).where(IndexMark.object_id == asset)
    with sessions() as session:
        before = session.scalar(revision)
    job = run(sessions, ask(sessions, "reindex", {"object_id": str(asset)}).job_id)
    assert job.status == JobStatus.FINISHED, job.error_message
    with sessions() as session:
        assert session.scalar(revision) > before
    whole = run(sessions, ask(sessions, "reindex", {}).job_id)
    assert (whole.status, "administrators" in (whole.error_message or "")) == (JobStatus.FAILED, True)
    with sessions.begin() as session:
        session.execute(update(User).values(is_admin=True))
    notified: list[tuple[str, list[Any]]] = []
    wanted = ask(sessions, "reindex", {}).job_id
    service = TriggerEnvironment(EMAIL)
    trigger_jobs(service, lambda task, ids: notified.append((task, list(ids)))).run(sessions, [wanted], TIMING)
    assert notified == [("index.rebuild", [job_of(sessions, wanted).object_id])]
