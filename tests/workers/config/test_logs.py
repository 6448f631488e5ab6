"""Log lines carry their context, as text and as JSON."""

import json
import logging
from collections.abc import Iterator

import pytest

from models.core.log_context import bind_log_fields
from workers.config.logs import JsonLogFormatter, LogFormat, TextLogFormatter, configure_logging

LOG = logging.getLogger("tapeless.test")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before, level


def written(capsys: pytest.CaptureFixture[str], form: LogFormat) -> str:
    configure_logging(form, "api")
    with bind_log_fields(request_id="r1"), bind_log_fields(job_id=7):
        LOG.info("taken %s", "in", extra={"asset_id": "a1"})
    return capsys.readouterr().err


def test_json_lines_hold_the_ids_of_the_work_and_of_the_call(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    line = json.loads(written(capsys, "json"))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "tapeless.test",
        "process": "api",
        "message": "taken in",
        "request_id": "r1",
        "job_id": "7",
        "asset_id": "a1",
    }


def test_lines_for_people_end_with_the_ids(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    assert written(capsys, "text").endswith("INFO tapeless.test: taken in [request_id=r1 job_id=7]\n")


def test_a_line_outside_of_any_work_has_no_ids() -> None:
    record = LOG.makeRecord(LOG.name, logging.INFO, "x", 1, "quiet", (), None)
    assert TextLogFormatter().format(record).endswith("quiet")
    assert "request_id" not in json.loads(JsonLogFormatter("watch").format(record))


def test_a_traceback_stays_in_its_one_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        record = LOG.makeRecord(LOG.name, logging.ERROR, "x", 1, "failed", (), (type(error), error, None))
    line = JsonLogFormatter("watch").format(record)
    assert "\n" not in line
    assert "two\nlines" in json.loads(line)["exception"]
