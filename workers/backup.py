"""A system in one file, and a system out of it: the database as it was at one moment, and the key of its links.

Everything else in a data folder can be made again: the broker's queue from the rows, pictures and search documents from
what the rows say, and media are never in it. A copy of the database's own folder would be a backup only while it is
stopped; this is taken while everything runs.
"""

import io
import json
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import make_url, text

from models.schema import is_current
from models.sessions import make_engine
from workers.embedded.postgres import EmbeddedPostgres, program
from workers.processes import write_private
from workers.running import running_supervisor
from workers.secret_key import FILE
from workers.settings import SettingsError
from workers.supervisor import Supervisor

DUMP, KEY, MANIFEST = "database.dump", "secret-key", "manifest.json"
FORM = 1
"""Of the archive: one of a later form is refused rather than half read."""
HAS_TABLES = text("SELECT EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'public')")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    form: int
    tapeless: str
    taken: str


def back_up(database_url: str, key: Path, file: Path) -> bool:
    """Write a backup of a running system; says whether the key is in it, or kept by the operator elsewhere.

    A half-written one never has the final name.
    """
    if not is_current(database_url):
        raise SettingsError("the database is of another version than this program: run `tapeless migrate` first")
    manifest = Manifest(FORM, version("tapeless"), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=f".{file.name}.") as folder:
        dump, draft = Path(folder) / DUMP, Path(folder) / "draft"
        run("pg_dump", database_url, "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
        with tarfile.open(draft, "w") as archive:
            add(archive, MANIFEST, json.dumps(asdict(manifest)).encode())
            if has_key := key.exists():
                add(archive, KEY, key.read_bytes())
            archive.add(dump, DUMP)
        draft.chmod(0o600)
        draft.rename(file)
    return has_key


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Put bytes into an archive as a file."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def restore_folder(file: Path, data: Path) -> Manifest:
    """Make a data folder out of a backup; `tapeless up --data` goes on from there."""
    if running_supervisor(data.absolute()) is not None:
        raise SettingsError(f'"{data}": a system runs on it; stop it, or restore into another folder')
    if (data / "postgres").exists():
        raise SettingsError(f'"{data}" holds a system already; restore into another folder, or move that one away')
    with Supervisor(data) as supervisor, unpacked(file) as (manifest, folder):
        server = EmbeddedPostgres(supervisor.data / "postgres")
        try:
            server.start()
            restore_database(server.url(), folder / DUMP)
        except BaseException:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
            raise
        server.stop()
        if (folder / KEY).exists():
            write_private(supervisor.data / FILE, (folder / KEY).read_text())
    return manifest


def restore_into(file: Path, database_url: str) -> Manifest:
    """Fill an empty database of an installation that has its own servers; the key is where its secrets are kept."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            is_empty = not connection.scalar(HAS_TABLES)
    finally:
        engine.dispose()
    if not is_empty:
        raise SettingsError("the database is not empty: make a new one and name that in TAPELESS_DATABASE_URL")
    with unpacked(file) as (manifest, folder):
        restore_database(database_url, folder / DUMP)
    return manifest


def restore_database(database_url: str, dump: Path) -> None:
    """All of it, or none."""
    run("pg_restore", database_url, "--no-owner", "--no-privileges", "--single-transaction", str(dump), into=True)


@contextmanager
def unpacked(file: Path) -> Iterator[tuple[Manifest, Path]]:
    """The parts of a backup in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="tapeless-restore-") as folder:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(folder, filter="data")
            told = json.loads((Path(folder) / MANIFEST).read_text())
            manifest = Manifest(**told)
        except (tarfile.TarError, OSError, ValueError, TypeError) as error:
            raise SettingsError(f'"{file}" is no backup of Tapeless ({error})') from None
        if manifest.form > FORM:
            raise SettingsError(f'"{file}" was written by Tapeless {manifest.tapeless}: restore it with that, or newer')
        yield manifest, Path(folder)


def run(name: str, database_url: str, *options: str, into: bool = False) -> None:
    """One of PostgreSQL's own programs on a database; the password goes by the environment, which others cannot see."""
    url = make_url(database_url)
    target = url._replace(drivername="postgresql", password=None).render_as_string(hide_password=False)
    command = [str(program(name)), *options[:-1], f"--dbname={target}", options[-1]]
    done = subprocess.run(command, env={"PGPASSWORD": url.password or ""}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SettingsError(f"{name}: {done.stderr.strip()[-2000:]}")
