"""The terminal of `tapeless up` says what runs, what is wrong and that it is right again, and cuts nothing off."""

import io
from collections.abc import Sequence
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live
from rich.text import Text

from services.operations.status import StorageState, SystemStatus
from services.operations.waiting_work import READING_UNIT, WaitingWork
from workers.commands.server.status import make_headline
from workers.processes.supervisor import ChildState
from workers.terminal_ui import FoldedLines, describe_running_jobs, find_troubles, make_status_line

COUNTS = [field.name for field in fields(SystemStatus) if field.type in (int, "int")]


FULL = {"data folder": "the disk of the data folder has 0.1 GiB left"}


def status(*storages: StorageState, low_space: dict[str, str] | None = None, **counts: int) -> SystemStatus:
    numbers = dict.fromkeys(COUNTS, 0) | counts
    return SystemStatus(**numbers, index_lag_seconds=0.0, storages=list(storages), low_space=low_space or {})


def storage(message: str) -> StorageState:
    return StorageState("Rushes", "/rushes", "ACTIVE", message, False, False, 0, 0, 0, 0, None)


def child(state: str, restarts: int = 0, last_exit: int | None = None, **said: Any) -> ChildState:
    return ChildState("worker-index", 7, state, restarts, last_exit, **said)  # type: ignore[arg-type]


def printed(*renderables: Any, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=True, soft_wrap=True, record=True)
    for renderable in renderables:
        console.print(renderable, soft_wrap=False)
    return console.export_text(styles=True)


@pytest.mark.parametrize(
    ("counts", "style", "said"),
    [
        ({}, "32", ["● ", "0 assets"]),
        ({"growing": 2}, "36", ["◌ ", "2 not stable yet"]),
        ({"unreadable_media": 1240}, "33", ["● ", "1,240 media files cannot be read"]),
        ({"checksum_mismatches": 1}, "33", ["● ", "1 file differs from its checksum"]),
        ({"failed_jobs": 3}, "33", ["● ", "3 jobs failed in the last day"]),
        ({"parked": 1}, "33", ["● ", "1 dead letter"]),
        ({"failed": 2}, "33", ["● ", "2 files or folders unreadable"]),
        ({"unconfirmed_missing": 1}, "33", ["● ", "1 file missing"]),
    ],
)
def test_the_mark_is_green_only_without_work_and_problems(counts: dict[str, int], style: str, said: list[str]) -> None:
    line = printed(make_status_line(status(**counts), []))
    assert line.startswith(f"\x1b[{style}m{said[0]}")
    assert all(words in line for words in said)


def test_no_line_is_green_above_a_full_disk_and_its_end_is_reported() -> None:
    found = status(low_space=FULL)
    assert printed(make_status_line(found, [])).startswith("\x1b[33m● ")
    assert find_troubles(found, [], {}) == FULL
    headline = printed(make_headline(found, found.problems), width=200)
    assert headline.startswith("\x1b[33midle, with problems: the disk of the data folder has 0.1 GiB left")


def test_what_waits_is_said_with_its_rate_and_time_and_nothing_is_cut_off_at_80_columns() -> None:
    work = [WaitingWork("headers", READING_UNIT, 1240, 60.0, 31.0), WaitingWork("mails", "mail", 1, 1.0)]
    busy = dict.fromkeys(("growing", "pending_islands", "index_queue", "jobs_waiting", "unreadable_media"), 123_456)
    line = make_status_line(status(files=987_654_321, assets=987_654_321, **busy), work)
    shown = " ".join(printed(line).replace("\x1b[0m", "").split())
    assert "headers: 1,240 file sets (31.0 a second, 40 s left)" in shown
    assert "mails" not in shown
    assert "Ctrl-C stops" in shown


def test_what_is_drawn_again_and_again_is_folded_where_what_scrolls_away_is_not() -> None:
    drawn = io.StringIO()
    console = Console(width=80, file=drawn, force_terminal=True, soft_wrap=True)
    line = make_status_line(status(unreadable_media=1, checksum_mismatches=1, failed_jobs=3), [])
    with Live(console=console, auto_refresh=False, transient=True) as live:
        live.update(FoldedLines(line), refresh=True)
    shown = " ".join(Text.from_ansi(drawn.getvalue()).plain.split())
    assert "1 file differs from its checksum, 3 jobs failed in the last day Ctrl-C stops" in shown


@pytest.mark.parametrize(
    ("children", "known", "said"),
    [
        ([child("running")], {}, {}),
        ([child("running", 2, -9)], {"worker-index": 2}, {}),
        (
            [child("waiting", 0, -9, last_line="killed")],
            {},
            {"worker-index": "exit code -9 and is started again: killed"},
        ),
        ([child("starting", 1, 1, last_line="no space left")], {"worker-index": 1}, {"worker-index": "no space left"}),
        ([child("waiting", 1, 1, trouble="no such folder")], {"worker-index": 1}, {"worker-index": "no such folder"}),
        ([child("running", 3, 1)], {"worker-index": 2}, {"worker-index": "its log is empty"}),
    ],
)
def test_a_process_is_in_trouble_with_the_reason_until_it_runs_again(
    children: Sequence[ChildState], known: dict[str, int], said: dict[str, str]
) -> None:
    found = find_troubles(status(), children, known)
    assert found.keys() == said.keys()
    assert all(said[key] in found[key] for key in said)


def test_a_storage_is_in_trouble_with_its_own_words() -> None:
    assert find_troubles(status(storage("no such folder")), [], {}) == {'storage "Rushes"': "no such folder"}


def test_running_jobs_are_named_with_their_progress_and_the_rest_is_counted() -> None:
    jobs = [
        SimpleNamespace(title="Transcode C0001 to web", percent=40, seconds=75, running=5),
        SimpleNamespace(title="Scan rushes", percent=None, seconds=None, running=5),
    ]
    lines = [str(line) for line in describe_running_jobs(jobs)]  # type: ignore[arg-type]
    assert lines == ["  Transcode C0001 to web, 40 %, for 75 s", "  Scan rushes, for 1 s", "  and 3 more jobs running"]
    assert describe_running_jobs([]) == []
