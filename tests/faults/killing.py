"""Killing one part of a running system, like a crash, an operator or the kernel would."""

import os
import signal
from collections.abc import Callable
from contextlib import closing, suppress

import psutil
from redis.exceptions import RedisError

from tests.e2e.system import System
from tests.waiting import wait_until
from workers.embedded.valkey import EmbeddedValkey
from workers.processes.forked import FORK_SERVER_MODULE
from workers.processes.process import ProcessIdentity, is_process_running, read_process_record

QUICK = {
    "TAPELESS_CLOSE_SECONDS": "0.3",
    "TAPELESS_LEASE_SECONDS": "3",
    "TAPELESS_DISPATCH_TIMEOUT_SECONDS": "2",
    "TAPELESS_SWEEP_SECONDS": "1",
    "TAPELESS_POLL_SECONDS": "1",
}
"""Recovery works as with the default times, only sooner."""

RESTART_SECONDS = 60.0
"""For a process that is started again on a machine with other work."""

Kill = Callable[[System], None]


def pid_of(system: System, name: str) -> int:
    """The process of a child of `tapeless up`, by its name there; one that died is being started again."""

    def running() -> ProcessIdentity | None:
        record = read_process_record(system.data / "run" / f"{name}.json")
        return record if record is not None and is_process_running(record) else None

    return wait_until(running, what=f"{name} is running", seconds=RESTART_SECONDS).pid


def kill(name: str) -> Kill:
    """Kill a child with everything that it started."""

    def kill_group(system: System) -> None:
        os.killpg(pid_of(system, name), signal.SIGKILL)

    return kill_group


def kill_pool_of(name: str) -> Kill:
    """Kill the processes in which a worker runs its tasks, and not the worker."""

    def kill_children(system: System) -> None:
        def children() -> list[psutil.Process]:
            # The worker may end on its own in between: one that lost the broker is started again.
            with suppress(psutil.NoSuchProcess):
                return psutil.Process(pid_of(system, name)).children()
            return []

        for child in wait_until(children, what=f"{name} has children", seconds=RESTART_SECONDS):
            with suppress(psutil.NoSuchProcess):
                child.kill()

    return kill_children


def kill_fork_server(system: System) -> None:
    """Kill the process that forks the others."""
    assert system.process is not None

    def find() -> list[psutil.Process]:
        children = psutil.Process(system.process.pid).children()
        return [child for child in children if FORK_SERVER_MODULE in child.cmdline()]

    (server,) = wait_until(find, what="a fork server is running", seconds=RESTART_SECONDS)
    server.kill()


def answers(system: System) -> bool:
    """Whether the database and the broker answer."""
    with closing(EmbeddedValkey(system.data / "valkey").client(0)) as client, suppress(RedisError):
        return bool(client.ping()) and system.status() is not None
    return False


def flush_broker(system: System) -> None:
    """Delete every message."""
    with closing(EmbeddedValkey(system.data / "valkey").client(0)) as client:
        client.flushall()


VICTIMS: dict[str, Kill] = {
    "the ingest worker": kill("worker-ingest"),
    "the ingest worker's children": kill_pool_of("worker-ingest"),
    "the index worker": kill("worker-index"),
    "the broker": kill("valkey"),
    "every message": flush_broker,
    "the database": kill("postgres"),
    "the watcher": kill("watch"),
    "beat": kill("beat"),
}
