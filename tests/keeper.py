"""The process that keeps the servers of one test run: `python -m tests.keeper RUN_FOLDER`.

Workers of a parallel run come and go in any order, and a run can be killed. So none of them owns the servers: the
first that needs them starts this process, which ends with the run, however that ends, and takes the servers with it.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from workers.embedded.postgres import DATABASE_USER, EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.processes.process import identify_process, is_process_running, read_process_record, write_process_record

# Nothing of a test run has to outlive a power cut, and 200 connections are many workers with their pools.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "shared_buffers": "256MB",
}
POLL_SECONDS = 0.2
CHEAP_PASSWORD = "SET scram_iterations = 1; ALTER ROLE {user} PASSWORD {password}"
"""A client hashes its password 4,096 times for each connection, and every test has connections of its own."""


def postgres_of(run: Path) -> EmbeddedPostgres:
    """Return the PostgreSQL of a run, independent of the process that started it."""
    return EmbeddedPostgres(run / "postgres", FAST)


def open_administration(postgres: EmbeddedPostgres) -> psycopg.Connection:
    """Open a connection for statements about databases and roles."""
    url = make_url(postgres.url("postgres")).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def cheapen_password(postgres: EmbeddedPostgres) -> None:
    """Store the password so that connections cost less; it stays the same."""
    statement = sql.SQL(CHEAP_PASSWORD).format(user=sql.Identifier(DATABASE_USER), password=postgres.password())
    with closing(open_administration(postgres)) as connection:
        connection.execute(statement)


def valkey_of(run: Path) -> EmbeddedValkey:
    """Return the Valkey of a run, independent of the process that started it."""
    return EmbeddedValkey(run / "valkey")


def keep(run: Path) -> None:
    """Start the servers, say so, and stop them when the run has ended or asks for it."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    owner = read_process_record(run / "run.json")
    own = identify_process(os.getpid())
    assert owner is not None
    assert own is not None
    write_process_record(run / "keeper.json", own)
    try:
        with ExitStack() as started:
            for server in (postgres_of(run), valkey_of(run)):
                server.start()
                started.callback(server.stop)
            cheapen_password(postgres_of(run))
            (run / "ready").touch()
            while is_process_running(owner):
                time.sleep(POLL_SECONDS)
    finally:
        if not is_process_running(owner):
            shutil.rmtree(run, ignore_errors=True)


def _leave(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not cut the stopping short
    sys.exit(0)


def main(run: Path) -> None:
    """Detach from the parent process: the worker that started the keeper may be the first to end."""
    if os.fork() == 0:
        os.setsid()
        keep(run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
