"""Locate a running system: announced in the data folder by `tapeless up`, or named by the environment.

The URLs that `up` writes there are readable only by its owner, so other commands and child processes need only the
folder.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from workers.addresses import AddressError, database_address, with_password
from workers.processes import Identity, identify, is_running, read_record, write_record
from workers.settings import SEARCH_INDEX, Settings, SettingsError, variable

DEFAULT_ADDRESS = "http://127.0.0.1:8780"
"""Default address of `tapeless api`."""


@dataclass(frozen=True, slots=True)
class Connection:
    """URLs of a running system; without a search URL, the database answers searches."""

    database_url: str = dataclasses.field(repr=False)
    broker_url: str = dataclasses.field(repr=False)
    search_url: str | None = dataclasses.field(repr=False, default=None)
    search_index: str = SEARCH_INDEX
    search_ca_file: str | None = None


def announce(data: Path, connection: Connection, api_url: str | None = None) -> None:
    """Record that this process runs a system on a data folder, with its URLs, readable only by the owner."""
    own = identify(os.getpid())
    assert own is not None
    write_record(data / "running.json", own, **dataclasses.asdict(connection), api_url=api_url)


def find_address(settings: Settings) -> str:
    """Return the public URL of the system: as configured by the operator, else on this machine."""
    if settings.public_url is not None:
        return settings.public_url
    folder = settings.data.absolute()
    announced = json.loads((folder / "running.json").read_text()) if running_supervisor(folder) is not None else {}
    return announced.get("api_url") or DEFAULT_ADDRESS


def withdraw(data: Path) -> None:
    """Remove the announcement at the end of a run."""
    (data / "running.json").unlink(missing_ok=True)


def running_supervisor(data: Path) -> Identity | None:
    """Return the process that runs a system on this data folder, if any."""
    announced = read_record(data / "running.json")
    return announced if announced is not None and is_running(announced) else None


def find_running(settings: Settings) -> Connection:
    """Return the connection of the system that the settings refer to: by data folder, or by URLs.

    Precedence: a data folder that was given, then TAPELESS_DATABASE_URL and related settings, then the default folder.
    """
    if not settings.names_data and settings.database_url is not None:
        return _named(settings)
    folder = settings.data.absolute()
    if running_supervisor(folder) is None:
        also = f" (TAPELESS_DATABASE_URL is not looked at, as {folder} was named)" if settings.database_url else ""
        raise SettingsError(
            f'nothing runs on the data folder "{folder}"{also}: start it with "tapeless up FOLDER --data {folder}", '
            "or name the folder of a running system with --data or TAPELESS_DATA"
        )
    entry = json.loads((folder / "running.json").read_text())
    known = {field.name for field in dataclasses.fields(Connection)}
    return Connection(**{name: value for name, value in entry.items() if name in known})


def _named(settings: Settings) -> Connection:
    if settings.database_url is None or settings.broker_url is None:
        raise SettingsError(
            "TAPELESS_DATABASE_URL is set but TAPELESS_BROKER_URL is not: set both, or name a data folder"
        )
    try:
        database = with_password(variable("database_url"), settings.database_url, settings.database_password_file)
        broker = with_password(variable("broker_url"), settings.broker_url, settings.broker_password_file)
    except AddressError as error:
        raise SettingsError(str(error)) from None
    return Connection(database_address(database), broker, **settings.search)
