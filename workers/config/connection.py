"""Locate a running system: announced in the data folder by `tapeless up`, or named by the environment.

The URLs that `up` writes there are readable only by its owner, so other commands and child processes need only the
folder.
"""

import dataclasses
import json
import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.core.signing_key import SigningKey, require_signing_key
from workers.config.broker import add_url_options, parse_broker_url, split_hosts
from workers.config.data_folders import candidate_data_folders, note_running_system, remove_running_note
from workers.config.settings import (
    DEFAULT_SEARCH_INDEX,
    Settings,
    SettingsError,
    read_secret_file,
    setting_variable,
    with_password,
)
from workers.config.started_settings import (
    apply_started_settings,
    dump_started_settings,
    find_started_key,
    is_kept_key_used,
)
from workers.processes.process import (
    ProcessIdentity,
    identify_process,
    is_process_running,
    read_process_record,
    write_process_record,
)

DATABASE_DRIVER = "postgresql+psycopg"
DEFAULT_API_URL = "http://127.0.0.1:8780"
"""Default address of `tapeless api`."""


@dataclass(frozen=True, slots=True)
class SystemConnection:
    """URLs of a running system; without a search URL, the database answers searches."""

    database_url: str = dataclasses.field(repr=False)
    broker_url: str = dataclasses.field(repr=False)
    search_url: str | None = dataclasses.field(repr=False, default=None)
    search_index: str = DEFAULT_SEARCH_INDEX
    search_ca_file: str | None = None
    search_shards: int = 1
    search_replicas: int | None = None


def announce_system(
    data: Path, connection: SystemConnection, api_url: str | None = None, settings: Settings | None = None
) -> None:
    """Record that this process runs a system on a data folder, with its URLs and settings, readable only by the
    owner."""
    own = identify_process(os.getpid())
    assert own is not None
    started = {} if settings is None else dump_started_settings(settings)
    urls = dataclasses.asdict(connection)
    write_process_record(data / "running.json", own, **urls, api_url=api_url, settings=started)
    note_running_system(data)


def find_public_url(settings: Settings) -> str:
    """Return the public URL of the system: as it was started, else as this shell says, else on this machine."""
    own = settings.public_url or Settings.read().public_url
    return own or _read_announcement(settings).get("api_url") or DEFAULT_API_URL


def find_system_key(settings: Settings) -> SigningKey:
    """Return the key that the system signs links with. Raises SettingsError if only its own environment holds it."""
    return require_signing_key(find_started_key(settings, _read_started_settings(settings)))


def is_system_key_kept(settings: Settings) -> bool:
    """Return whether the key that the system signs links with is in its data folder, so that a backup holds it."""
    return is_kept_key_used(settings, _read_started_settings(settings))


def _read_started_settings(settings: Settings) -> dict[str, Any]:
    started: dict[str, Any] = _read_announcement(settings).get("settings", {})
    return started


def _read_announcement(settings: Settings) -> dict[str, Any]:
    folder = settings.data.absolute()
    announced: dict[str, Any] = {}
    if find_named_database(settings) is None and find_running_supervisor(folder) is not None:
        with suppress(FileNotFoundError):  # the run just ended
            announced = json.loads((folder / "running.json").read_text())
    return announced


def withdraw_announcement(data: Path) -> None:
    """Remove the announcement at the end of a run."""
    (data / "running.json").unlink(missing_ok=True)
    remove_running_note(data)


def find_running_supervisor(data: Path) -> ProcessIdentity | None:
    """Return the process that runs a system on this data folder, if any."""
    announced = read_process_record(data / "running.json")
    return announced if announced is not None and is_process_running(announced) else None


def find_system_settings(data: Path | None) -> Settings:
    """Return the settings of a command, with those that its system was started with, and the data folder of the one
    system that runs if none was given.

    Raises SettingsError if several systems of this user run, none of them on the default data folder.
    """
    settings = Settings.for_data(data)
    if not settings.is_data_given and settings.database_url is None:
        settings = _choose_running_system(settings)
    return apply_started_settings(settings, _read_started_settings(settings))


def _choose_running_system(settings: Settings) -> Settings:
    first, *others = candidate_data_folders(None)
    if find_running_supervisor(first) is not None:
        return settings
    running = [folder for folder in others if find_running_supervisor(folder) is not None]
    if len(running) > 1:
        named = ", ".join(f'"{folder}"' for folder in running)
        raise SettingsError(f"several systems run, on the data folders {named}: name one with --data or TAPELESS_DATA")
    return settings.model_copy(update={"data": running[0]}) if running else settings


def find_named_database(settings: Settings) -> str | None:
    """Return the URL of the database by which the environment names the system; None where a data folder does."""
    return None if settings.is_data_given else settings.database_url


def find_system_connection(settings: Settings) -> SystemConnection:
    """Return the connection of the system that the settings refer to: by data folder, or by URLs.

    Precedence: a data folder that was given, then TAPELESS_DATABASE_URL and related settings, then the default folder.
    """
    if find_named_database(settings) is not None:
        return _connection_from_settings(settings)
    folder = settings.data.absolute()
    if find_running_supervisor(folder) is None:
        also = f" (TAPELESS_DATABASE_URL is not looked at, as {folder} was named)" if settings.database_url else ""
        start = f"tapeless up FOLDER --data {shlex.quote(str(folder))}"
        raise SettingsError(
            f'nothing runs on the data folder "{folder}"{also}: start it with "{start}", '
            "or name the folder of a running system with --data or TAPELESS_DATA"
        )
    entry = json.loads((folder / "running.json").read_text())
    known = {field.name for field in dataclasses.fields(SystemConnection)}
    return SystemConnection(**{name: value for name, value in entry.items() if name in known})


def _connection_from_settings(settings: Settings) -> SystemConnection:
    if settings.database_url is None or settings.broker_url is None:
        raise SettingsError(
            "TAPELESS_DATABASE_URL is set but TAPELESS_BROKER_URL is not: set both, or name a data folder"
        )
    database = with_password(setting_variable("database_url"), settings.database_url, settings.database_password_file)
    broker = with_password(setting_variable("broker_url"), settings.broker_url, settings.broker_password_file)
    sentinel = read_secret_file(setting_variable("sentinel_password_file"), settings.sentinel_password_file)
    broker = add_url_options(broker, ssl_ca_certs=_path_text(settings.broker_ca_file), sentinel_password=sentinel)
    if (ca_file := _path_text(settings.database_ca_file)) is not None:
        database = add_url_options(database, sslmode="verify-full", sslrootcert=ca_file)
    try:
        parse_broker_url(broker)
    except ValueError as error:
        raise SettingsError(f"{setting_variable('broker_url')}: {error}") from None
    return SystemConnection(to_driver_url(database), broker, **settings.search)


def _path_text(file: Path | None) -> str | None:
    return str(file.absolute()) if file is not None else None


def to_driver_url(url: str) -> str:
    """Return a PostgreSQL URL for the installed driver; it may name several hosts, as libpq allows."""
    scheme, mark, rest = split_hosts(url).partition("://")
    return f"{DATABASE_DRIVER}{mark}{rest}" if scheme in ("postgresql", "postgres") else url
