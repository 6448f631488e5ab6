"""The reference of commands and metrics is what the code says."""

import pytest

from services.operations.metrics import ROW_METRICS
from tests.docs.pages import ROOT
from tests.docs.reference import WRITTEN, fill_page, write_commands
from workers.celery.metrics import METRIC_PREFIX
from workers.main import COMMANDS


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
    assert [one.name for one in ROW_METRICS if one.replaced_by and f"`{METRIC_PREFIX}{one.name}" not in page] == []
