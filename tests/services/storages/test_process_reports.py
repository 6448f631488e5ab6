"""Status and doctor say which machine sees which storage, and which storages no worker of a queue sees."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from services.storages.process_reports import (
    MachineView,
    ReportingProcess,
    describe_unserved_queues,
    list_machine_views,
    report_process,
    withdraw_report,
)
from tests.files import write
from tests.pipeline import Pipeline
from workers.doctor import check_machine, check_namesake

ONE = uuid.UUID(int=1)
ALL = ("metadata", "media", "transcode")
NAMES = {str(ONE): "Rushes"}


def view(
    machine: str, queues: tuple[str, ...] = ALL, unseen: str = "", age: float = 1.0, error: str = ""
) -> MachineView:
    return MachineView(f"media@{machine}", machine, queues, {str(ONE): unseen} if unseen else {}, error or None, age)


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ([], ""),
        ([view("a")], ""),
        ([view("a", unseen="/r is not there"), view("b")], ""),
        ([view("a", ())], ""),
        ([view("a", unseen="/r is not there")], "no worker of metadata, media, transcode sees it (a: /r is not there)"),
        ([view("a", ("metadata",)), view("b", ("media",), unseen="gone")], "no worker of media sees it (b: gone)"),
        (
            [view("a", ("media",), unseen="gone"), view("b", ("media",), age=90)],
            "no worker of media sees it (a: gone; b: not heard of for 90 s)",
        ),
    ],
)
def test_queues_are_named_whose_workers_do_not_see_a_storage(views: list[MachineView], said: str) -> None:
    assert describe_unserved_queues(views, ONE) == said


@pytest.mark.parametrize(
    ("found", "grade", "said"),
    [
        (view("a"), "well", "a sees Rushes"),
        (view("a", unseen="gone"), "look", 'a sees no storage; "Rushes": gone'),
        (view("a", error="no marker"), "broken", "a sees Rushes; it does not share the media folder: no marker"),
        (view("a", age=90), "look", "a: not heard of for 90 s"),
    ],
)
def test_doctor_says_what_each_machine_sees(found: MachineView, grade: str, said: str) -> None:
    check = check_machine(found, NAMES)
    assert (check.name, check.grade, check.found) == ("process media@a", grade, said)


def test_what_a_process_reports_is_shown_until_it_ends(pipeline: Pipeline, root: Path, tmp_path: Path) -> None:
    write(root, "a.mov")
    pipeline.settle()
    process = ReportingProcess("media@a", "a", ("media",), tmp_path / "media")
    report_process(pipeline.sessions, process)
    assert pipeline.status().problems == []
    (root / "a.mov").rename(tmp_path / "a.mov")
    report_process(pipeline.sessions, process)
    (storage,) = pipeline.status().storages
    assert f"no worker of media sees it (a: {root} holds none of its files" in storage.message
    assert pipeline.status().problems == ['storage "Rushes" needs attention']
    withdraw_report(pipeline.sessions, process)
    with pipeline.sessions() as session:
        assert list_machine_views(session) == []


def test_two_machines_of_one_name_both_report_and_doctor_says_so(pipeline: Pipeline) -> None:
    twins = [ReportingProcess("media@a", "a", ("media",)) for _ in range(2)]

    def names() -> list[str]:
        with pipeline.sessions() as session:
            return [view.name for view in list_machine_views(session)]

    for process in [*twins, *twins]:
        report_process(pipeline.sessions, process)
    assert names() == ["media@a", "media@a (2)"]
    with pipeline.sessions() as session:
        check = check_namesake(list_machine_views(session)[1])
    assert (check.grade, check.found) == (
        "look",
        "two processes are called media@a, so both machines are called a",
    )
    # One that was killed and started again has its name back once the old report has expired.
    with pipeline.sessions.begin() as session:
        session.execute(text("UPDATE process_report SET reported_at = now() - interval '30 s' WHERE name = 'media@a'"))
    report_process(pipeline.sessions, twins[1])
    assert names() == ["media@a"]
    withdraw_report(pipeline.sessions, twins[0])
    assert names() == ["media@a"]
    withdraw_report(pipeline.sessions, twins[1])
    assert names() == []
