"""The documentation builds as a site, every page is in its menu, and no link is broken."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


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


def test_the_pages_ask_no_other_host_for_anything(site: Path) -> None:
    loaded = [
        page
        for page in site.rglob("*.html")
        for part in ('src="http', 'rel="stylesheet" href="http', 'rel="preconnect"')
        if part in page.read_text(encoding="utf-8")
    ]
    assert loaded == []
