"""Backup and restore of a system as one file: the database at one moment, and the signing key.

Everything else in a data folder can be recreated: the broker's queues, pictures and search documents from the rows.
Media files are never included. A copy of the database's folder would be consistent only while the server is stopped;
this backup is taken while everything runs.
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url, text

from models.core.sessions import POOLER_OPTION, make_engine, make_sessions, transact
from models.schema import is_schema_current
from services.core.folder_markers import FORGET_MARKERS
from workers.config.connection import find_running_supervisor
from workers.config.secret_key import SECRET_KEY_FILE
from workers.config.settings import LAST_BACKUP_FILE, SettingsError
from workers.config.version import read_version
from workers.embedded.postgres import EmbeddedPostgres, find_postgres_program
from workers.processes.process import write_private_file
from workers.processes.supervisor import Supervisor

DUMP_ENTRY, KEY_ENTRY, MANIFEST_ENTRY = "database.dump", "secret-key", "manifest.json"
ARCHIVE_VERSION = 1
"""Version of the archive; a newer one is rejected rather than partly read."""
HAS_PUBLIC_TABLES = text("SELECT EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'public')")


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """Metadata of a backup."""

    form: int
    tapeless: str
    taken: str


def create_backup(database_url: str, key: Path, file: Path, *, is_key_used: bool = True) -> bool:
    """Write a backup of a running system; return whether it contains the key (the operator may store it elsewhere, and
    then `is_key_used` is false).

    An incomplete backup never has the final name.
    """
    if not is_schema_current(database_url):
        raise SettingsError("the database is of another version than this program: run `tapeless migrate` first")
    parent = file.absolute().parent
    if not parent.is_dir():
        raise SettingsError(f'folder "{parent}": is not there; make it, or give another')
    manifest = BackupManifest(ARCHIVE_VERSION, read_version(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{file.name}.") as folder:
        dump, draft = Path(folder) / DUMP_ENTRY, Path(folder) / "draft"
        run_postgres_program(
            "pg_dump", database_url, "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}"
        )
        (Path(folder) / MANIFEST_ENTRY).write_text(json.dumps(asdict(manifest)))
        with tarfile.open(draft, "w", dereference=True) as archive:
            archive.add(Path(folder) / MANIFEST_ENTRY, MANIFEST_ENTRY)
            if has_key := is_key_used and key.exists():
                archive.add(key, KEY_ENTRY)
            archive.add(dump, DUMP_ENTRY)
        # The archive contains the signing key and all password hashes.
        draft.chmod(0o600)
        draft.rename(file)
    if key.parent.is_dir():
        (key.parent / LAST_BACKUP_FILE).touch()
    return has_key


def restore_to_folder(file: Path, data: Path) -> BackupManifest:
    """Create a data folder from a backup; start it with `tapeless up --data`."""
    if find_running_supervisor(data.absolute()) is not None:
        raise SettingsError(f'"{data}": a system runs on it; stop it, or restore into another folder')
    if (data / "postgres").exists():
        raise SettingsError(f'"{data}" holds a system already; restore into another folder, or move that one away')
    with Supervisor(data) as supervisor, unpack_backup(file) as (manifest, folder):
        server = EmbeddedPostgres(supervisor.data / "postgres")
        try:
            server.start()
            load_database_dump(server.url(), folder / DUMP_ENTRY)
        except BaseException:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
            raise
        server.stop()
        if (folder / KEY_ENTRY).exists():
            write_private_file(supervisor.data / SECRET_KEY_FILE, (folder / KEY_ENTRY).read_text())
    return manifest


def restore_to_database(file: Path, database_url: str) -> BackupManifest:
    """Fill the empty database of an installation with servers of its own. Its secrets hold the key."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            is_empty = not connection.scalar(HAS_PUBLIC_TABLES)
    finally:
        engine.dispose()
    if not is_empty:
        raise SettingsError("the database is not empty: make a new one and name that in TAPELESS_DATABASE_URL")
    with unpack_backup(file) as (manifest, folder):
        load_database_dump(database_url, folder / DUMP_ENTRY)
    return manifest


def load_database_dump(database_url: str, dump: Path) -> None:
    """Load a dump in a single transaction: all of it, or nothing."""
    run_postgres_program("pg_restore", database_url, "--no-owner", "--no-privileges", "--single-transaction", str(dump))
    # The folders that the backup was taken beside may be gone; the first process marks those that are here.
    engine = make_engine(database_url, pool_size=1)
    try:
        transact(make_sessions(engine), lambda session: session.execute(FORGET_MARKERS))
    finally:
        engine.dispose()


@contextmanager
def unpack_backup(file: Path) -> Iterator[tuple[BackupManifest, Path]]:
    """Unpack a backup into a temporary folder."""
    file.stat()  # what is not there is no broken backup
    with tempfile.TemporaryDirectory(prefix="tapeless-restore-") as folder:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
            told = json.loads((Path(folder) / MANIFEST_ENTRY).read_text())
            manifest = BackupManifest(**told)
        except (tarfile.TarError, OSError, ValueError, TypeError) as error:
            raise SettingsError(f'"{file}" is not a backup of Tapeless ({error})') from None
        if manifest.form > ARCHIVE_VERSION:
            raise SettingsError(f'"{file}" was written by Tapeless {manifest.tapeless}: restore it with that, or newer')
        yield manifest, Path(folder)


def run_postgres_program(name: str, database_url: str, *options: str) -> None:
    """Run one of PostgreSQL's programs on a database. The password is passed in the environment, which other users
    cannot see."""
    url = make_url(database_url)
    plain = url.difference_update_query([POOLER_OPTION])._replace(password=None)
    # As libpq's own words: SQLAlchemy writes a blank of a path as "+" into a URL, which libpq takes for a plus sign.
    _, words = plain.get_dialect()().create_connect_args(plain)
    target = make_conninfo(**words)
    command = [str(find_postgres_program(name)), *options[:-1], f"--dbname={target}", options[-1]]
    done = subprocess.run(command, env={"PGPASSWORD": url.password or ""}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SettingsError(f"{name}: {done.stderr.strip()[-2000:]}")
