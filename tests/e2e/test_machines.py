"""Servers on one machine, a watcher on another, and workers on two more that mount everything at paths of their own.

Mounts are lost, a machine is cut off for a while and another one vanishes, and in the end every rendition can be
downloaded and every invariant holds. `make faults` cuts off for a minute.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, text

from models.catalog.storage import StorageSettings
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.schema import upgrade_database
from services.access.users import ensure_administrator
from services.operations.status import SystemStatus, read_status
from services.storages.process_reports import list_machine_views
from services.storages.storages import NewStorage, add_storage
from tests.conftest import IS_CI
from tests.e2e.machines import Machine, MachineNetwork, can_make_machines, open_network
from tests.services.media_clips import put
from tests.tls import free_loopback_port, make_authority, running_server, write_redis_configuration
from tests.waiting import wait_until
from workers.embedded.postgres import EmbeddedPostgres
from workers.main import main

SECONDS = {"TAPELESS_LEASE_SECONDS": "6", "TAPELESS_POLL_SECONDS": "1", "TAPELESS_SWEEP_SECONDS": "2"}
CELERY = ("celery", "-A", "workers.app")
QUIET = ("--without-gossip", "--without-mingle", "-l", "INFO")
OWNERS = text("SELECT split_part(lease_owner, ':', 1) FROM job WHERE status = 'STARTED' AND lease_until > now()")
RENDITIONS = text("""
    SELECT format.asset_id, file.id FROM format JOIN file_set ON file_set.format_id = format.id
    JOIN file_set_file ON file_set_id = file_set.id JOIN file ON file.id = file_id WHERE format.rule = 'transcode'
""")
WAITING = text(
    "SELECT (SELECT count(*) FROM media_work), (SELECT count(*) FROM job WHERE status IN ('READY', 'STARTED'))"
)
MAX_TAKEOVER_SECONDS = 15.0


@dataclass(slots=True)
class Deployment:
    """The servers, and how to ask them."""

    folder: Path
    network: MachineNetwork
    sessions: Sessions
    env: dict[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def rushes(self) -> Path:
        return self.folder / "rushes"

    @property
    def made(self) -> Path:
        return self.folder / "made"

    def ask(self, *words: str, code: int = 0) -> Any:
        """Run one command on the servers' machine."""
        done = CliRunner(env=self.env).invoke(main, [*words, "--json"])
        assert done.exit_code == code, f"{words}: {done.output}{done.exception!r}"
        return json.loads(done.output)

    def status(self) -> SystemStatus:
        with self.sessions() as session:
            return read_status(session)

    def watcher_host(self) -> str | None:
        """The machine that watches the storage."""
        return next(each.watcher_host for each in self.status().storages if each.name == "Rushes")

    def is_done(self, files: int) -> bool:
        """Whether so many files are in, read, shown and made into renditions."""
        with self.sessions() as session:
            waiting = session.execute(WAITING).one()
            renditions = session.execute(RENDITIONS).all()
        return tuple(waiting) == (0, 0) and len(renditions) == files and self.status().idle

    def wait_until_done(self, files: int, seconds: float = 60.0) -> None:
        wait_until(lambda: self.is_done(files), what=f"{files} files are in and have renditions", seconds=seconds)

    def download_renditions(self) -> int:
        """Download every rendition from the API; returns how many came whole."""
        with self.sessions() as session:
            rows = session.execute(RENDITIONS).all()
        base, came = f"http://{self.network.address}:8780", 0
        with httpx.Client(headers=self.headers, timeout=20) as client:
            for row in rows:
                answer = client.get(f"{base}/API/files/v1/assets/{row.asset_id}/files/{row.id}/download_url/")
                assert answer.status_code == 200, answer.text
                came += client.get(answer.json()["url"].replace("http://127.0.0.1:8780", base)).content[4:8] == b"ftyp"
        return came

    def unseen_by(self, process: str) -> str:
        """Why a process does not see a storage."""
        with self.sessions() as session:
            (view,) = (view for view in list_machine_views(session) if view.name == process)
        return "".join(view.unseen.values())

    def encoding(self, *machines: Machine) -> Machine | None:
        """A machine with a job that runs there now."""
        with self.sessions() as session:
            owners = set(session.scalars(OWNERS))
        return next((machine for machine in machines if machine.name in owners), None)

    def transcodes_of(self, machine: Machine) -> int:
        """Count the transcodes that a machine's worker ended."""
        return machine.log("media").read_text().count("Task transcode.run") if machine.log("media").exists() else 0

    def add_machine(self, name: str) -> Machine:
        """A machine with the storage and the media folder at paths of its own, and nothing at those of the servers."""
        place = self.folder / name
        mounts = {self.rushes: place / "storage", self.made: place / "pictures"}
        env = self.env | {
            "TAPELESS_MOUNTS": f"{self.rushes}={place / 'storage'}",
            "TAPELESS_MEDIA": str(place / "pictures"),
        }
        return self.network.add(name, place, [self.rushes, self.made], mounts, env)


