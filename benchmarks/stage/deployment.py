"""Tapeless as single processes, beside servers that a benchmark takes away from them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.stage.system import wait_until
from benchmarks.write_to_search import add_caller
from models.catalog.storage import StorageSettings
from models.core.mounts import configure_mounts
from models.core.sessions import Sessions, make_engine, make_sessions, read_snapshot, transact
from models.schema import upgrade_database
from services.operations.status import read_status
from services.storages.storages import NewStorage, add_storage
from workers.config.connection import to_driver_url
from workers.config.settings import make_child_environment

START_SECONDS, IDLE_SECONDS = 90.0, 120.0
CELERY = ("-m", "celery", "-A", "workers.app")
QUIET = ("--without-gossip", "--without-mingle", "-l", "INFO")
PROCESSES: Mapping[str, tuple[str, ...]] = {
    "beat": (*CELERY, "beat", "--scheduler", "workers.celery.scheduler:ConditionalScheduler", "--pidfile="),
    "core": (*CELERY, "worker", "-n", "core@%h", "-Q", "ingest,index,maintenance,trigger", "-c", "2", *QUIET),
    "media": (*CELERY, "worker", "-n", "media@%h", "-Q", "metadata,media,transcode", "-c", "2", *QUIET),
    "watch": ("-m", "workers.main", "watch"),
}
TITLES = text("SELECT title, count(*) AS number FROM asset WHERE title LIKE :prefix || '%' GROUP BY title")


@dataclass(slots=True)
class Deployment:
    """Running processes, how to ask them, and the storage that they watch."""

    root: Path
    sessions: Sessions
    env: Mapping[str, str]
    headers: Mapping[str, str]
    api_url: str

    def count_titles(self, prefix: str) -> dict[str, int]:
        """Count the assets of each title that begins so."""
        with self.sessions() as session:
            return {row.title: row.number for row in session.execute(TITLES, {"prefix": prefix})}

    def is_idle(self) -> bool:
        return read_snapshot(self.sessions, read_status).idle

    def verify(self) -> list[dict[str, Any]]:
        """Return what `tapeless verify` finds broken."""
        command = [sys.executable, "-m", "workers.main", "verify", "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        try:
            return [each for each in json.loads(done.stdout) if each["broken"]]
        except ValueError:
            raise SystemExit(f"tapeless verify: {done.stdout}{done.stderr}") from None


@contextmanager
def running_deployment(folder: Path, database_url: str, broker_url: str, port: int) -> Iterator[Deployment]:
    """Migrate the database, and run every process until the block ends."""
    root, made = folder / "root", folder / "made"
    root.mkdir()
    configure_mounts({}, made)
    url = to_driver_url(database_url)
    upgrade_database(url)
    engine = make_engine(url)
    sessions = make_sessions(engine)
    settings = StorageSettings(scan_interval_seconds=2, growing_files_threshold=0.5, transcode_profiles=("web",))
    transact(sessions, add_storage, NewStorage(root, name="Rushes", settings=settings))
    env = make_child_environment(
        TAPELESS_DATABASE_URL=database_url,
        TAPELESS_BROKER_URL=broker_url,
        TAPELESS_SECRET_KEY="a key of at least thirty-two bytes",
        TAPELESS_MEDIA=str(made),
    )
    deployment = Deployment(root, sessions, env, transact(sessions, add_caller), f"http://127.0.0.1:{port}/API")
    running = []
    try:
        for name, words in {**PROCESSES, "api": ("-m", "workers.main", "api", "--port", str(port))}.items():
            with open(folder / f"{name}.log", "wb") as log:
                command = [sys.executable, *words]
                running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=folder))
        wait_until(deployment.is_idle, "every process runs", START_SECONDS)
        yield deployment
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
        engine.dispose()
