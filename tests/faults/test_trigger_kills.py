"""A trigger is executed exactly once if its worker is killed, before or after its job is committed."""

import os
import signal
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from celery import Celery
from sqlalchemy import Engine, func, select, text

from models.access.share import Share
from models.access.user import User
from models.catalog.asset import Asset
from models.core.base import new_id
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.queues.job import Job, JobStatus, dispatch_jobs
from models.queues.notify import leave_to_beat
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.triggers.runner import TriggerEnvironment, trigger_jobs
from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.settings import make_child_environment

EMAIL = "mam@example.org"
TIMING = Timing(lease_seconds=1.0, dispatch_timeout_seconds=1.0)
OURS = ("-m", "celery", "-A", "workers.app", "worker", "-n", "trigger@%h", "-Q", "trigger", "-c", "1")
SOONER = ("-m", "tests.faults.trigger_worker")
BEFORE, AFTER = "job", "share"
"""The table that the test locks: either the job cannot be inserted yet, or it is inserted and its work blocks."""
BLOCKED = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@dataclass(slots=True)
class Case:
    """A database with an asset, a queue, and a worker that can be killed."""

    engine: Engine
    sessions: Sessions
    asset: uuid.UUID
    broker_url: str
    environment: dict[str, str]
    log: Path
    worker: psutil.Popen | None = None

    def start(self, how: Sequence[str]) -> None:
        """Run a worker until it is killed or the test ends."""
        with open(self.log, "ab") as log:
            command = [sys.executable, *how]
            where = {"env": self.environment, "cwd": self.log.parent, "start_new_session": True}
            self.worker = psutil.Popen(command, stdout=log, stderr=log, **where)

    def kill_child(self) -> None:
        """The process in which the trigger runs; not the worker, nor the command server that it hosts."""
        (child,) = [each for each in self.worker.children() if "command server" not in " ".join(each.cmdline())]
        child.kill()

    def kill_worker(self) -> None:
        """All of it."""
        os.killpg(self.worker.pid, signal.SIGKILL)
        self.worker.wait()

    def ask(self) -> uuid.UUID:
        """Send a trigger that makes something new each time that it runs."""
        given = {"object_id": str(self.asset), "emails": ["ann@example.org"]}
        with closing(Celery(broker=self.broker_url, set_as_current=False)) as app:
            return uuid.UUID(app.send_task("trigger.share", kwargs=given, queue="trigger", ignore_result=True).id)

    @contextmanager
    def in_the_way(self, table: str) -> Iterator[uuid.UUID]:
        """Send a trigger while a table is locked until the block ends; it starts when a writer waits for the lock."""
        # Within a transaction, PostgreSQL shows who is active as it was at the first look.
        anew = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with self.engine.begin() as connection, anew.connect() as looking:
            connection.execute(text(f"LOCK TABLE {table} IN SHARE MODE"))
            job_id = self.ask()
            wait_until(lambda: looking.scalar(BLOCKED), what=f"the trigger wants to write into {table}", seconds=40)
            yield job_id

    def is_written_down(self, job_id: uuid.UUID) -> bool:
        with self.sessions() as session:
            return session.get(Job, job_id) is not None

    def wait_for_end(self, job_id: uuid.UUID) -> None:
        """Until the job has ended; meanwhile do what beat and a worker of `maintenance` do."""

        def has_ended() -> bool:
            waiting = transact(self.sessions, lambda session: dispatch_jobs(session, TIMING))
            kind = trigger_jobs(TriggerEnvironment(EMAIL), leave_to_beat)
            kind.run(self.sessions, [each for _, each in waiting], TIMING)
            with self.sessions() as session:
                job = session.get(Job, job_id)
                return job is not None and job.status == JobStatus.FINISHED

        wait_until(has_ended, what="the trigger is done", seconds=60)

    def has_happened_once(self) -> None:
        """One share, one job, and no message left."""
        with self.sessions() as session:
            assert [session.scalar(select(func.count()).select_from(made)) for made in (Share, Job)] == [1, 1]
        with closing(Celery(broker=self.broker_url, set_as_current=False)) as app, app.connection_for_read() as broker:
            client = broker.default_channel.client
            wait_until(lambda: not client.llen("trigger") and not client.hlen("unacked"), what="no message is left")


@pytest.fixture
def case(database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Case]:
    engine = make_engine(database_url)
    sessions = make_sessions(engine)
    with sessions.begin() as session:
        create_user(session, User(email=EMAIL, is_admin=True), SETUP_ACTOR)
        asset = Asset(id=new_id(), title="clip")
        session.add(asset)
        asset_id = asset.id
    environment = make_child_environment(
        PYTHONPATH=str(ROOT),
        TAPELESS_DATABASE_URL=database_url,
        TAPELESS_BROKER_URL=valkey_url,
        TAPELESS_TRIGGER_USER=EMAIL,
        TAPELESS_LEASE_SECONDS=str(TIMING.lease_seconds),
    )
    case = Case(engine, sessions, asset_id, valkey_url, environment, tmp_path / "worker.log")
    yield case
    if case.worker is not None and case.worker.is_running():
        case.kill_worker()
    engine.dispose()


@pytest.mark.parametrize("table", [BEFORE, pytest.param(AFTER, marks=pytest.mark.faults)])
def test_a_trigger_whose_process_is_killed_happens_once(case: Case, table: str) -> None:
    case.start(OURS)
    with case.in_the_way(table) as job_id:
        assert case.is_written_down(job_id) is (table == AFTER)
        case.kill_child()
    case.wait_for_end(job_id)
    case.has_happened_once()


@pytest.mark.faults
@pytest.mark.parametrize("table", [BEFORE, AFTER])
def test_a_trigger_whose_worker_is_killed_happens_once(case: Case, table: str) -> None:
    case.start(OURS)
    with case.in_the_way(table) as job_id:
        assert case.is_written_down(job_id) is (table == AFTER)
        case.kill_worker()
    case.start(SOONER)
    case.wait_for_end(job_id)
    case.has_happened_once()