@contextmanager
def open_deployment(folder: Path) -> Iterator[Deployment]:
    """Database and broker, which speak TCP on the bridge, the broker over TLS, and the processes beside them."""
    with ExitStack() as opened:
        network = opened.enter_context(open_network(folder))
        (folder / "rushes").mkdir()
        (folder / "made").mkdir()
        (folder / "hba").write_text("local all all scram-sha-256\nhost all all 10.0.0.0/8 scram-sha-256\n")
        settings = {"listen_addresses": network.address, "hba_file": str(folder / "hba"), "fsync": "off"}
        postgres = EmbeddedPostgres(folder / "postgres", settings)
        postgres.start()
        opened.callback(postgres.stop)
        upgrade_database(postgres.url())
        engine = make_engine(postgres.url())
        opened.callback(engine.dispose)
        deployment = Deployment(folder, network, make_sessions(engine), {})
        authority = make_authority(folder, network.address)
        port = free_loopback_port()
        extra = [
            "requirepass pw",
            "tls-auth-clients no",
            "maxmemory 256mb",
            "maxmemory-policy noeviction",
            "appendonly yes",
        ]
        redis = write_redis_configuration(folder, "redis", authority, port, extra, bind=f"127.0.0.1 {network.address}")
        opened.enter_context(running_server("redis", ["redis-server", redis], folder, port))
        parts = make_url(postgres.url())
        deployment.env = {
            "TAPELESS_DATABASE_URL": f"postgresql://{parts.username}:{parts.password}@{network.address}:5432/tapeless",
            "TAPELESS_BROKER_URL": f"rediss://:pw@{network.address}:{port}/0",
            "TAPELESS_BROKER_CA_FILE": str(authority.ca),
            "TAPELESS_SECRET_KEY": "a key of at least thirty-two bytes",
            "TAPELESS_MEDIA": str(deployment.made),
            **SECONDS,
        }
        opened.enter_context(server_processes(deployment))
        yield deployment


@contextmanager
def server_processes(deployment: Deployment) -> Iterator[None]:
    """The API, beat and the worker that opens no media, on the servers' machine."""
    email, _ = transact(deployment.sessions, ensure_administrator)
    settings = StorageSettings(scan_interval_seconds=1, growing_files_threshold=0.5, transcode_profiles=("web",))
    storage = NewStorage(deployment.rushes, name="Rushes", settings=settings)
    transact(deployment.sessions, add_storage, storage)
    made = deployment.ask("token", "create", email)
    deployment.headers = {"App-ID": made["app_id"], "Auth-Token": made["token"]}
    words: Mapping[str, Sequence[str]] = {
        "api": ("workers.main", "api", "--host", deployment.network.address),
        "beat": (*CELERY, "beat", "--scheduler", "workers.celery.scheduler:ConditionalScheduler", "--pidfile="),
        "core": (*CELERY, "worker", "-n", "core@%h", "-Q", "ingest,index,maintenance,trigger", "-c", "2", *QUIET),
    }
    processes = []
    for name, argv in words.items():
        with open(deployment.folder / f"{name}.log", "ab") as log:
            processes.append(deployment.network.forks.fork(argv, log, deployment.env, 9, is_background=False))
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(15)
        for process in processes:
            process.wait()


