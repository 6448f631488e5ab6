"""What the loss of each part of a running system costs: seconds until the API answers again, and new work is done.

    python -m benchmarks.failover [--rounds 5] [--parts postgres,valkey,...] [--opensearch] [--folder DIR]

By turns each part is killed at once, as the kernel or a power cut would, and `tapeless up` starts it again, as systemd
or Kubernetes would. A finished file is moved into place at the same moment. The clock runs until a search over the API
finds it; without any loss this takes the time that a closed file has to rest (`close_seconds`, 1 s) and a little more,
which is the first line. With --opensearch the documents are in a node that this program kills and starts again, and the
seconds are those since it answered.
"""

import argparse
import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.stage.production import CONTENT, letters
from benchmarks.stage.system import RunningSystem, own_folder, running_system
from benchmarks.write_to_search import is_found, open_client
from tests.search.opensearch.node import Node, user_cache

NO_PART, SEARCH_PART = "nothing", "opensearch"
PARTS = ("postgres", "valkey", "api", "beat", "watch", "worker-ingest", "worker-index")
LOST_SECONDS, POLL_SECONDS = 180.0, 0.02
REST_SECONDS = 2.0
"""Between two losses: the restarts of one must not delay those of the next."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How a part is killed, and started again where `tapeless up` does not."""

    kill: Callable[[], None]
    start: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """Seconds from the loss of a part, until …"""

    started: float
    """… it was started again, where this program does so …"""
    answers: float
    """… the API answered every request from then on …"""
    found: float
    """… and the file was found."""


def lose(client: httpx.Client, system: RunningSystem, outside: Path, name: str, loss: Loss) -> Outage:
    """Kill a part while a file arrives, and wait until it is found."""
    waiting = outside / f"{name}.mov"
    waiting.write_bytes(CONTENT)
    killed = failed = started = time.monotonic()
    loss.kill()
    waiting.rename(system.root / waiting.name)
    if loss.start is not None:
        loss.start()
        started = failed = time.monotonic()
    while True:
        with suppress(httpx.HTTPError):
            if is_found(client, name):
                now = time.monotonic()
                return Outage(started - killed, failed - killed, now - killed)
            time.sleep(POLL_SECONDS)
            continue
        failed = time.monotonic()
        if failed > killed + LOST_SECONDS:
            raise SystemExit(f"{name}.mov was not found within {LOST_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def plan_loss(system: RunningSystem, part: str, node: Node | None) -> Loss:
    """Return how to lose a part: a child of `tapeless up` with all that it started, or the node."""
    if part == NO_PART:
        return Loss(lambda: None)
    if node is not None:
        return Loss(node.kill, node.start)
    return Loss(lambda: os.killpg(system.pid_of(part), signal.SIGKILL))


def measure(
    client: httpx.Client, system: RunningSystem, outside: Path, part: str, rounds: int, node: Node | None
) -> list[Outage]:
    """Lose a part so many times."""
    outages = []
    for number in range(rounds):
        loss = plan_loss(system, part, node)
        outages.append(lose(client, system, outside, f"lost {part} {letters(number)}", loss))
        system.wait_until_idle()
        time.sleep(REST_SECONDS)
    return outages


def report(part: str, outages: Sequence[Outage]) -> None:
    """Print the median and the worst."""

    def said(values: Sequence[float]) -> str:
        return f"{statistics.median(values):5.1f} s (worst {max(values):4.1f} s)"

    answers = said([each.answers - each.started for each in outages])
    found = said([each.found - each.started for each in outages])
    since = " after it answered" if outages[0].started else ""
    print(f"{part:14} the API answers again after {answers}, a new file is found after {found}{since}", flush=True)


@contextmanager
def open_node(folder: Path) -> Iterator[Node]:
    """An OpenSearch to be killed."""
    node = Node(folder / "node", user_cache(Path.home()))
    node.start()
    try:
        yield node
    finally:
        node.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--opensearch", action="store_true", help="search in OpenSearch, and lose that instead")
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder, open_node(folder) if options.opensearch else nullcontext() as node:
        outside = folder / "outside"
        outside.mkdir()
        words = ("--search", node.url) if node is not None else ()
        parts = (SEARCH_PART,) if node is not None else options.parts.split(",")
        with running_system(folder, *words) as system, open_client(system) as client:
            for part in (NO_PART, *parts):
                report(part, measure(client, system, outside, part, options.rounds, node))


if __name__ == "__main__":
    main()
