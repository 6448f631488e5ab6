"""The commands of the first pages, typed one after the other on a running system, do what they are there for."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from click.testing import CliRunner

from models.base import new_id
from models.job import Job, JobStatus
from models.sessions import make_engine, make_sessions
from tests.docs.pages import Command, commands
from tests.e2e.system import System, open_system
from tests.files import write
from workers.main import main
from workers.running import find_running
from workers.settings import Settings

PAGES = ("docs/start.md", "docs/run.md", "docs/operate.md", "docs/alerts.md")
NOT_TYPED = ("up",)
"""It is what the system of this test runs by; others start it in many ways."""
PASSWORD = "not a word but many"
ASKS = "nobody is there to ask"
"""What shows a difference and then asks a person, and is told here that there is none."""
A_JOB = "01930000-0000-7000-8000-000000000000"
FILES = ("sc07_kitchen.mov", "kitchen/take.mov", ".DS_Store")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documented")


@pytest.fixture(scope="module")
def system(folder: Path) -> Iterator[System]:
    write(folder / "rushes", *FILES)
    write(folder / "archive", "old.mov")
    write(folder / "editors", "cut.mov")
    with open_system(folder) as system:
        system.start(folder / "rushes", "--flower-port", "0")
        system.wait_until_idle(files=2)
        yield system


def typed() -> list[Command]:
    """Every command of `tapeless` on the pages, in their order, once."""
    found = [each for page in PAGES for each in commands() if each.page == page]
    ours = [
        each for each in found if PurePosixPath(each.words[0]).name == "tapeless" and each.words[1] not in NOT_TYPED
    ]
    return list({each.words: each for each in ours}.values())


def here(words: tuple[str, ...], folder: Path) -> list[str]:
    """The same words with the places of this test."""
    places = {
        "demo-media/rushes/.DS_Store": "rushes/.DS_Store",
        "/mnt/rushes": "editors" if words[1:3] == ("storage", "add") else "rushes",
        "/mnt/archive": "archive",
        "/backup/monday.tar": "monday.tar",
        "/backup/before.tar": "before.tar",
        "/srv/tapeless-again": "again",
    }
    names = {"Rushes": "rushes"}
    return [str(folder / places[word]) if word in places else names.get(word, word) for word in words[1:]]


def make_job(system: System, status: JobStatus) -> str:
    """A job that the placeholder of a page may stand for."""
    engine = make_engine(find_running(Settings.for_data(system.data)).database_url)
    job = Job(id=new_id(), type="CUSTOM", title="A job", status=status)
    with make_sessions(engine).begin() as session:
        session.add(job)
    engine.dispose()
    return str(job.id)


def run(command: Command, system: System, folder: Path) -> tuple[int, str]:
    """Its exit code and what it printed."""
    words = here(command.words, folder)
    if A_JOB in words:
        job = make_job(system, JobStatus.FAILED if words[1] == "retry" else JobStatus.STARTED)
        words = [job if word == A_JOB else word for word in words]
    needs_system = words[0] != "restore" and (words[0] != "group" or words[1] == "add")
    if needs_system:
        words = [*(words[: words.index("--data")] if "--data" in words else words), "--data", str(system.data)]
    done = CliRunner().invoke(main, words, input=f"{PASSWORD}\n" * 2 if words[:2] == ["user", "add"] else None)
    return done.exit_code, done.output


def test_every_command_of_the_first_pages_runs_as_it_is_written(system: System, folder: Path) -> None:
    asked = typed()
    assert len(asked) > 25
    failed = []
    for command in asked:
        code, output = run(command, system, folder)
        if code and ASKS not in output:
            failed.append(f"{command}: exit code {code}: {output[-400:]}")
        if command.words[1:3] in (("storage", "add"), ("storage", "regroup")):
            system.wait_for(lambda status: status.idle, "idle again")
    assert failed == []
