"""`tapeless up` as root, on the data folder of a system that ran as root: each process has the rights that it needs."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from models.core.capabilities import READ_MASK
from tests.e2e.system import System
from tests.servers import ROOT
from tests.services.media_clips import put
from tests.waiting import wait_until
from workers.embedded.postgres import EmbeddedPostgres
from workers.processes.file_rights import WATCH_MASK
from workers.processes.process import is_process_running
from workers.processes.supervisor import read_child_states

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
READING = {"watch": (WATCH_MASK, WATCH_MASK), "worker-media": (READ_MASK, READ_MASK), "api": (READ_MASK, 0)}
"""Permitted, and in effect; the others have nothing."""


def open_python(folder: Path) -> str:
    """This Python where others can run it: if it is in root's home, mounted at another place for that."""
    prefix = Path(sys.base_prefix)
    if all(each.stat().st_mode & 0o001 for each in prefix.parents):
        return sys.executable
    mounted, script = folder / "python", folder / "run-python"
    mounted.mkdir()
    python = mounted / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    run = f'mount --bind "{prefix}" "{mounted}" && PYTHONHOME="{mounted}" exec "{python}" "$@"'
    script.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{run}' sh \"$@\"\n")
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def system() -> Iterator[System]:
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # unlike those of pytest
        env = {"PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])}
        env["XDG_STATE_HOME"] = str(Path(folder, "state"))  # root's, which the system cannot write
        system = System(Path(folder, "data"), Path(folder, "up.txt"), env, open_python(Path(folder)))
        try:
            yield system
        finally:
            system.close()


def rights_of(pid: int) -> tuple[int, tuple[int, int]]:
    """The user of a process, and its capabilities: permitted, in effect."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["Uid"].split()[1]), (int(status["CapPrm"], 16), int(status["CapEff"], 16))


def all_rights(system: System) -> dict[str, set[tuple[int, int]]]:
    """The capabilities of each child and its descendants; none of them is root's."""
    found: dict[str, set[tuple[int, int]]] = {}
    for state in read_child_states(system.data):
        assert state.pid is not None
        for process in (psutil.Process(state.pid), *psutil.Process(state.pid).children(recursive=True)):
            user, capabilities = rights_of(process.pid)
            assert user == system.data.stat().st_uid != 0, (state.name, process)
            found.setdefault(state.name, set()).add(capabilities)
    return found


def test_root_starts_processes_without_its_rights_that_read_what_it_could(system: System) -> None:
    rushes = system.data.parent / "rushes"
    put(rushes, "sc12.mov")
    clip = rushes / "sc12.mov"
    clip.chmod(0o600)
    closed = system.data.parent / "closed"
    closed.mkdir(mode=0o700)
    rushes.chmod(0o700)
    before = EmbeddedPostgres(system.data / "postgres")
    before.start()
    before.stop()
    assert system.data.stat().st_uid == 0
    system.start(rushes, "--flower-port", "0")
    assert "in place of root; only the watcher and the readers of media may read all files" in system.printed()
    system.wait_until_idle(1)
    found = [sys.executable, "-m", "workers.main", "storage", "list"]
    assert "rushes" in subprocess.check_output(found, env=system.environment(), cwd=system.data.parent, text=True)
    assert {path.lstat().st_uid for path in system.data.rglob("*")} == {system.data.stat().st_uid}

    def has_rights() -> bool:
        rights = all_rights(system)
        return rights == {name: {READING.get(name, (0, 0))} for name in rights} and READING.keys() <= rights.keys()

    wait_until(has_rights, what="each process has its rights")
    refused = system.run("storage", "add", str(rushes.parent), "--purpose", "PROXIES", code=1)
    assert "cannot be written" in refused, "as the user that would write there, not as root"
    system.run("storage", "add", str(closed), "--name", "closed")
    asset = system.ask("show", "sc12")
    status = system.status()
    assert status is not None
    assert status.problems == [], "its header was read"
    with client_of(system) as client:
        (file,) = client.get(f"/API/files/v1/assets/{asset['id']}/files/").raise_for_status().json()["objects"]
        url = client.get(f"/API/files/v1/assets/{asset['id']}/files/{file['id']}/download_url/").json()["url"]
        assert client.get(url).raise_for_status().content == clip.read_bytes()
        told = client.get("/API/jobs/v1/work/explanation/", params={"path": str(clip)}).raise_for_status().json()
        assert told["state"] == "asset", told
    killed = watchers(system)
    os.kill(killed[0], signal.SIGKILL)
    wait_until(lambda: watchers(system) not in ([], killed), what="the watcher is started again")
    wait_until(has_rights, what="it has its rights again")
    system.run("verify")
    system.run("backup", str(system.data.parent / "backup.tar"))
    family = system.family()
    system.run("down")
    assert not any(map(is_process_running, family))


def watchers(system: System) -> list[int]:
    """The watcher's pid, while it runs."""
    return [state.pid for state in read_child_states(system.data) if (state.name, state.state) == ("watch", "running")]


def client_of(system: System) -> httpx.Client:
    """The administrator at the API."""
    printed = re.search(r"(http://127\.0\.0\.1:\d+)/API", system.printed())
    assert printed is not None
    made = system.ask("token", "create", "admin@localhost")
    return httpx.Client(base_url=printed[1], headers={"App-ID": made["app_id"], "Auth-Token": made["token"]})
