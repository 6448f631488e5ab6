"""The servers behind the fixtures: one PostgreSQL and one Valkey for a whole run, however many workers it has."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
from filelock import FileLock
from psycopg import sql

from models.schema import upgrade_database
from tests.keeper import open_administration, postgres_of, valkey_of
from tests.waiting import wait_until
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.processes.process import (
    end_leftover,
    identify_process,
    is_process_running,
    last_lines,
    read_process_record,
    write_process_record,
)

PREFIX = "tapeless-run-"
TEMPLATE = "migrated"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0
ROOT = Path(__file__).parent.parent


class ServersError(Exception):
    """The servers of the run cannot be started; the text says why."""


@dataclass(frozen=True, slots=True)
class Servers:
    """What a worker of the run holds: the same two servers as all others."""

    run: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    administration: psycopg.Connection
    """For the databases of all tests: to connect costs as much as to drop a database."""

    def close(self) -> None:
        self.administration.close()

    def create_database(self, name: str) -> None:
        """Create a database with every migration."""
        names = {"name": sql.Identifier(name), "template": sql.Identifier(self.migrated_template())}
        statement = sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        self.administration.execute(statement.format(**names))

    def drop_database(self, name: str) -> None:
        """Drop a database with its connections, if it exists."""
        self.administration.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def migrated_template(self) -> str:
        """Name the database that every test's database is a copy of; the first to ask makes it."""
        with FileLock(self.run / "template.lock"):
            done = self.run / "template"
            if not done.exists():
                self.postgres.drop_database(TEMPLATE)
                self.postgres.create_database(TEMPLATE)
                upgrade_database(self.postgres.url(TEMPLATE))
                done.touch()
        return TEMPLATE


def open_run() -> Path:
    """Make the folder of a run and write down who owns it."""
    sweep_runs()
    run = Path(tempfile.mkdtemp(prefix=PREFIX))
    own = identify_process(os.getpid())
    assert own is not None
    write_process_record(run / "run.json", own)
    return run


def sweep_runs() -> None:
    """Remove the folders of runs that were killed together with the keeper who would have done it, or before it was."""
    for run in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = read_process_record(run / "run.json") if os.access(run, os.R_OK) else None
        keeper = read_process_record(run / "keeper.json")
        if owner is not None and not is_process_running(owner) and (keeper is None or not is_process_running(keeper)):
            shutil.rmtree(run, ignore_errors=True)


def join_run(run: Path) -> Servers:
    """Join the servers of a run, starting them where no worker did before."""
    log = run / "keeper.log"
    with FileLock(run / "servers.lock"):
        if not (run / "ready").exists() and not log.exists():
            with open(log, "ab") as output:
                command = [sys.executable, "-m", "tests.keeper", str(run)]
                subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, check=True)
        wait_until(
            lambda: (run / "ready").exists() or _keeper_ended(run), what="the servers ran", seconds=READY_SECONDS
        )
    if not (run / "ready").exists():
        raise ServersError(f"the servers of the test run cannot be started:\n{last_lines(log, 12)}")
    postgres = postgres_of(run)
    return Servers(run, postgres, valkey_of(run), open_administration(postgres))


def close_run(run: Path) -> None:
    """Stop the servers of a run and remove its folder."""
    end_leftover(run / "keeper.json", STOP_SECONDS)
    shutil.rmtree(run, ignore_errors=True)


def _keeper_ended(run: Path) -> bool:
    keeper = read_process_record(run / "keeper.json")
    return keeper is not None and not is_process_running(keeper)
