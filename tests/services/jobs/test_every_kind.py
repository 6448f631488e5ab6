"""What every kind of job keeps to: its ends, its errors, its lease."""

import ast
import uuid
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InternalError, NotSupportedError, ProgrammingError

from grouping import RULES_VERSION
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.queues.job import JOB_QUEUE, MAX_JOB_CRASHES, MAX_JOB_ERRORS, Job, JobStatus, dispatch_jobs
from services.core.actors import SETUP_ACTOR
from services.job_kinds import job_kinds, run_job_message
from services.jobs.actions import JobAction, apply_job_action
from tests.pipeline import FAST, open_pipeline
from tests.servers import Servers
from tests.services.jobs.every_kind import (
    CASES,
    Environment,
    after_claim,
    broken,
    make_job,
    open_environment,
    prepare,
    read_job,
)

SERVICES = Path(__file__).parents[3] / "services"
ERRORS: dict[str, type[DBAPIError]] = {
    "22P02": DataError,
    "23514": IntegrityError,
    "42P01": ProgrammingError,
    "0A000": NotSupportedError,
    "XX000": InternalError,
}
GOOD_ENDS = (JobStatus.FINISHED, JobStatus.FINISHED_WITH_WARNING)


@pytest.fixture(scope="module")
def prepared(servers: Servers, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database of a small system, to be copied."""
    name, root = f"every_kind_{worker_id}", tmp_path_factory.mktemp("rushes")
    servers.create_database(name)
    with open_pipeline(servers.postgres.url(name), root) as pipeline:
        pipeline.add_storage(scan=True)
        prepare(pipeline)
    yield name
    servers.drop_database(name)


@pytest.fixture
def environment(servers: Servers, prepared: str, tmp_path: Path) -> Iterator[Environment]:
    name = f"{prepared}_copy"
    servers.postgres.create_database(name, prepared)
    engine = make_engine(servers.postgres.url(name))
    yield open_environment(make_sessions(engine), tmp_path / "media")
    engine.dispose()
    servers.drop_database(name)


GROUPED = text("""
    UPDATE island SET rules_version = :rules, profile_revision = 1, dirty_since = NULL, lease_until = NULL
""")


def run(environment: Environment, task: str, job_id: uuid.UUID) -> Job:
    """Dispatched again as often as it pauses, until it ends or waits for a retry."""
    for _ in range(10):
        with environment.sessions.begin() as session:
            session.execute(update(Job).where(Job.id == job_id).values(not_before=Job.date_created))
        run_job_message(environment, task, [str(job_id)])
        job = read_job(environment.sessions, job_id)
        if job.completed_at is not None or job.error_message is not None or job.lease_owner is not None:
            break
        with environment.sessions.begin() as session:  # what a regroup job waits for
            session.execute(GROUPED, {"rules": RULES_VERSION})
    return job


def restart(sessions: Sessions, job_id: uuid.UUID) -> None:
    transact(sessions, lambda session: apply_job_action(session, [job_id], JobAction.RESTART, SETUP_ACTOR))


def expire(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("UPDATE job SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL"))


def die_with(environment: Environment, task: str, job_id: uuid.UUID) -> None:
    """A worker claims the job and is killed."""
    claims = transact(environment.sessions, JOB_QUEUE.claim, FAST, ids=[job_id], task=task)
    assert [claim.id for claim in claims] == [job_id]
    expire(environment.sessions)


def test_every_task_that_jobs_are_created_for_is_in_the_registry(environment: Environment) -> None:
    created: set[str] = set()
    for path in SERVICES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "add_job":
                module = import_module(".".join(path.relative_to(SERVICES.parent).with_suffix("").parts))
                created.add(getattr(module, ast.unparse(node.args[1]), ""))
    assert len(created) > 10
    assert created - {""} <= job_kinds(environment).keys() == CASES.keys()


@pytest.mark.parametrize("task", CASES)
def test_an_error_of_the_database_reaches_the_job_which_is_tried_again_and_put_aside_in_the_end(
    environment: Environment, task: str
) -> None:
    sessions, case = environment.sessions, CASES[task]
    job_id = make_job(sessions, case)
    for attempt, (sqlstate, error) in enumerate(ERRORS.items(), start=1):
        with broken(sessions, case.table, sqlstate), pytest.raises(error):
            run(environment, task, job_id)
        job = read_job(sessions, job_id)
        name = psycopg.errors.lookup(sqlstate).__name__.rstrip("_")
        assert job.error_message == f"{name}: the {case.table} is broken"
        assert (job.status, job.lease_owner, job.attempt) == (JobStatus.STARTED, None, attempt)
        assert job.not_before > job.date_modified
    with sessions.begin() as session:
        session.execute(update(Job).values(attempt=MAX_JOB_ERRORS - 1))
    with broken(sessions, case.table, "22P02"), pytest.raises(DataError):
        run(environment, task, job_id)
    job = read_job(sessions, job_id)
    said = f"InvalidTextRepresentation: the {case.table} is broken"
    assert (job.dead_lettered_at is not None, job.error_message) == (True, said)
    restart(sessions, job_id)
    assert run(environment, task, job_id).completed_at is not None


@pytest.mark.parametrize("task", [task for task, case in CASES.items() if case.refuse])
def test_a_refusal_ends_a_job_with_its_reason(environment: Environment, task: str) -> None:
    job_id = make_job(environment.sessions, CASES[task])
    with environment.sessions.begin() as session:
        session.execute(text(CASES[task].refuse or ""))
    job = run(environment, task, job_id)
    assert (job.status, job.error_message) == (JobStatus.FAILED, job.message)
    assert "may not sign in" in job.message or "known are web" in job.message


@pytest.mark.parametrize("task", CASES)
def test_a_job_writes_nothing_without_its_lease_stops_when_aborted_and_is_done_when_restarted_or_left(
    environment: Environment, task: str
) -> None:
    sessions = environment.sessions
    job_id = make_job(sessions, CASES[task])
    with after_claim(sessions, "lease_owner = 'another', attempt = attempt + 1"):
        lost = run(environment, task, job_id)
    assert (lost.lease_owner, lost.attempt, lost.status) == ("another", 2, JobStatus.STARTED)
    assert (lost.message, lost.error_message, lost.progress_processed) == ("", None, 0)
    with sessions.begin() as session:
        session.execute(update(Job).values(lease_owner=None, lease_until=None, attempt=0, status=JobStatus.READY))
    with after_claim(sessions, "status = 'ABORT_PENDING'"):
        job = run(environment, task, job_id)
    assert (job.status, job.lease_owner, job.message[:7]) == (JobStatus.ABORTED, None, "stopped")
    for dies in (False, True):
        restart(sessions, job_id)
        if dies:
            die_with(environment, task, job_id)
        job = run(environment, task, job_id)
        assert job.status in GOOD_ENDS or "0 of 1 file match" in job.message, job.error_message
        assert (job.lease_owner, job.lease_until, job.attempt, job.crashes) == (None, None, 0, 0)
    restart(sessions, job_id)
    for _ in range(MAX_JOB_CRASHES + 1):
        die_with(environment, task, job_id)
    transact(sessions, lambda session: dispatch_jobs(session, FAST))
    job = read_job(sessions, job_id)
    assert job.dead_lettered_at is not None
    assert job.error_message == f"its worker died {MAX_JOB_CRASHES} times while it ran"
