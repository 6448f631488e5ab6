"""`tapeless jobs` lists waiting and dead-lettered work from the database, and retries it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, text

from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import Sessions, make_sessions
from models.queues.job import Job, JobStatus
from models.queues.outbox import Mail
from tests.engines import open_engine
from workers.main import main


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    with open_engine(database_url) as engine:
        yield make_sessions(engine)


def run(running: dict[str, str], *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["jobs", *words], env=running)
    assert done.exit_code == code, done.output
    return done.output


def listed(running: dict[str, str], *words: str) -> list[dict[str, Any]]:
    return json.loads(run(running, "list", "--json", *words))


def make_job(sessions: Sessions, status: JobStatus = JobStatus.READY, **values: Any) -> uuid.UUID:
    with sessions.begin() as session:
        job = Job(id=new_id(), type="TRANSCODE", title="Proxy", task="transcode.run", status=status, **values)
        session.add(job)
        return job.id


def park_one_of_each(sessions: Sessions) -> dict[str, str]:
    """Create a dead-lettered job, document, folder and mail, by kind."""
    job = make_job(sessions, JobStatus.STARTED, dead_lettered_at=func.now(), error_message="the disk is full")
    with sessions.begin() as session:
        mail = Mail(
            id=new_id(), kind="test", recipient="ann@example.org", dead_lettered_at=func.now(), error="550 unknown"
        )
        storage = Storage(id=new_id(), name="Rushes", root=b"/nowhere")
        session.add_all([mail, storage])
        session.flush()
        document = new_id()
        session.execute(text("SELECT mark_for_index('assets', ARRAY[CAST(:id AS uuid)])"), {"id": document})
        session.execute(text("UPDATE index_mark SET parked_at = now(), error = 'too large', errors = 3"))
        folder = session.scalar(
            text("INSERT INTO folder (storage_id, name) VALUES (:id, '') RETURNING id"), {"id": storage.id}
        )
        island = session.scalar(
            text("""
                INSERT INTO island (storage_id, folder_id, parked_at, error, seen)
                VALUES (:storage, :folder, now(), 'its worker died 3 times', 1) RETURNING id
            """),
            {"storage": storage.id, "folder": folder},
        )
        return {"job": str(job), "document": str(document), "folder": str(island), "mail": str(mail.id)}


def test_what_is_parked_is_listed_with_its_reason_whatever_kind_it_is(
    running: dict[str, str], sessions: Sessions
) -> None:
    keys = park_one_of_each(sessions)
    found = {work["kind"]: work for work in listed(running)}
    assert {kind: work["key"] for kind, work in found.items()} == keys
    assert {work["state"] for work in found.values()} == {"PARKED"}
    assert found["job"]["why"] == "the disk is full"
    assert found["document"]["why"] == "too large"
    printed = run(running, "list")
    for reason in ("the disk is full", "too large", "its worker died 3 times", "550 unknown"):
        assert reason in printed
    assert "DEAD_LETTERED" in printed
    assert "PARKED" not in printed


@pytest.mark.parametrize("kind", ["job", "document", "folder", "mail"])
def test_one_thing_is_taken_up_again_by_its_key(running: dict[str, str], sessions: Sessions, kind: str) -> None:
    keys = park_one_of_each(sessions)
    assert run(running, "retry", keys[kind]) == f"{kind} requeued\n"
    assert kind not in {work["kind"] for work in listed(running, "--status", "DEAD_LETTERED")}
    assert len(listed(running, "--status", "DEAD_LETTERED")) == 3


def test_a_key_may_be_begun_if_one_alone_begins_so(running: dict[str, str], sessions: Sessions) -> None:
    keys = park_one_of_each(sessions)
    refused = run(running, "retry", keys["mail"][:6], code=1)
    assert "more than one key begins so" in refused
    assert keys["job"] in refused
    assert run(running, "retry", keys["mail"][:23], keys["job"][:23]) == "mail requeued\njob requeued\n"
    assert run(running, "discard", keys["document"][:23], "--reason", "a test card") == "document discarded\n"


def test_every_kind_of_dead_letter_and_a_failed_job_is_discarded_with_a_reason(
    running: dict[str, str], sessions: Sessions
) -> None:
    keys = park_one_of_each(sessions)
    failed = make_job(sessions, JobStatus.FAILED, completed_at=func.now())
    assert "Missing option '--reason'" in run(running, "discard", str(failed), code=2)
    words = [*keys.values(), str(failed)]
    assert run(running, "discard", *words, "--reason", "a test card") == "".join(
        f"{kind} discarded\n" for kind in (*keys, "job")
    )
    assert listed(running) == []
    assert "no dead letter" in run(running, "discard", str(failed), "--reason", "again", code=1)
    with sessions() as session:
        told = session.scalars(text("SELECT description FROM audit_entry")).all()
    assert len(told) == len(words)
    assert all(words.endswith(": a test card") for words in told)


def test_everything_parked_is_taken_up_again_at_once(running: dict[str, str], sessions: Sessions) -> None:
    park_one_of_each(sessions)
    assert "jobs 1, documents 1, folders 1, readings 0, mails 1, deliveries 0" in run(
        running, "retry", "--all-dead-lettered"
    )
    assert listed(running, "--status", "DEAD_LETTERED") == []
    with sessions() as session:
        assert session.scalar(text("SELECT count(*) FROM island WHERE dirty_since IS NOT NULL")) == 1


def test_jobs_are_listed_by_status_and_without_one_what_is_unfinished_or_failed_today(
    running: dict[str, str], sessions: Sessions
) -> None:
    ready, failed = make_job(sessions), make_job(sessions, JobStatus.FAILED, completed_at=func.now())
    assert [work["key"] for work in listed(running)] == [str(ready), str(failed)]
    assert [work["key"] for work in listed(running, "--status", "FAILED")] == [str(failed)]
    assert run(running, "list", "--status", "PAUSED") == "no pending work, no dead letters and no problems\n"


def test_one_job_is_shown_whole(running: dict[str, str], sessions: Sessions) -> None:
    job = make_job(sessions, JobStatus.FAILED, error_message="no such codec", object_type="assets", object_id=new_id())
    shown = json.loads(run(running, "show", str(job), "--json"))
    assert (shown["state"], shown["error"], shown["task"]) == ("FAILED", "no such codec", "transcode.run")
    assert "no such codec" in run(running, "show", str(job))
    assert "does not exist" in run(running, "show", str(uuid.uuid4()), code=1)


def test_jobs_are_paused_resumed_and_aborted(running: dict[str, str], sessions: Sessions) -> None:
    job = str(make_job(sessions))
    for word, state in (("pause", "PAUSED"), ("resume", "READY"), ("abort", "ABORTED")):
        assert run(running, word, job).startswith("1 job ")
        assert json.loads(run(running, "show", job, "--json"))["state"] == state
    assert "has ended" in run(running, "pause", job, code=1)


@pytest.mark.parametrize("key", ["7", "nonsense", "01930000-0000-7000-8000-000000000000"])
def test_what_does_not_exist_is_not_taken_up(running: dict[str, str], key: str) -> None:
    run(running, "retry", key, code=1)


def test_what_is_not_parked_is_not_taken_up(running: dict[str, str], sessions: Sessions) -> None:
    job = str(make_job(sessions))
    run(running, "retry", job, code=1)
    assert json.loads(run(running, "show", job, "--json"))["state"] == "READY"


def test_retry_wants_keys_or_all(running: dict[str, str]) -> None:
    run(running, "retry", code=2)
    run(running, "retry", "7", "--all-dead-lettered", code=2)
