"""Two watchers and two workers for one system: one of each is killed, and work goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from tests.e2e.system import System, open_system
from tests.files import write
from tests.servers import ROOT
from tests.waiting import wait_until
from workers.config.settings import make_child_environment
from workers.processes.supervisor import read_child_states

LEADER = text("""
    SELECT count(*) FROM storage JOIN pg_locks ON locktype = 'advisory' AND granted
        AND (CAST(classid AS bigint) << 32) + CAST(objid AS bigint) = watcher_id
""")


@contextmanager
def another(system: System, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One more process of a system, started by hand as on another host."""
    env = make_child_environment(PYTHONPATH=str(ROOT), TAPELESS_DATA=str(system.data))
    with open(system.data.parent / f"{words[1]}.txt", "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env=env,
            cwd=system.data.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def leads(system: System) -> bool:
    with system.session() as session:
        return session.scalar(LEADER) == 1


def child_of(system: System, name: str) -> psutil.Process:
    """Find a process of `tapeless up`."""
    (found,) = [state.pid for state in read_child_states(system.data) if state.name == name]
    assert found is not None
    return psutil.Process(found)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    card = tmp_path_factory.mktemp("several") / "card"
    card.mkdir()
    return card


@pytest.fixture(scope="module")
def system(card: Path) -> Iterator[System]:
    with open_system(card.parent) as system:
        system.start(card)
        system.wait_for(lambda status: status.idle, "idle")
        yield system


def drop(system: System, card: Path, name: str) -> None:
    """Write one file more, and wait until its asset is there and nothing is left to do."""
    write(card, name)
    files = len(list(card.iterdir()))
    system.wait_until_idle(files)
    assert len(system.assets()) == files


def test_a_second_watcher_takes_over_when_the_first_is_killed(system: System, card: Path) -> None:
    assert system.process is not None
    with another(system, "workers.main", "watch", "--data", str(system.data)) as second:
        drop(system, card, "a.mov")
        first, supervisor = child_of(system, "watch"), psutil.Process(system.process.pid)
        # Stopped meanwhile, or the supervisor would restart the first one.
        supervisor.suspend()
        try:
            os.kill(first.pid, signal.SIGKILL)
            wait_until(lambda: leads(system), what="the second leads the storage")
            drop(system, card, "b.mov")
        finally:
            supervisor.resume()
        assert second.poll() is None
    drop(system, card, "c.mov")


def test_a_second_worker_does_what_the_first_cannot(system: System, card: Path) -> None:
    worker = ("-A", "workers.app", "worker", "-n", "second@%h", "-c", "1", "-Q", "ingest,index,maintenance")
    assert system.process is not None
    first = [(worker_of := child_of(system, "worker-ingest")), *worker_of.children(recursive=True)]
    with another(system, "celery", "-q", *worker):
        # Stopped, not ended: the supervisor would start another.
        for child in first:
            child.suspend()
        try:
            drop(system, card, "d.mov")
        finally:
            for child in first:
                child.resume()
