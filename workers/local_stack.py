"""Processes of `tapeless up` on one data folder beside its servers: watcher, workers, beat, API and Flower."""

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workers.config.settings import SHARED_METRICS_VARIABLE, SettingsError, make_child_environment
from workers.embedded.data_folder import load_or_create_secret, make_private_folder
from workers.processes.command_client import COMMAND_SOCKET
from workers.processes.command_server import COMMAND_MODULES
from workers.processes.file_rights import FileRights
from workers.processes.forked import ForkServer
from workers.processes.process import ChildProcess, write_private_file
from workers.processes.supervisor import Supervisor

LOOPBACK = "127.0.0.1"
DEFAULT_API_PORT = 8780
LISTEN_SECONDS = 0.5
"""How long one attempt to connect to a server of our own waits."""
INGEST_CHILDREN = 2
INDEX_CHILDREN = 2
"""One more than the index needs: a slow mail server or webhook must not delay documents."""
TRIGGER_CHILDREN = 1
MEDIA_CHILDREN = max(2, min(8, os.cpu_count() or 1))
"""Each waits for a sandboxed child that decodes, or is waited for by it: one per core keeps all busy, and at least a
second one probes headers while the first encodes. They run with a lower priority than all others."""
DEFAULT_FLOWER_PORT = 8781
FLOWER_USER = "tapeless"
PRELOAD_MODULE = "workers.commands.server.preload"
COMMAND_SERVER_MODULE = "workers.processes.command_server"
MAX_FLOWER_TASKS = 20_000
"""Tasks that it keeps, about 2 KB each; the oldest are dropped."""


WORKER_STOP_SECONDS = 6.0
"""Longer than Celery's own soft shutdown; a batch that is cut off is retried after its lease."""


def choose_port(wanted: int | None, usual: int = DEFAULT_API_PORT, option: str = "--port", host: str = LOOPBACK) -> int:
    """Return the requested port, or else the usual one, or else any free one."""
    if wanted is not None:
        if (reason := _why_not_free(wanted, host)) is not None:
            raise SettingsError(f"{option} {wanted}: {host} cannot be listened on there ({reason}); give another")
        return wanted
    if _why_not_free(usual, host) is None:
        return usual
    with socket.create_server((host, 0), family=_family(host)) as listener:
        return int(listener.getsockname()[1])


def _why_not_free(port: int, host: str) -> str | None:
    try:
        socket.create_server((host, port), family=_family(host)).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def is_loopback(host: str) -> bool:
    """Return whether a host of a URL or an address is this machine's own loopback."""
    return host in ("localhost", "::1") or host.startswith("127.")


def make_url(host: str, port: int) -> str:
    """Return the URL of a server for people; one that listens everywhere has the name of this machine."""
    named = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"


def does_listen(host: str, port: int) -> bool:
    """Return whether a server accepts connections on this machine."""
    try:
        socket.create_connection((LOOPBACK if host in ("0.0.0.0", "::") else host, port), LISTEN_SECONDS).close()
    except OSError:
        return False
    return True


def make_fork_server(
    supervisor: Supervisor, storage_roots: Sequence[Path], metrics_port: int | None, flower_url: str | None = None
) -> ForkServer:
    """Return the fork server of the processes; its environment is theirs, and they find the servers by the data folder.

    Administrators may create storages over HTTP under `storage_roots`. Beat serves the metrics of all processes. The
    console links to Flower at `flower_url`.
    """
    roots = os.pathsep.join(map(str, storage_roots))
    own = {"TAPELESS_DATA": str(supervisor.data), "TAPELESS_STORAGE_ROOTS": roots, "TAPELESS_METRICS_PORT": ""}
    if flower_url is not None:
        own["TAPELESS_FLOWER_URL"] = flower_url
    if metrics_port is not None:
        metrics = supervisor.data / "metrics"
        shutil.rmtree(metrics, ignore_errors=True)  # files of an earlier run
        metrics.mkdir(parents=True)
        own[SHARED_METRICS_VARIABLE] = str(metrics)
    return ForkServer(PRELOAD_MODULE, make_child_environment(**own), supervisor.log("fork-server"))