def start_media_worker(machine: Machine) -> None:
    # Celery asks for the name of the host once, which here was before the fork.
    name = f"media@{machine.name}"
    machine.start("media", *CELERY, "worker", "-n", name, "-Q", "metadata,media,transcode", "-c", "2", *QUIET)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    if not can_make_machines():
        (pytest.fail if IS_CI else pytest.skip)("no network namespaces may be made here")
    with open_deployment(tmp_path) as deployment:
        yield deployment


def run_machines(deployment: Deployment, cut_seconds: float) -> None:
    """Make renditions on two machines, and take from them what machines lose."""
    one, two, eye, spare = (deployment.add_machine(name) for name in ("one", "two", "eye", "spare"))
    eye.start("watch", "workers.main", "watch")
    wait_until(lambda: deployment.watcher_host() == "eye", what="the watcher leads", seconds=30)
    for machine in (one, two):
        start_media_worker(machine)
    spare.start("watch", "workers.main", "watch")
    put(deployment.rushes, *(f"day1/a{number}.mp4" for number in range(6)))
    deployment.wait_until_done(6)
    assert deployment.download_renditions() == 6
    assert min(deployment.transcodes_of(machine) for machine in (one, two)) > 0

    # A mount of a worker and that of the watcher are lost: what remains is an empty folder.
    one.unmount(one.folder / "storage")
    eye.unmount(eye.folder / "storage")
    lost_at = time.monotonic()
    put(deployment.rushes, *(f"day2/b{number}.mp4" for number in range(2)))
    wait_until(lambda: deployment.watcher_host() == "spare", what="the watcher that sees it leads", seconds=20)
    print(f"the watcher that sees the storage led after {time.monotonic() - lost_at:.1f} s")
    deployment.wait_until_done(8)
    assert [each.message for each in deployment.status().storages if each.message] == []
    wait_until(lambda: "holds none of its files" in deployment.unseen_by("media@one"), what="it says why", seconds=20)
    one.mount(deployment.rushes, one.folder / "storage")
    eye.mount(deployment.rushes, eye.folder / "storage")

    # The media folder is lost, too: nothing is written below it.
    one.unmount(one.folder / "pictures")
    put(deployment.rushes, *(f"day3/c{number}.mp4" for number in range(2)))
    deployment.wait_until_done(10)
    assert list((one.folder / "pictures").iterdir()) == []
    one.mount(deployment.made, one.folder / "pictures")

    # A worker is cut off while it works, and the watcher's machine vanishes without closing a connection.
    put(deployment.rushes, *(f"day4/d{number}.mp4" for number in range(3)))
    busy = wait_until(lambda: deployment.encoding(one, two), what="a worker encodes", seconds=30)
    busy.cut()
    spare.kill()
    lost_at = time.monotonic()
    put(deployment.rushes, "day5/e.mp4")
    done, takeover = seconds_until(
        lambda: deployment.encoding(busy) is None, lambda: deployment.watcher_host() == "eye", since=lost_at
    )
    print(
        f"the work of a worker that was cut off was free after {done:.1f} s, another watcher led after {takeover:.1f} s"
    )
    assert takeover < MAX_TAKEOVER_SECONDS
    deployment.wait_until_done(14)
    print(f"all was done by the others after {time.monotonic() - lost_at:.1f} s")
    wait_until(lambda: time.monotonic() - lost_at >= cut_seconds, what="the cut is over", seconds=cut_seconds + 1)
    busy.connect()
    assert deployment.download_renditions() == 14
    assert [each for each in deployment.ask("verify") if each["broken"]] == []


def seconds_until(*conditions: Callable[[], bool], since: float) -> list[float]:
    """Wait until each of some conditions was true, and return when."""
    reached: dict[Callable[[], bool], float] = {}

    def are_reached() -> bool:
        reached.update({each: time.monotonic() - since for each in conditions if each not in reached and each()})
        return len(reached) == len(conditions)

    wait_until(are_reached, what="what was lost is replaced", seconds=30)
    return [reached[each] for each in conditions]


def test_machines_that_lose_mounts_links_and_each_other_lose_no_work(deployment: Deployment) -> None:
    run_machines(deployment, cut_seconds=0)


@pytest.mark.faults
def test_machines_survive_a_cut_of_a_minute(deployment: Deployment) -> None:
    run_machines(deployment, cut_seconds=60)
