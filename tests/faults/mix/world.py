"""One running system with what is done to it: the watched folder, the clients and their log, and what arms faults."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.e2e.system import System, open_system
from tests.faults.killing import QUICK, answers
from tests.faults.mix.api_client import ApiClient
from tests.faults.mix.client_log import ClientLog
from tests.faults.mix.client_steps import FIELDS, Clients
from tests.faults.mix.crash_points import write_hook
from tests.servers import ROOT
from tests.waiting import wait_until
from workers.processes.supervisor import read_child_states

READER = "reader@example.org"
STORAGE_SETTINGS = ("growing_files_threshold=0.6", "scan_interval_seconds=0.5")
ORPHAN_SECONDS = 3
PROFILE = {"orphan_after_seconds": ORPHAN_SECONDS}
CHILDREN = frozenset(
    {"postgres", "valkey", "beat", "watch", "api", "worker-ingest", "worker-index", "worker-media", "worker-trigger"}
)


@dataclass(slots=True)
class World:
    """What a run needs."""

    system: System
    root: Path
    armed: Path
    clients: Clients
    disk: threading.RLock = field(default_factory=threading.RLock)
    """Held while the root is away: no step writes into the empty folder in its place."""
    folder: str = ""
    """The folder of this run below the root."""

    @property
    def log(self) -> ClientLog:
        return self.clients.log

    @property
    def data(self) -> Path:
        return self.system.data

    def is_complete(self) -> bool:
        """Whether every child runs, and the servers answer."""
        states = read_child_states(self.data)
        runs = {child.name for child in states if child.state == "running"}
        return runs >= CHILDREN and answers(self.system)

    def restart(self) -> None:
        """Start the system again after its supervisor was killed."""
        assert self.system.process is not None
        self.system.process.wait(30)
        self.system.start(self.root, "--flower-port", "0")

    def files(self) -> list[Path]:
        """The files of this run, in a stable order."""
        return sorted(path for path in (self.root / self.folder).rglob("*") if path.is_file() and not path.is_symlink())


@contextmanager
def open_world(folder: Path, **env: str) -> Iterator[World]:
    """Start a system with short times, two users, and points that can be armed."""
    root = folder / "watched"
    root.mkdir()
    armed = write_hook(folder / "hook", ROOT)
    path = os.pathsep.join((str(armed.parent), str(ROOT)))
    with open_system(folder, **QUICK, **env, PYTHONPATH=path) as system:
        system.start(root, "--flower-port", "0")
        system.run("storage", "set", "watched", *STORAGE_SETTINGS)
        rules = folder / "rules.json"
        rules.write_text(json.dumps(PROFILE))
        system.run("storage", "profile", "watched", "--file", str(rules), "--yes")
        log = ClientLog(folder / "client-log.jsonl")
        editor = make_client(system, "admin@localhost", log)
        world = World(system, root, armed, Clients(editor, editor, log))
        wait_until(world.is_complete, what="every process runs", seconds=STALL_SECONDS)
        with closing(editor.http):
            add_reader(world)
            with closing(world.clients.reader.http):
                yield world


def add_reader(world: World) -> None:
    """Create the second user, and the fields that values are written into."""
    editor = world.clients.editor
    editor.user_id = editor.read("users/v1/users/current/").json()["id"]
    for name in FIELDS:
        editor.http.request(
            "POST",
            f"{json.loads((world.data / 'running.json').read_text())['api_url']}/API/metadata/v1/fields/",
            json={"name": name, "label": name, "field_type": "string"},
            headers=editor.headers,
        ).raise_for_status()
    _, made = editor.write("user", "POST", "users/v1/users/", {"email": READER})
    reader = make_client(world.system, READER, world.log)
    reader.user_id = made["id"]
    world.clients.reader = reader


def make_client(system: System, email: str, log: ClientLog) -> ApiClient:
    """A client with a token of its own."""
    token = system.ask("token", "create", email)
    headers = {"App-ID": token["app_id"], "Auth-Token": token["token"]}
    return ApiClient(system.data, email.partition("@")[0], headers, log)


REQUEST_SCAN = text("UPDATE storage SET scan_requested_at = now() WHERE name = 'watched'")
BUSY = ("growing", "pending_islands", "waiting_islands", "index_queue", "jobs_waiting", "suspected")
STALL_SECONDS = 90.0
"""Longer than any step takes on a machine with other work."""
ENDLESS_SECONDS = 240.0
"""For work that changes for ever without an end."""
UNSETTLED = text("""
    SELECT (SELECT count(*) FROM media_work WHERE parked_at IS NULL) AS readings,
        (SELECT count(*) FROM job WHERE task IS NOT NULL AND completed_at IS NULL AND parked_at IS NULL) AS jobs,
        (SELECT count(*) FROM file WHERE status = 'GROWING') AS growing_files
""")


def settle(world: World) -> None:
    """Wait until the system has looked at everything twice, because one look only suspects what is gone."""
    wait_until(world.is_complete, what="every process runs again", seconds=STALL_SECONDS)
    for _ in range(2):
        request_scan(world)
        wait_for_quiet(world)


def request_scan(world: World) -> None:
    """Ask for a walk of everything."""
    with world.system.session() as session, session.begin():
        session.execute(REQUEST_SCAN)


def wait_for_quiet(world: World) -> None:
    """Wait until nothing is left to do; it fails where nothing of what is left gets done for long, or never all."""
    end = time.monotonic() + ENDLESS_SECONDS
    left = look_for_work(world)
    while left:
        if time.monotonic() > end:
            pytest.fail(f"after {ENDLESS_SECONDS:g} s this is still left to do: {left}")
        (left,) = wait_until(
            lambda before=left: (now,) if (now := look_for_work(world)) != before else None,
            what=f"something of this gets done: {left}",
            seconds=STALL_SECONDS,
        )


def look_for_work(world: World) -> dict[str, object]:
    """What is left to do now."""
    status = world.system.status()
    if status is None:
        return {"database": "does not answer"}
    left = {name: value for name, value in status.to_json().items() if name in BUSY and value}
    left |= {each.name: each.message for each in status.storages if each.is_scanning or each.status != "ACTIVE"}
    with world.system.session() as session:
        left |= {name: count for name, count in session.execute(UNSETTLED).one()._asdict().items() if count}
    return left
