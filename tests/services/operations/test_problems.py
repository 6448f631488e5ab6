"""What is wrong with media, checksums and jobs is counted, listed with its reason, and gone once it is right."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from sqlalchemy import text

from models.core.base import new_id
from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.core.actors import SETUP_ACTOR
from services.operations.backlog import BacklogItem, discard_backlog_item, list_backlog, retry_backlog_item
from services.operations.metrics import read_row_metrics
from services.operations.problems import PROBLEM_KINDS
from services.operations.waiting_work import format_duration
from services.sidecars.verification import CHECKSUM_TASK, checksum_jobs
from services.storages.storages import confirm_deletions, find_storage_by_name
from tests.files import write
from tests.pipeline import Pipeline
from tests.services import media_steps, sidecar_steps
from workers.commands.server.status import print_status
from workers.main import main

NAMES = [kind.name for kind in PROBLEM_KINDS]


def spoil_clip(pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/bad.mov", content="no movie")
    pipeline.settle()
    media_steps.read(pipeline)


def spoil_sum(pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/bad.txt", content="hello")
    sidecar_steps.put(root, "day 1/bad.txt.md5", "0" * 32)
    verify(pipeline)


def verify(pipeline: Pipeline) -> None:
    sidecar_steps.read(pipeline)
    jobs = [job.id for job in sidecar_steps.rows(pipeline, Job) if job.task == CHECKSUM_TASK and job.status == "READY"]
    checksum_jobs().run(pipeline.sessions, jobs, pipeline.timing)
    execute(pipeline, f"DELETE FROM job WHERE task = '{CHECKSUM_TASK}' AND status = 'FAILED'")


def fail_job(pipeline: Pipeline, _root: Path) -> None:
    values = {"type": "TRANSCODE", "task": "transcode.run", "error_message": "no such codec"}
    with pipeline.sessions.begin() as session:
        session.add(Job(id=new_id(), title="day 1/bad", status=JobStatus.FAILED, **values))
    execute(pipeline, "UPDATE job SET completed_at = now()")


def execute(pipeline: Pipeline, statement: str) -> None:
    with pipeline.sessions.begin() as session:
        session.execute(text(statement))


def numbers(pipeline: Pipeline) -> dict[str, int]:
    status = pipeline.status()
    with pipeline.sessions() as session:
        metrics = {metric.name: dict(samples) for metric, samples in read_row_metrics(session)}
    counted = {name: getattr(status, name) for name in NAMES}
    assert counted == {name: metrics[name][()] for name in NAMES}
    return counted


def failures(pipeline: Pipeline) -> list[BacklogItem]:
    with pipeline.sessions() as session:
        return [work for work in list_backlog(session) if work.state == "FAILED"]


def lose_file(pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/bad.pdf")
    pipeline.settle()
    (root / "day 1/bad.pdf").unlink()
    pipeline.settle()


CASES = [
    (spoil_clip, "unreadable_media", "it holds nothing that can be read as media", "1 media file cannot be read"),
    (spoil_sum, "checksum_mismatches", f"its md5 is {hashlib.md5(b'hello').hexdigest()}", "1 file differs from its"),
    (fail_job, "failed_jobs", "no such codec", "1 job failed in the last day"),
    (lose_file, "unconfirmed_missing", "tapeless storage confirm-deletions", "1 file missing"),
]
KINDS = pytest.mark.parametrize(("spoil", "name", "reason", "said"), CASES)


@KINDS
def test_a_problem_is_in_status_metrics_and_the_list_and_nothing_above_it_is_green(
    pipeline: Pipeline,
    root: Path,
    database_url: str,
    spoil: Callable[[Pipeline, Path], None],
    name: str,
    reason: str,
    said: str,
) -> None:
    spoil(pipeline, root)
    assert pipeline.broken() == []
    assert numbers(pipeline) == dict.fromkeys(NAMES, 0) | {name: 1}
    (work,) = failures(pipeline)
    assert reason in (work.why or "")
    assert "day 1/bad" in work.what
    console = Console(record=True, width=200, force_terminal=True)
    print_status(console, pipeline.status(), None)
    (headline,) = (line for line in console.export_text(styles=True).splitlines() if "with problems" in line)
    assert said in headline
    assert "\x1b[33m" in headline
    env = {"TAPELESS_DATABASE_URL": database_url, "TAPELESS_BROKER_URL": "redis://localhost:1/0"}
    printed = CliRunner().invoke(main, ["jobs", "list"], env=env).output
    assert reason in printed
    assert work.key in printed
    if spoil is not lose_file:
        assert transact(pipeline.sessions, lambda session: retry_backlog_item(session, work.key)) == work.kind
        assert pipeline.status().jobs_waiting > 0


def test_status_is_green_without_a_problem(pipeline: Pipeline, root: Path) -> None:
    write(root, "a.pdf")
    pipeline.settle()
    pipeline.broken()
    console = Console(record=True, width=200, force_terminal=True)
    print_status(console, pipeline.status(), None)
    assert "\x1b[32midle: everything is in" in console.export_text(styles=True)
    assert pipeline.status().problems == []


def remove_files(_pipeline: Pipeline, root: Path) -> None:
    for path in root.glob("day 1/*"):
        path.unlink()


def rewrite_file(_pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/bad.txt", content="something else")


def remove_and_confirm(pipeline: Pipeline, root: Path) -> None:
    remove_files(pipeline, root)
    pipeline.settle()
    confirm(pipeline, root)


def confirm(pipeline: Pipeline, _root: Path) -> None:
    with pipeline.sessions.begin() as session:
        confirm_deletions(session, find_storage_by_name(session, "Rushes"))


def restore_file(_pipeline: Pipeline, root: Path) -> None:
    write(root, "day 1/bad.pdf")


def accept(pipeline: Pipeline, _root: Path) -> None:
    (work,) = failures(pipeline)
    with pipeline.sessions.begin() as session:
        assert discard_backlog_item(session, work.key, "shot on a camera without a decoder", SETUP_ACTOR) == work.kind


def delete_asset(pipeline: Pipeline, _root: Path) -> None:
    execute(pipeline, "UPDATE asset SET status = 'DELETED', date_deleted = now()")


def age_job(pipeline: Pipeline, _root: Path) -> None:
    execute(pipeline, "UPDATE job SET completed_at = now() - interval '25 hours'")


@pytest.mark.parametrize(
    ("spoil", "end"),
    [
        (spoil_clip, remove_and_confirm),
        (spoil_clip, accept),
        (spoil_clip, delete_asset),
        (spoil_sum, rewrite_file),
        (spoil_sum, remove_and_confirm),
        (spoil_sum, delete_asset),
        (fail_job, age_job),
        (fail_job, accept),
        (lose_file, confirm),
        (lose_file, restore_file),
        (lose_file, delete_asset),
    ],
)
def test_a_problem_ends_with_its_reason(
    pipeline: Pipeline, root: Path, spoil: Callable[[Pipeline, Path], None], end: Callable[[Pipeline, Path], None]
) -> None:
    spoil(pipeline, root)
    assert sum(numbers(pipeline).values()) == 1
    end(pipeline, root)
    pipeline.settle()
    assert sum(numbers(pipeline).values()) == 0
    assert failures(pipeline) == []


def test_what_was_accepted_is_a_problem_again_once_it_changes(pipeline: Pipeline, root: Path) -> None:
    spoil_clip(pipeline, root)
    accept(pipeline, root)
    write(root, "day 1/bad.mov", content="no movie either")
    pipeline.settle()
    media_steps.end_waits(pipeline)
    media_steps.read(pipeline)
    assert numbers(pipeline)["unreadable_media"] == 1
    lose_file(pipeline, root)
    confirm(pipeline, root)
    write(root, "day 1/other.pdf")
    pipeline.settle()
    (root / "day 1/other.pdf").unlink()
    pipeline.settle()
    assert (pipeline.status().missing, numbers(pipeline)["unconfirmed_missing"]) == (2, 1)


def test_readings_of_the_list_are_as_many_as_status_counts(pipeline: Pipeline, root: Path) -> None:
    write(root, *(f"clip {number}.mov" for number in range(7)))
    pipeline.settle()
    with pipeline.sessions() as session:
        (work,) = (work for work in list_backlog(session) if work.kind == "headers")
    assert (work.state, work.what, work.why) == ("WAITING", "7 file sets", None)
    assert pipeline.status().jobs_waiting == 7
    media_steps.read(pipeline)
    write(root, "later.mov")
    pipeline.settle()
    with pipeline.sessions() as session:
        (work,) = (work for work in list_backlog(session) if work.kind == "headers")
    assert work.what == "1 file set"
    assert "a second, 1 s left" in (work.why or "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.1, "1 s"), (40, "40 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (12_000, "3 h 20 min")],
)
def test_a_duration_is_said_in_the_unit_that_people_would_use(seconds: float, said: str) -> None:
    assert format_duration(seconds) == said
