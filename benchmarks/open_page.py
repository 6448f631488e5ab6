"""Ten thousand files arrive while a page of the console is open: its cost to the server, and whether it freezes.

    python -m benchmarks.open_page [--files 10000] [--assets 4000] [--rounds 1] [--pages assets] [--folder DIR]

The same number of files is renamed into the root of a running system by turns: while no page is open, and while
Debian's Chromium shows the pages, with their stream of events. Counted are the processor seconds of all processes of
the server until nothing is left to do; in each page the events, how often it loaded itself again, tasks of its script
beyond 50 ms, the longest time between two frames, and how far its parts moved. Of several pages all but the last are in
the background of the browser, which draws them once a second. The browser runs on the same machine; it is not part of
the server.

The work of an arrival differs by more from run to run than a page costs. So the verdict multiplies what happened by
what each costs: a page that is loaded, and the statement for the events, measured when the system rests, in the
processes of the API and the database.

Promised: at most 5 % more work for the server, and no task of a page beyond 200 ms, which people would notice.
"""

import argparse
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import BrowserContext, Page, sync_playwright

from benchmarks.drop import LIMIT_SECONDS, is_visible, wait_until_old
from benchmarks.stage.production import SCENE_ASSETS, SCENE_FILES, write_production
from benchmarks.stage.system import RunningSystem, own_folder, running_system, wait_until
from benchmarks.write_to_search import open_client
from models.core.sessions import transact
from services.viewing.news import read_news_state
from web.console import SESSION_COOKIE
from web.live import NEWS_PATH, POLL_NEWS_SECONDS

MAX_EXTRA_SHARE, MAX_TASK_MS = 0.05, 200
POLLS = 200
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WATCH_PAGE = """() => {
    const seen = window.seen = {};
    window.forget = () => Object.assign(seen, { events: 0, loads: 0, tasks: [], frame: 0, shift: 0 });
    window.forget();
    const Source = window.EventSource;
    window.EventSource = class extends Source {
        constructor(url) { super(url); this.addEventListener("message", () => { seen.events += 1; }); }
    };
    const watch = (type, add) => new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type });
    watch("longtask", (entry) => seen.tasks.push(entry.duration));
    watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
    watch("resource", (entry) => { seen.loads += entry.initiatorType === "fetch"; });
    let before = 0;
    const next = (now) => {
        if (before) seen.frame = Math.max(seen.frame, now - before);
        before = now;
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one arrival cost, until nothing was left to do."""

    seconds: float
    cpu_seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Processor seconds of the whole server."""
        return sum(self.cpu_seconds.values())


def measure_arrival(system: RunningSystem, outside: Path, assets: int, number: int) -> Arrival:
    """Rename a tree into the root, and wait until nothing is left to do."""
    production = write_production(outside / f"arrival{number}", assets)
    wait_until_old(time.time())
    expected = system.progress().documents + assets
    before, start = system.cpu_seconds(), time.monotonic()
    production.root.rename(system.root / production.root.name)
    wait_until(lambda: is_visible(system, expected), "everything is visible", LIMIT_SECONDS, pause=0.1)
    system.wait_until_quiet()
    after = system.cpu_seconds()
    return Arrival(time.monotonic() - start, {name: spent - before.get(name, 0) for name, spent in after.items()})


def session_cookie(headers: Mapping[str, str]) -> str:
    """Return the cookie that signs in the user whose headers these are."""
    return f"{headers['app-id']}.{headers['auth-token']}"


@contextmanager
def open_browser(root: str, headers: Mapping[str, str]) -> Iterator[BrowserContext]:
    """Yield a browser that is signed in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_init_script(f"({WATCH_PAGE})()")
        context.add_cookies([{"name": SESSION_COOKIE, "value": session_cookie(headers), "url": root}])
        yield context
        browser.close()


@contextmanager
def open_pages(context: BrowserContext, root: str, names: Sequence[str]) -> Iterator[list[Page]]:
    """Yield pages whose streams of events are open and whose counters are at zero."""
    opened = [context.new_page() for _ in names]
    for page, name in zip(opened, names, strict=True):
        with page.expect_request(f"**{NEWS_PATH}"):
            page.goto(f"{root}/{name}")
        page.wait_for_load_state("load")
        page.evaluate("window.forget()")
    yield opened
    for page in opened:
        page.close()


def report_page(page: Page) -> tuple[float, int]:
    """Print what a page went through; return its longest task in milliseconds, and how often it loaded itself."""
    seen: dict[str, Any] = page.evaluate("window.seen")
    longest = max(seen["tasks"], default=0.0)
    print(
        f"    {urlsplit(page.url).path}: {seen['events']} events, loaded {seen['loads']} times, "
        f"{len(seen['tasks'])} tasks beyond 50 ms (longest {longest:.0f} ms), "
        f"longest time between frames {seen['frame']:.0f} ms, layout shift {seen['shift']:.3f}",
        flush=True,
    )
    return float(longest), int(seen["loads"])


