"""`tapeless ready`: the exit code is the answer, and the report is text, JSON or a page."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from tests.media.evidence.structures import sums
from tests.pipeline import Pipeline
from tests.services.sidecar_steps import put
from workers.commands.catalog.ready import ready


def run(running: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(ready, list(arguments), env=running)


def test_the_exit_code_is_the_answer(pipeline: Pipeline, running: dict[str, str], root: Path, tmp_path: Path) -> None:
    for path, content in sums().tree.items():
        put(root, path, content)
    pipeline.settle()
    day = str(root / "DAY1")
    unread = run(running, day)
    assert (unread.exit_code, unread.output.splitlines()[0]) == (2, f"NOT PROVABLE: may the source be wiped? {day}")
    page = tmp_path / "report.html"
    proven = run(running, day, "--read", "--sign", "--json", "--html", str(page))
    report = json.loads(proven.output)
    assert (proven.exit_code, report["answer"], report["sum_count"]) == (0, "proven", 3)
    assert report["report_id"]
    assert "PROVEN" in page.read_text()
    (root / "DAY1/A001C001.mov").write_bytes(b"other bytes")
    pipeline.settle()
    refuted = run(running, day, "--read")
    assert refuted.exit_code == 1
    assert "✗ DAY1/A001C001.mov: has the md5 " in refuted.output


def test_without_an_answer_the_exit_code_is_none_of_an_answer(running: dict[str, str], tmp_path: Path) -> None:
    said = run(running, str(tmp_path / "elsewhere"))
    assert (said.exit_code, "lies in no watched folder" in said.output) == (3, True)
