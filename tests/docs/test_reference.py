"""The reference of commands, metrics and operations is what the code says."""

import re

import pytest

from services.operations.metrics import DEPRECATED_ROW_METRICS, ROW_METRICS
from tests.docs.pages import ROOT, pages
from tests.docs.reference import WRITTEN, fill_page, write_commands
from workers.celery.metrics import DEPRECATED_PROCESS_METRICS, METRIC_PREFIX
from workers.main import COMMANDS

DEPRECATED_NAMES = (*(one.name for one in DEPRECATED_ROW_METRICS), *DEPRECATED_PROCESS_METRICS.values())


@pytest.mark.parametrize("name", WRITTEN)
def test_the_reference_is_written_from_the_code(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == fill_page(name), "write it: python -m tests.docs.reference"


def test_every_command_has_a_heading() -> None:
    headings = [line for line in write_commands().splitlines() if line.startswith("#")]
    assert [line for line in headings if line.startswith("## ")] == [f"## tapeless {name}" for name in sorted(COMMANDS)]
    assert "### tapeless user passwd" in headings


def test_the_page_names_every_deprecated_metric() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert [name for name in DEPRECATED_NAMES if f"`{METRIC_PREFIX}{name}" not in page] == []


def test_every_metric_that_a_page_names_exists() -> None:
    table = re.findall(r"^\| `(tapeless_\w+)` \| (\w+)", fill_page("metrics.md"), re.MULTILINE)
    known = {METRIC_PREFIX + name for name in (*(one.name for one in ROW_METRICS), *DEPRECATED_NAMES)}
    known |= {name for name, _ in table}
    known |= {name + end for name, kind in table if kind == "histogram" for end in ("_bucket", "_sum", "_count")}
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages() if page.name != "changelog.md"}
    named = {(page, name) for page, text in texts.items() for name in re.findall(r"`(tapeless_\w+)[`{]", text)}
    assert len(named) > 40
    assert {(page, name) for page, name in named if name not in known} == set()
