"""One running system with the demo's media for all tests in a browser, and Debian's Chromium, driven by Playwright.

Its axe-core comes with the package axe-playwright-python, so that the tests load nothing from the network.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from media.demo.production import DEMO_PIECES, write_atomically
from tests.e2e.node_client import miss
from tests.e2e.system import System, open_system

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
FLAGS = ["--no-sandbox", "--disable-gpu", "--mute-audio", "--disable-dev-shm-usage"]
PAGE_BYTES = 150_000
MEDIA = ("interviews/fix_it", "vfx/", "artwork/", "sound/", "documents/")
"""Names of the demo's files: a video with captions, a sequence with a hole, a still, a sound and a document."""


@dataclass(slots=True)
class Site:
    """The system as its pages and its API show it."""

    system: System
    media: Path
    root: str
    api: httpx.Client
    """Of the administrator."""

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Call the API and return what it answers."""
        answer = self.api.request(method, f"/API{path}", **options)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def asset(self, title: str) -> str:
        """Return the id of an asset."""
        found = self.request("GET", "/assets/v1/assets/?per_page=100")["objects"]
        return next(one["id"] for one in found if one["title"] == title)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    media = folder / "media"
    for piece in DEMO_PIECES:
        for name, make in piece.files.items():
            if name.startswith(MEDIA):
                write_atomically(media / name, make())
    with open_system(folder) as system:
        system.start(media)
        token = system.ask("token", "create", "admin@localhost")
        headers = {"App-ID": token["app_id"], "Auth-Token": token["token"]}
        printed = re.search(r"(http://127\.0\.0\.1:\d+)/API", system.printed())
        assert printed is not None
        root = printed[1]
        with httpx.Client(base_url=root, headers=headers, timeout=30) as api:
            site = Site(system, media, root, api)
            system.wait_for(lambda status: status.idle and status.assets >= len(MEDIA), "all is in")
            yield site


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        miss("chromium is not here, so no browser opens the pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def check_page(page: Page, name: str, shots: Path | None = None) -> None:
    """Check a page in light and dark: no violation of axe's rules, no error of a script or policy, not too large.

    With a folder, also write screenshots as a desktop and a phone show it.
    """
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE)
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
        found = page.evaluate("options => axe.run(document, options)", options)["violations"]
        said = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]
        assert said == [], f"{name}, {scheme}: {said}"
    assert len(page.content().encode()) < PAGE_BYTES, name
    if shots is not None:
        take_screenshots(page, name, shots)


def take_screenshots(page: Page, name: str, shots: Path) -> None:
    """Write how the page looks on a desktop, light and dark, and on a phone."""
    for kind, scheme, size in (("", "light", DESKTOP), ("-dark", "dark", DESKTOP), ("-phone", "light", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        page.screenshot(path=shots / f"{name}{kind}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}{kind} is too wide"
    page.set_viewport_size(DESKTOP)
    page.emulate_media(color_scheme="light")
