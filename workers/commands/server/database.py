"""`tapeless backup` and `tapeless restore`: a system as one file; `tapeless migrate`: its database for this version."""

import shlex
import signal
import sys
import time
from functools import partial
from pathlib import Path

import click

from models.schema import upgrade_database
from workers.backup import create_backup, restore_to_database, restore_to_folder
from workers.backup_schedule import (
    BACKUP_INTERVAL_SECONDS,
    DEFAULT_KEPT_BACKUPS,
    seconds_until_backup,
    take_scheduled_backup,
)
from workers.commands.options import data_option, readable_errors
from workers.config.connection import find_system_connection, find_system_settings, is_system_key_kept
from workers.config.secret_key import SECRET_KEY_FILE
from workers.config.settings import Settings

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@file_argument
@data_option
def backup(file: Path, data: Path | None) -> None:
    """Write the running system, as it is now, into FILE. Keep the file as safe as the system."""
    has_key = _write_backup(data, file)
    holds = "all rows and the key of links" if has_key else "all rows, but not the key of TAPELESS_SECRET_KEY(_FILE)"
    click.echo(f"wrote {file}: {file.stat().st_size / 1e6:.1f} MB; it holds {holds}, and no media")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, readable=False, path_type=Path))
@click.option(
    "--keep", default=DEFAULT_KEPT_BACKUPS, show_default=True, type=click.IntRange(1), help="Number of backups to keep."
)
@data_option
def backups(folder: Path, keep: int, data: Path | None) -> None:
    """Write a backup into FOLDER every day, and keep the newest.

    It runs until it is interrupted; `tapeless up --backup-to FOLDER` does the same.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what is half written is removed
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        time.sleep(seconds_until_backup(folder, BACKUP_INTERVAL_SECONDS, time.time()))
        file = take_scheduled_backup(partial(_write_backup, data), folder, keep, time.time())
        click.echo(f"wrote {file}")


def _write_backup(data: Path | None, file: Path) -> bool:
    with readable_errors():
        settings = find_system_settings(data)
        url, key = find_system_connection(settings).database_url, settings.data / SECRET_KEY_FILE
        return create_backup(url, key, file, is_key_used=is_system_key_kept(settings))


@click.command()
@file_argument
@data_option
@click.option("--into-database", is_flag=True, help="Fill the empty database of TAPELESS_DATABASE_URL instead.")
def restore(file: Path, data: Path | None, into_database: bool) -> None:
    """Create a new data folder from FILE."""
    with readable_errors():
        settings = Settings.for_data(data)
        if into_database:
            manifest = restore_to_database(file, find_system_connection(settings).database_url)
            step = "run tapeless migrate, start everything, and then tapeless reindex --all"
        else:
            manifest = restore_to_folder(file, settings.data)
            step = f"continue with: tapeless up --data {shlex.quote(str(settings.data))}"
    click.echo(f"restored what was written at {manifest.taken} by Tapeless {manifest.tapeless}; {step}")


@click.command()
@data_option
def migrate(data: Path | None) -> None:
    """Migrate the database to the schema of this version, before anything else of it is started."""
    with readable_errors():
        upgrade_database(find_system_connection(find_system_settings(data)).database_url)
    click.echo("the database is up to date")
