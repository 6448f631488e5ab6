"""`tapeless up`: the whole system on one machine, in one terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.catalog.asset import Asset
from models.core.mounts import configure_mounts
from models.core.paths import display_path, is_path_inside
from models.core.sessions import make_engine, make_sessions, transact
from models.schema import upgrade_database
from services.access.users import ensure_administrator
from services.core.actors import SETUP_ACTOR
from services.core.folder_markers import adopt_folders
from services.core.text import pluralize
from services.media.rebuild import start_media_rebuild
from services.storages.storages import ensure_storage, resolve_readable_root
from watch.disk.config import WatchedStorage, load_watched_storages
from workers.backup_schedule import DEFAULT_KEPT_BACKUPS
from workers.celery.context import name_own_folders, open_process_context
from workers.celery.readiness import announce_ready
from workers.commands.options import readable_errors, use_common_data_folder
from workers.commands.output import make_line_console
from workers.commands.server.detached import start_detached
from workers.config.connection import (
    SystemConnection,
    announce_system,
    find_running_supervisor,
    find_system_settings,
    withdraw_announcement,
)
from workers.config.data_folders import LOCAL_DATA_FOLDER, note_running_system
from workers.config.secret_key import create_secret_key
from workers.config.settings import Settings, SettingsError, setting_variable
from workers.config.system_rights import rights_of_system
from workers.embedded.postgres import EmbeddedPostgres
from workers.embedded.valkey import EmbeddedValkey
from workers.local_stack import (
    DEFAULT_FLOWER_PORT,
    FLOWER_USER,
    LOOPBACK,
    Flower,
    choose_port,
    does_listen,
    is_loopback,
    make_backup_process,
    make_fork_server,
    make_processes,
    make_url,
)
from workers.processes.process import write_private_file
from workers.processes.service_user import leave_root, refuse_closed_paths
from workers.processes.supervisor import Supervisor
from workers.terminal_ui import Display

ANSWER_SECONDS = 30.0
"""How long the API may take until it answers; a system that is slower says so and goes on."""
PASSWORD_FILE = "administrator-password"


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """Ports that other programs may use, and where backups are written."""

    broker: int | None
    host: str
    api: int
    metrics: int | None
    flower: Flower | None = None
    backups: Path | None = None
    keep: int = DEFAULT_KEPT_BACKUPS

    @property
    def api_url(self) -> str:
        """URL of the API, for people and links."""
        return make_url(self.host, self.api)

    @property
    def flower_url(self) -> str | None:
        """URL of Flower, which only this machine reaches."""
        return make_url(self.flower.address, self.flower.port) if self.flower is not None else None


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    callback=use_common_data_folder,
    help="Folder for all data (default: TAPELESS_DATA, else .tapeless here, else $XDG_STATE_HOME/tapeless).",
)
@click.option(
    "--broker-port",
    type=click.IntRange(1, 65535),
    help="Open the broker to other programs on this port of the loopback interface.",
)
@click.option("--search", "search_url", metavar="URL", help="Search in this OpenSearch (default: TAPELESS_SEARCH_URL).")
@click.option(
    "--host", default=LOOPBACK, show_default=True, help="Address that the API listens on; 0.0.0.0 for other machines."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the API (default: 8780, else a free one).")
@click.option(
    "--flower-port",
    type=click.IntRange(0, 65535),
    help="Port of Flower on the loopback interface (default: 8781; 0 disables it).",
)
@click.option("--flower-writable", is_flag=True, help="Let Flower send, revoke and control, not only show.")
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Expose Prometheus metrics on 127.0.0.1:PORT (default: TAPELESS_METRICS_PORT, else disabled).",
)
@click.option(
    "--backup-to",
    "backups",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    help="Folder into which a backup is written every day.",
)
@click.option(
    "--keep", default=DEFAULT_KEPT_BACKUPS, show_default=True, type=click.IntRange(1), help="Backups to keep."
)
@click.option("--detach", is_flag=True, help="Return once it runs; `tapeless down` stops it.")
def up(
    folders: tuple[Path, ...],
    data: Path | None,
    broker_port: int | None,
    search_url: str | None,
    host: str,
    port: int | None,
    flower_port: int | None,
    flower_writable: bool,
    metrics_port: int | None,
    backups: Path | None,
    keep: int,
    detach: bool,
) -> None:
    """Start everything and watch FOLDERS; Ctrl-C stops it all.

    Folders of earlier starts on the same data folder are watched again. Where a system runs on it already, FOLDERS are
    added to that.
    """
    console = make_line_console()
    with readable_errors():
        settings = Settings.for_data(data).with_search_url(search_url)
        console.print(describe_data_folder(settings))
        check_folders(folders, settings.data.absolute())
        if folders and find_running_supervisor(settings.data.absolute()) is not None:
            add_to_running_system(settings, folders, console)
            return
        if detach:
            start_detached(settings.data.absolute(), console)
            return
        note_running_system(settings.data.absolute())  # in the home of this user, which may be root until the next line
        _leave_root(settings, console)
        for folder in folders:
            resolve_readable_root(folder)
        if backups is not None:
            backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Supervisor(settings.data) as supervisor:
            flower = None
            if flower_port != 0:
                chosen = choose_port(flower_port, DEFAULT_FLOWER_PORT, "--flower-port")
                flower = Flower(supervisor.data, LOOPBACK, chosen, flower_writable)
            api_port = choose_port(port, host=host)
            metrics = metrics_port or settings.metrics_port
            options = SystemOptions(broker_port, host, api_port, metrics, flower, backups, keep)
            run_system(supervisor, settings, folders, options, console)
    console.print("stopped")


def _leave_root(settings: Settings, console: Console) -> None:
    """Go on as an unprivileged user if this is root, and refuse what that user cannot use."""
    told = leave_root(settings.data.absolute())
    if told is not None:
        console.print(told)
        media = {} if settings.media is None else {setting_variable("media"): settings.media}
        refuse_closed_paths(settings.named_files, media)


def describe_data_folder(settings: Settings) -> str:
    """Return the first line: where everything is kept, and why there if it was not given."""
    is_local = not settings.is_data_given and settings.data == LOCAL_DATA_FOLDER
    why = ", which is in this folder and so goes before the default" if is_local else ""
    return f"data folder {settings.data.absolute()}{why}"


def check_folders(folders: Sequence[Path], data: Path) -> None:
    """Refuse what cannot be watched before anything is made. Raises StorageError or SettingsError.

    A database in a watched folder would be read while it is written. One that is there already is left out by name.
    """
    for folder in folders:
        root = resolve_readable_root(folder)
        real = str(data.resolve()).encode("utf-8", "surrogateescape")
        if is_path_inside(real, root) and not (data / "postgres").exists():
            raise SettingsError(
                f'data folder "{data}": is in the watched folder "{folder}"; give another with --data or TAPELESS_DATA'
            )


def add_to_running_system(settings: Settings, folders: Sequence[Path], console: Console) -> None:
    """Have the system that runs on the data folder watch these folders too."""
    settings = find_system_settings(settings.data)
    with open_process_context(settings) as context, rights_of_system(settings.data.absolute()):
        known = {storage.id for storage in load_watched_storages(context.sessions)}
        for folder in folders:
            storage = transact(context.sessions, ensure_storage, folder, [settings.data.absolute()])
            does = "watches" if storage.id in known else "now watches"
            console.print(f'the running system {does} {display_path(storage.root)} as "{storage.name}"')


def print_storages(storages: Sequence[WatchedStorage], console: Console) -> None:
    """Print the watched folders, including those of earlier starts."""
    for storage in storages:
        console.print(f'watching {display_path(storage.root)} as "{storage.name}"')
    if not storages:
        console.print("nothing is watched yet: tapeless storage add FOLDER")


def run_system(
    supervisor: Supervisor, settings: Settings, folders: tuple[Path, ...], options: SystemOptions, console: Console
) -> None:
    """Start the servers, migrate the database, start the processes, and show progress until a signal."""
    console.print("starting")
    roots = [*settings.storage_roots, *map(Path.absolute, folders)]
    fork_server = make_fork_server(supervisor, roots, options.metrics, settings.flower_url or options.flower_url)
    fork_server.start()  # loads modules while the servers start
    postgres = EmbeddedPostgres(supervisor.data / "postgres")
    valkey = EmbeddedValkey(supervisor.data / "valkey", options.broker)
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
    has_media_folder = settings.media_folder.is_dir()

    def set_up(session: Session) -> tuple[str, str | None]:
        # In one transaction: a folder that is refused must not leave an administrator whose password no one saw.
        administrator = ensure_administrator(session)
        for folder in folders:
            ensure_storage(session, folder, [supervisor.data])
        # As after a restore: what was made is not in a backup.
        if not has_media_folder and session.scalar(select(Asset.id).limit(1)) is not None:
            start_media_rebuild(session, SETUP_ACTOR, only_missing=True)
        return administrator

    try:
        if settings.media is None:
            # Below the data folder of this one machine it is the right one, also after it was emptied.
            transact(sessions, adopt_folders, settings.media_folder, [])
        email, password = transact(sessions, set_up)
        if password is not None:
            print_password(email, password, supervisor.data / PASSWORD_FILE, console)
        print_storages(load_watched_storages(sessions), console)
        announce_system(supervisor.data, connection, options.api_url, settings)
        for child in make_processes(supervisor, fork_server, options.api, options.metrics, options.host):
            supervisor.start(child)
        if options.flower is not None:
            # Flower's own metrics would be among ours.
            forks = None if options.metrics is not None else fork_server
            supervisor.start(options.flower.child(supervisor.log("flower"), forks))
        if options.backups is not None:
            supervisor.start(make_backup_process(supervisor, fork_server, options.backups, options.keep))
        print_addresses(supervisor, options, email, console)
        console.print(f"everything is kept in {supervisor.data}; logs are in {supervisor.data / 'logs'}")
        announce_ready()
        flower = FlowerAddress(options.flower, console)
        with Display(sessions, console, name_own_folders(settings)) as display:

            def tick() -> None:
                flower.tick()
                display.tick(supervisor.states())

            supervisor.run_until_signal(tick)
        console.print("stopping; running work resumes at the next start")
    finally:
        withdraw_announcement(supervisor.data)
        database.dispose()


class FlowerAddress:
    """Prints the address of Flower once it answers, which is seconds after everything else."""

    def __init__(self, flower: Flower | None, console: Console) -> None:
        self._flower, self._console = flower, console

    def tick(self) -> None:
        """Look whether it answers by now."""
        flower = self._flower
        if flower is None or not does_listen(flower.address, flower.port):
            return
        self._flower = None
        password = flower.password if self._console.is_terminal else f"in {flower.password_file}"
        url = make_url(flower.address, flower.port)
        self._console.print(f"Flower is on {url}, on this machine only, user {FLOWER_USER}, password {password}")


def print_password(email: str, password: str, file: Path, console: Console) -> None:
    """Show a new password to a terminal; where the output is kept, write it into a file that only its owner reads."""
    if console.is_terminal:
        console.print(f"the password of {email}, shown this once: {password}")
    else:
        write_private_file(file, password + "\n")
        console.print(f"the password of {email} is in {file}")


def print_addresses(supervisor: Supervisor, options: SystemOptions, email: str, console: Console) -> None:
    """Print the addresses of what answers, once it does."""
    does_answer = supervisor.wait_for(lambda: does_listen(options.host, options.api), ANSWER_SECONDS)
    log = supervisor.log("api")
    is_late = "" if does_answer or supervisor.stop_requested else f"; it does not answer yet, see {log}"
    reach = ", which opens on this machine only (--host 0.0.0.0 for others)" if is_loopback(options.host) else ""
    console.print(f"the API is on {options.api_url}/API/docs{reach}; its administrator is {email}{is_late}")
    if options.metrics is not None:
        url = make_url(LOOPBACK, options.metrics)
        console.print(f"metrics for Prometheus are on {url}/metrics, on this machine only")
    if options.backups is not None:
        kept = pluralize(options.keep, "backup")
        console.print(f"a backup is written every day into {options.backups.absolute()}, which keeps {kept}")
