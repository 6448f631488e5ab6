"""`tapeless up`: the whole system on one machine, in one terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from models.core.mounts import configure_mounts
from models.core.paths import display_path
from models.core.sessions import make_engine, make_sessions, transact
from models.schema import upgrade_database
from services.access.users import ensure_administrator
from services.core.folder_markers import adopt_folders
from services.storages.storages import ensure_storage, resolve_readable_root
from watch.disk.config import WatchedStorage, load_watched_storages
from workers.celery.readiness import announce_ready
from workers.commands.options import readable_errors, use_common_data_folder
from workers.commands.output import make_line_console
from workers.config.connection import SystemConnection, announce_system, withdraw_announcement
from workers.config.secret_key import create_secret_key
from workers.config.settings import Settings, setting_variable
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.local_stack import (
    DEFAULT_FLOWER_PORT,
    FLOWER_USER,
    LOOPBACK,
    Flower,
    choose_port,
    make_fork_server,
    make_processes,
)
from workers.processes.service_user import leave_root, refuse_closed_paths
from workers.processes.supervisor import Supervisor
from workers.terminal_ui import Display


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    callback=use_common_data_folder,
    help="Where everything is kept (default: TAPELESS_DATA, else .tapeless).",
)
@click.option("--broker-port", type=click.IntRange(1, 65535), help="Open the broker on the loopback to other programs.")
@click.option("--search", "search_url", metavar="URL", help="Search in this OpenSearch (default: TAPELESS_SEARCH_URL).")
@click.option("--port", type=click.IntRange(1, 65535), help="Where the API listens on the loopback (default: 8780).")
@click.option(
    "--flower-port",
    type=click.IntRange(0, 65535),
    help="Where Flower shows queues and tasks, on the loopback (default: 8781; 0: no Flower).",
)
@click.option("--flower-writable", is_flag=True, help="Let Flower send, revoke and control, not only show.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Expose Prometheus metrics on 127.0.0.1:PORT (default: TAPELESS_METRICS_PORT, else disabled).",
)
def up(
    folders: tuple[Path, ...],
    data: Path | None,
    broker_port: int | None,
    search_url: str | None,
    port: int | None,
    flower_port: int | None,
    flower_writable: bool,
    metrics_port: int | None,
) -> None:
    """Start everything and watch FOLDERS; Ctrl-C stops it all.

    Folders of earlier starts on the same data folder are watched again.
    """
    console = make_line_console()
    with readable_errors():
        settings = Settings.for_data(data).with_search_url(search_url)
        _leave_root(settings, console)
        for folder in folders:
            resolve_readable_root(folder)
        with Supervisor(settings.data) as supervisor:
            flower = None
            if flower_port != 0:
                chosen = choose_port(flower_port, DEFAULT_FLOWER_PORT, "--flower-port")
                flower = Flower(supervisor.data, LOOPBACK, chosen, flower_writable)
            ports = SystemPorts(broker_port, choose_port(port), metrics_port or settings.metrics_port, flower)
            run_system(supervisor, settings, folders, ports, console)
    console.print("stopped")


def _leave_root(settings: Settings, console: Console) -> None:
    """Go on as an unprivileged user if this is root, and refuse what that user cannot use."""
    told = leave_root(settings.data.absolute())
    if told is not None:
        console.print(told)
        media = {} if settings.media is None else {setting_variable("media"): settings.media}
        refuse_closed_paths(settings.named_files, media)


def print_storages(storages: Sequence[WatchedStorage], console: Console) -> None:
    """Print the watched folders, including those of earlier starts."""
    for storage in storages:
        console.print(f'watching {display_path(storage.root)} as "{storage.name}"')
    if not storages:
        console.print("nothing is watched yet: tapeless storage add FOLDER")


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """Ports that other programs on this machine may use."""

    broker: int | None
    api: int
    metrics: int | None
    flower: Flower | None = None


def run_system(
    supervisor: Supervisor, settings: Settings, folders: tuple[Path, ...], ports: SystemPorts, console: Console
) -> None:
    """Start the servers, migrate the database, start the processes, and show progress until a signal."""
    console.print("starting")
    roots = [*settings.storage_roots, *map(Path.absolute, folders)]
    fork_server = make_fork_server(supervisor, roots, ports.metrics)
    fork_server.start()  # loads modules while the servers start
    postgres = EmbeddedPostgres(supervisor.data / "postgres")
    valkey = EmbeddedValkey(supervisor.data / "valkey", ports.broker)
    for server in (postgres, valkey):
        supervisor.start(server.child(supervisor.log(server.name)))
        if server.notice:
            console.print(server.notice)
    create_secret_key(supervisor.data)
    configure_mounts(settings.places, settings.media_folder)  # the terminal shows the roots of storages
    connection = SystemConnection(postgres.url(), valkey.url(), **settings.search)
    upgrade_database(connection.database_url)
    database = make_engine(connection.database_url, pool_size=1)
    sessions = make_sessions(database)
    try:
        if settings.media is None:
            # Below the data folder of this one machine it is the right one, also after it was emptied.
            transact(sessions, adopt_folders, settings.media_folder, [])
        email, password = transact(sessions, ensure_administrator)
        for folder in folders:
            transact(sessions, ensure_storage, folder, [supervisor.data])
        print_storages(load_watched_storages(sessions), console)
        announce_system(
            supervisor.data,
            connection,
            f"http://{LOOPBACK}:{ports.api}",
            has_mail_server=settings.outside.mail_server is not None,
        )
        for child in make_processes(supervisor, fork_server, ports.api, ports.metrics):
            supervisor.start(child)
        console.print(f"the API is on http://{LOOPBACK}:{ports.api}/API/docs; its administrator is {email}")
        if password is not None:
            console.print(f"its password, shown this once: {password}")
        if ports.metrics is not None:
            console.print(f"metrics for Prometheus are on http://{LOOPBACK}:{ports.metrics}/metrics")
        if ports.flower is not None:
            # Flower's own metrics would be among ours.
            forks = None if ports.metrics is not None else fork_server
            supervisor.start(ports.flower.child(supervisor.log("flower"), forks))
            console.print(
                f"Flower is on http://{LOOPBACK}:{ports.flower.port}, "
                f"user {FLOWER_USER}, password {ports.flower.password}"
            )
        console.print(f"everything is kept in {supervisor.data}; logs are in {supervisor.data / 'logs'}")
        announce_ready()
        with Display(sessions, console) as display:
            supervisor.run_until_signal(lambda: display.tick(supervisor.states()))
        console.print("stopping; running work resumes at the next start")
    finally:
        withdraw_announcement(supervisor.data)
        database.dispose()
