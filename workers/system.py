"""What `tapeless up` runs on one data folder: the servers first, then the processes that need them."""

import sys
from pathlib import Path

from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.processes import Child
from workers.settings import Connection, child_environment
from workers.supervisor import Supervisor

INGEST_CHILDREN = 2
INDEX_CHILDREN = 1
WORKER_STOP_SECONDS = 6.0
"""Beyond Celery's own soft shutdown; a batch that is cut off is taken up again by its lease."""


def make_servers(data: Path, broker_port: int | None) -> tuple[EmbeddedPostgres, EmbeddedValkey]:
    """The database and the broker of a data folder."""
    return EmbeddedPostgres(data / "postgres"), EmbeddedValkey(data / "valkey", broker_port)


def connect_to(postgres: EmbeddedPostgres, valkey: EmbeddedValkey, search_url: str | None) -> Connection:
    """Where the system of these servers is."""
    return Connection(postgres.url(), valkey.url(), search_url)


def make_processes(supervisor: Supervisor) -> list[Child]:
    """The watcher, the workers and beat; each finds the servers by the data folder."""
    env = child_environment(TAPELESS_DATA=str(supervisor.data))
    # -P: the folder that somebody stands in must not lend its own `tasks` or `models` to our processes.
    python = (sys.executable, "-P", "-m")
    celery = (*python, "celery", "--workdir", str(supervisor.data), "-A", "workers.app")

    def worker(name: str, queues: str, children: int) -> Child:
        return Child(
            f"worker-{name}",
            (
                *celery,
                *("worker", "-n", f"{name}@%h", "-Q", queues, "-c", str(children)),
                *("--without-gossip", "--without-mingle", "-l", "INFO"),
            ),
            supervisor.log(f"worker-{name}"),
            env=env,
            stop_seconds=WORKER_STOP_SECONDS,
        )

    return [
        worker("index", "index,maintenance", INDEX_CHILDREN),
        worker("ingest", "ingest", INGEST_CHILDREN),
        Child(
            "beat",
            (*celery, "beat", "--scheduler", "workers.beat:Bell", "--pidfile=", "-l", "INFO"),
            supervisor.log("beat"),
            env=env,
        ),
        Child("watch", (*python, "workers.main", "watch"), supervisor.log("watch"), env=env),
    ]
