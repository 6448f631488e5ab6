"""`tapeless backup` and `tapeless restore`: a system as one file."""

from pathlib import Path

import click

from workers.backup import back_up, restore_folder, restore_into
from workers.commands.options import data_option, sentences
from workers.running import find_running
from workers.secret_key import FILE
from workers.settings import Settings

file_argument = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@file_argument
@data_option
def backup(file: Path, data: Path | None) -> None:
    """Write the running system, as it is now, into FILE. Keep the file as safe as the system."""
    with sentences():
        settings = Settings.for_data(data)
        has_key = back_up(find_running(settings).database_url, settings.data / FILE, file)
    holds = "all rows and the key of links" if has_key else "all rows, but not the key of TAPELESS_SECRET_KEY(_FILE)"
    click.echo(f"wrote {file}: {file.stat().st_size / 1e6:.1f} MB; it holds {holds}, and no media")


@click.command()
@file_argument
@data_option
@click.option("--into-database", is_flag=True, help="Fill the empty database of TAPELESS_DATABASE_URL instead.")
def restore(file: Path, data: Path | None, into_database: bool) -> None:
    """Create a new data folder from FILE."""
    with sentences():
        settings = Settings.for_data(data)
        if into_database:
            manifest = restore_into(file, find_running(settings).database_url)
            step = "run tapeless migrate, start everything, and then tapeless reindex --all"
        else:
            manifest = restore_folder(file, settings.data)
            step = f"go on with: tapeless up --data {settings.data}"
    click.echo(f"restored what was written at {manifest.taken} by Tapeless {manifest.tapeless}; {step}")
