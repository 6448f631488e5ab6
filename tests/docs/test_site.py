"""The documentation builds as a site, every page is in its menu, and no link is broken."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.answer_checks import openapi_document
from tests.docs.pages import ROOT

DECISION = re.compile(r"\A# (\d+)\. ([^\n]+)\n.*\n## Status\n\n(Accepted|Superseded by decision \d+)\.", re.DOTALL)


def test_the_index_lists_every_decision_with_its_title_and_status() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = {page.name: DECISION.match(page.read_text(encoding="utf-8")) for page in sorted(folder.glob("0*.md"))}
    assert [name for name, found in pages.items() if found is None] == []
    rows = [f"| {found[1]} | [{found[2]}]({name}) | {found[3]} |" for name, found in pages.items() if found]
    assert re.findall(r"^\| \d.*", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE) == rows


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_in_the_menu(site: Path) -> None:
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    missing = [page for page in pages if not built(site, page).is_file()]
    assert missing == []


def built(site: Path, page: Path) -> Path:
    name = page.with_suffix("")
    return site / name.parent / ("" if name.name in ("index", "README") else name.name) / "index.html"


def test_the_openapi_document_is_beside_the_pages_of_the_api(site: Path) -> None:
    assert json.loads((site / "api" / "openapi.json").read_text(encoding="utf-8")) == openapi_document()


def test_the_pages_ask_no_other_host_for_anything(site: Path) -> None:
    loaded = [
        page
        for page in site.rglob("*.html")
        for part in ('src="http', 'rel="stylesheet" href="http', 'rel="preconnect"')
        if part in page.read_text(encoding="utf-8")
    ]
    assert loaded == []