def make_processes(
    supervisor: Supervisor, fork_server: ForkServer, port: int, metrics_port: int | None = None, host: str = LOOPBACK
) -> list[ChildProcess]:
    """Return the workers, beat, the API, the watcher and the command server."""

    celery = ("celery", "--workdir", str(supervisor.data), "-A", "workers.app")

    def process(name: str, *argv: str, rights: FileRights = FileRights.NONE) -> ChildProcess:
        return ChildProcess(name, argv, supervisor.log(name), fork_server.env, fork_server=fork_server, rights=rights)

    def worker(name: str, queues: str, children: int) -> ChildProcess:
        options = ("--without-gossip", "--without-mingle", "-l", "INFO")
        words = ("worker", "-n", f"{name}@%h", "-Q", queues, "-c", str(children), *options)
        return replace(process(f"worker-{name}", *celery, *words), stop_seconds=WORKER_STOP_SECONDS)

    scheduler = "workers.celery.scheduler:ConditionalScheduler"
    beat = process("beat", *celery, "beat", "--scheduler", scheduler, "--pidfile=", "-l", "INFO")
    if metrics_port is not None:
        beat = replace(beat, env={**fork_server.env, "TAPELESS_METRICS_PORT": str(metrics_port)})
    return [
        worker("index", "index,maintenance", INDEX_CHILDREN),
        worker("ingest", "ingest", INGEST_CHILDREN),
        worker("trigger", "trigger", TRIGGER_CHILDREN),
        replace(
            worker("media", "metadata,media,transcode", MEDIA_CHILDREN), is_background=True, rights=FileRights.READ
        ),
        beat,
        process("api", "workers.main", "api", "--host", host, "--port", str(port), rights=FileRights.ON_REQUEST),
        process("watch", "workers.main", "watch", rights=FileRights.WATCH),
        replace(
            process("commands", COMMAND_SERVER_MODULE, str(supervisor.data), *COMMAND_MODULES),
            clean_up=lambda: (supervisor.data / COMMAND_SOCKET).unlink(missing_ok=True),
        ),
    ]


def make_backup_process(supervisor: Supervisor, fork_server: ForkServer, folder: Path, keep: int) -> ChildProcess:
    """Return the process that takes backups on a schedule."""
    words = ("workers.main", "backups", str(folder.absolute()), "--keep", str(keep))
    log = supervisor.log("backups")
    return ChildProcess("backups", words, log, fork_server.env, fork_server=fork_server, is_background=True)


@dataclass(frozen=True, slots=True)
class Flower:
    """Flower beside the workers: a read-only view of queues and tasks for operators.

    1. Its settings are in a file that only its owner can read, because arguments and environments of processes are
       visible to others. They take precedence over any FLOWER_ variables.
    2. It listens on the loopback only, because `/metrics` and `/healthcheck` never require a sign-in.
    3. It shows what messages reported. The rows are authoritative: see `tapeless jobs`.
    """

    data: Path
    address: str
    port: int
    is_writable: bool = False

    @property
    def password_file(self) -> Path:
        return self.data / "flower" / "password"

    @property
    def password(self) -> str:
        """Created on first use."""
        return load_or_create_secret(make_private_folder(self.password_file.parent) / self.password_file.name)

    @property
    def settings(self) -> Path:
        return self.data / "flower" / "settings.py"

    def prepare(self) -> None:
        """Write the settings; call it before every start."""
        values = {
            "address": self.address,
            "port": self.port,
            "basic_auth": [f"{FLOWER_USER}:{self.password}"],
            "read_only": not self.is_writable,
            "max_tasks": MAX_FLOWER_TASKS,
            "persistent": False,
            "purge_offline_workers": 3600,
            "tasks_columns": "name,uuid,state,args,kwargs,received,runtime,worker",
        }
        write_private_file(self.settings, "".join(f"{name} = {value!r}\n" for name, value in values.items()))

    def child(self, log: Path, fork_server: ForkServer | None = None) -> ChildProcess:
        """Describe the process for the supervisor."""
        command = ("celery", "--workdir", str(self.data), "-A", "workers.app", "flower", f"--conf={self.settings}")
        return ChildProcess(
            "flower",
            command if fork_server else (sys.executable, "-P", "-m", *command),
            log,
            env=make_child_environment(TAPELESS_DATA=str(self.data), FLOWER_UNAUTHENTICATED_API=""),
            prepare=self.prepare,
            fork_server=fork_server,
        )