def cost_of(system: RunningSystem, act: Callable[[], object], times: int = 20) -> float:
    """Return the processor seconds that the API and the database spend on something."""

    def spent() -> float:
        now = system.cpu_seconds()
        return now["api"] + now["postgres"]

    act()
    before = spent()
    for _ in range(times):
        act()
    return (spent() - before) / times


def report_arrival(what: str, arrival: Arrival) -> None:
    """Print what an arrival cost."""
    parts = sorted(arrival.cpu_seconds.items(), key=lambda part: -part[1])
    said = ", ".join(f"{name} {spent:.1f}" for name, spent in parts if spent >= 0.05)
    print(f"{what}: {arrival.total:6.1f} CPU seconds in {arrival.seconds:.1f} s ({said})", flush=True)


def measure(
    system: RunningSystem, outside: Path, names: Sequence[str], assets: int, rounds: int
) -> tuple[float, float]:
    """Return the share of the server's work that open pages are, and their longest task in milliseconds."""
    alone: list[Arrival] = []
    beside: list[Arrival] = []
    longest, loads = 0.0, Counter[str]()
    with open_client(system) as client:
        root, headers = str(client.base_url.copy_with(path="/")).rstrip("/"), client.headers
        measure_arrival(system, outside, assets, 0)
        with open_browser(root, headers) as context:
            for turn in range(2 * rounds):
                # Without, with, with, without: what only grows with the catalog counts for both.
                if turn % 4 in (0, 3):
                    alone.append(measure_arrival(system, outside, assets, turn + 1))
                    report_arrival("no page open", alone[-1])
                    continue
                with open_pages(context, root, names) as opened:
                    beside.append(measure_arrival(system, outside, assets, turn + 1))
                    report_arrival("pages are open", beside[-1])
                    for page, name in zip(opened, names, strict=True):
                        task, loaded = report_page(page)
                        longest, loads[name] = max(longest, task), loads[name] + loaded
        report_api(alone, beside, rounds)
        polls = sum(one.seconds for one in beside) / POLL_NEWS_SECONDS
        work = cost_of_pages(system, root, headers, loads) + polls * cost_of_a_poll(system)
    return work / sum(one.total for one in beside), longest


def cost_of_a_poll(system: RunningSystem) -> float:
    """Return the processor seconds of the statement that all open pages share."""
    start = time.process_time()
    each = cost_of(system, lambda: transact(system.context.sessions, read_news_state), POLLS)
    # What this process spends, the API would.
    each += (time.process_time() - start) / POLLS
    print(f"one question for the events costs {each * 1000:.1f} ms of a processor")
    return each


def cost_of_pages(system: RunningSystem, root: str, headers: Mapping[str, str], loads: Mapping[str, int]) -> float:
    """Return the processor seconds of so many loads of pages."""
    total = 0.0
    with httpx.Client(base_url=root, cookies={SESSION_COOKIE: session_cookie(headers)}, timeout=60) as browser:
        for name, times in loads.items():
            each = cost_of(system, partial(browser.get, f"/{name}"))
            print(f"one load of /{name} costs {each * 1000:.0f} ms of a processor")
            total += each * times
    return total


def report_api(alone: Sequence[Arrival], beside: Sequence[Arrival], rounds: int) -> None:
    """Print the processor seconds with pages and without."""
    with_pages, without = (sum(one.cpu_seconds["api"] for one in arrivals) / rounds for arrivals in (beside, alone))
    total, total_without = (sum(one.total for one in arrivals) / rounds for arrivals in (beside, alone))
    print(f"CPU seconds of the API: {with_pages:.2f} with the pages, {without:.2f} without")
    print(f"CPU seconds of the server: {total:.1f} with the pages, {total_without:.1f} without")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="rounded up to whole scenes of 128 files")
    parser.add_argument("--assets", type=int, default=4_000, help="assets that are there before; a multiple of twenty")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pages", default="assets", help="with commas, such as assets,storages,work")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    scenes = -(-options.files // SCENE_FILES)
    with own_folder(options.folder) as folder:
        outside = folder / "outside"
        outside.mkdir()
        write_production(folder / "root" / "production", options.assets)
        with running_system(folder) as system:
            names = options.pages.split(",")
            share, longest = measure(system, outside, names, scenes * SCENE_ASSETS, options.rounds)
    print(f"work for the pages / work of the server = {share:.3f} (promise: at most {MAX_EXTRA_SHARE:g})")
    print(f"longest task of a page = {longest:.0f} ms (promise: at most {MAX_TASK_MS})")


if __name__ == "__main__":
    main()
