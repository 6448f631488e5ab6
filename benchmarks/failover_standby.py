"""What a failover to a standby costs: of PostgreSQL, and of Valkey through Sentinels.

    python -m benchmarks.failover_standby [--rounds 3] [--parts postgres,valkey] [--folder DIR]

Each server has a machine of its own, a network namespace, so this needs root. By turns the server that accepts writes
is killed, which closes its connections, and cut off, which does not. The standby of PostgreSQL, which confirms every
commit, is promoted at once, as a program that watches both would when it has noticed; Sentinels notice by themselves,
5 s after the last answer.

A finished clip is moved into place at the moment of the loss, and a client of the API goes on to create assets, and
repeats each request until it is answered. The clock runs from the loss until a search finds the clip, and until its
rendition is made. In the end every asset that was acknowledged must be there once, and `tapeless verify` must find
nothing.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.failover import LOST_SECONDS, POLL_SECONDS
from benchmarks.stage.deployment import Deployment, running_deployment
from benchmarks.stage.production import letters
from benchmarks.stage.standby import PostgresPair, ValkeyGroup, open_groups
from benchmarks.stage.system import own_folder, wait_until
from benchmarks.write_to_search import is_found
from tests.e2e.machines import open_network
from tests.services.media_clips import bytes_of
from tests.tls import free_loopback_port

PARTS, WAYS = ("postgres", "valkey"), ("killed", "cut off")
WRITE_SECONDS, ANSWER_SECONDS, SLOW_SECONDS = 0.1, 20.0, 1.0
IDLE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Loss:
    """How a server is lost, who replaced it, and how it comes back as the standby."""

    lose: Callable[[], None]
    is_replaced: Callable[[], bool]
    return_: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Failover:
    """Seconds from the loss until …"""

    replaced: float
    """… another server accepted writes …"""
    answers: float
    """… the API answered every request from then on, each within a second …"""
    found: float
    """… the clip was found …"""
    rendered: float
    """… and its rendition was made."""


@dataclass(slots=True)
class Writer:
    """A client that creates assets one after the other, and repeats each request until it is answered."""

    client: httpx.Client
    prefix: str
    acknowledged: list[str] = field(default_factory=list)
    repeats: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            title = f"{self.prefix} {letters(len(self.acknowledged))}"
            while not self._create(title):
                self.repeats += 1
                time.sleep(WRITE_SECONDS)
            self.acknowledged.append(title)

    def _create(self, title: str) -> bool:
        with suppress(httpx.HTTPError):
            headers = {"Idempotency-Key": title.replace(" ", "-")}
            return self.client.post("/assets/v1/assets/", json={"title": title}, headers=headers).is_success
        return False

    def stop(self) -> None:
        self._stop.set()


def plan_postgres(pair: PostgresPair, way: str) -> Loss:
    """Lose the primary, and promote the standby."""
    lost = pair.primary

    def lose() -> None:
        lost.kill() if way == "killed" else lost.machine.cut()
        pair.promote()

    def come_back() -> None:
        lost.stop()
        lost.machine.connect()
        pair.follow()

    return Loss(lose, lambda: True, come_back)


def plan_valkey(group: ValkeyGroup, way: str) -> Loss:
    """Lose the master; the Sentinels choose another."""
    lost = wait_until(group.master, "there is a master", 30.0)
    assert lost is not None

    def come_back() -> None:
        if way == "killed":
            group.start(lost)
        else:
            lost.connect()
        group.wait_until_whole()

    return Loss(
        lambda: group.kill(lost) if way == "killed" else lost.cut(),
        lambda: group.master() not in (None, lost),
        come_back,
    )


def is_rendered(client: httpx.Client, title: str) -> bool:
    """Whether the asset of a title has the format of its rendition."""
    hits = client.post("/search/v1/search/", json={"query": title, "doc_types": ["assets"]}).raise_for_status().json()
    formats = client.get(f"/files/v1/assets/{hits['objects'][0]['id']}/formats/").raise_for_status().json()
    return len(formats["objects"]) > 1


def measure(client: httpx.Client, deployment: Deployment, outside: Path, name: str, loss: Loss) -> Failover:
    """Lose a server while a clip arrives, and wait until its rendition is made."""
    waiting = outside / f"{name}.mp4"
    waiting.write_bytes(bytes_of("mp4"))
    killed = failed = time.monotonic()
    replaced = found = None
    loss.lose()
    waiting.rename(deployment.root / waiting.name)
    while True:
        if replaced is None and loss.is_replaced():
            replaced = time.monotonic() - killed
        asked = time.monotonic()
        try:
            if found is None and is_found(client, name):
                found = time.monotonic() - killed
            if time.monotonic() > asked + SLOW_SECONDS:
                failed = time.monotonic()
            if found is not None and replaced is not None and is_rendered(client, name):
                return Failover(replaced, failed - killed, found, time.monotonic() - killed)
        except httpx.HTTPError:
            failed = time.monotonic()
        if time.monotonic() > killed + LOST_SECONDS:
            raise SystemExit(f"{name}.mp4 had no rendition within {LOST_SECONDS:g} s")
        time.sleep(POLL_SECONDS)


def report(part: str, way: str, failovers: Sequence[Failover]) -> None:
    """Print the median and the worst."""

    def said(values: Sequence[float]) -> str:
        return f"{statistics.median(values):5.1f} s (worst {max(values):4.1f} s)"

    print(
        f"{part:8} {way:8} another accepts writes after {said([each.replaced for each in failovers])}, "
        f"the API answers after {said([each.answers for each in failovers])}, "
        f"a new file is found after {said([each.found for each in failovers])}, "
        f"its rendition is made after {said([each.rendered for each in failovers])}",
        flush=True,
    )


def report_writes(writer: Writer, deployment: Deployment) -> None:
    """Print how many acknowledged writes are missing, and how many are there twice."""
    there = deployment.count_titles(writer.prefix)
    lost = sum(title not in there for title in writer.acknowledged)
    doubled = sum(count > 1 for count in there.values())
    print(
        f"{len(writer.acknowledged):,} writes were acknowledged, after {writer.repeats:,} repeats: "
        f"{lost} lost, {doubled} doubled; verify finds {len(deployment.verify())} broken",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--folder", type=Path, help="where everything is written (default: the temporary folder)")
    options = parser.parse_args()
    with own_folder(options.folder) as folder, open_network(folder) as network:
        outside = folder / "outside"
        outside.mkdir()
        with (
            open_groups(network, folder) as (pair, group),
            running_deployment(folder, pair.url, group.url, free_loopback_port()) as deployment,
            httpx.Client(base_url=deployment.api_url, headers=deployment.headers, timeout=ANSWER_SECONDS) as client,
        ):
            writer = Writer(client, "written")
            thread = threading.Thread(target=writer.run)
            thread.start()
            try:
                for part in options.parts.split(","):
                    for way in WAYS:
                        failovers = []
                        for number in range(options.rounds):
                            loss = plan_postgres(pair, way) if part == "postgres" else plan_valkey(group, way)
                            name = f"lost {part} {way} {letters(number)}"
                            failovers.append(measure(client, deployment, outside, name, loss))
                            loss.return_()
                        report(part, way, failovers)
            finally:
                writer.stop()
                thread.join()
            wait_until(deployment.is_idle, "all work is done", IDLE_SECONDS)
            report_writes(writer, deployment)


if __name__ == "__main__":
    main()
