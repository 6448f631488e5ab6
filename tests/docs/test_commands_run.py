"""The documented commands, run one after the other on a running system, succeed."""

import ast
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from models.queues.job import Job, JobStatus
from tests.compose.host import read_compose
from tests.docs.documented import Documented, lines, open_documented
from tests.docs.pages import ROOT
from tests.waiting import wait_until

ASKS = "no terminal for confirmation"
"""Message of commands that show a difference and prompt for confirmation, when there is no terminal."""


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    with open_documented(tmp_path_factory.mktemp("documented")) as documented:
        yield documented


def test_every_command_of_the_pages_runs_as_it_is_written(documented: Documented) -> None:
    asked = lines()
    assert len(asked) > 60
    failed = []
    for line in asked:
        code, output = documented.run(line)
        if code and ASKS not in output:
            failed.append(f"{line.page}: {line.text}: exit code {code}: {output[-400:]}")
    assert failed == []


def test_what_the_pages_ask_for_as_another_system_is_done(documented: Documented) -> None:
    def ended() -> list[JobStatus] | None:
        with documented.system.session() as session:
            found = list(session.scalars(select(Job.status).where(Job.queue == "trigger")))
        return None if {JobStatus.READY, JobStatus.STARTED} & set(found) else found

    assert wait_until(ended, what="the triggers ended", seconds=40) == [JobStatus.FINISHED, JobStatus.FINISHED]


def test_the_secrets_that_the_page_makes_are_those_that_compose_reads(documented: Documented) -> None:
    made = documented.folder / "shell"
    for name, secret in read_compose()["secrets"].items():
        size = (made / secret["file"]).stat().st_size
        assert size > 40 or (name == "smtp_password" and size == 1), "empty where no mails are sent, random elsewhere"
    names = {
        name.id
        for name in ast.walk(ast.parse((made / "secrets" / "flower.py").read_text()))
        if isinstance(name, ast.Name)
    }
    assert names == {"basic_auth", "read_only"}


def test_the_page_lists_every_log_that_there_is(documented: Documented) -> None:
    told = re.search(r"^## Logs\n(.*?)^## ", (ROOT / "docs" / "monitoring.md").read_text(), re.MULTILINE | re.DOTALL)
    assert told is not None
    logs = {path.name.removesuffix(".log") for path in (documented.system.data / "logs").glob("*.log")}
    assert logs - set(re.findall(r"`([a-z-]+)`", told[1].partition("\n\n")[0])) == set()


def test_the_page_lists_everything_that_is_in_a_data_folder(documented: Documented) -> None:
    told = "".join(re.findall(r"^\| (`[^|]*) \|", (ROOT / "docs" / "run.md").read_text(), re.MULTILINE))
    found = {f"{path.name}/" if path.is_dir() else path.name for path in documented.system.data.iterdir()}
    assert found - set(re.findall(r"`([^`]+)`", told)) == set()
