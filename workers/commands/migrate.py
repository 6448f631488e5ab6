"""`tapeless migrate`: migrate the database to this version, before anything else of it is started."""

from pathlib import Path

import click

from models.schema import migrate as migrate_database
from workers.commands.options import data_option, sentences
from workers.running import find_running
from workers.settings import Settings


@click.command()
@data_option
def migrate(data: Path | None) -> None:
    """Migrate the database to the schema of this version."""
    with sentences():
        migrate_database(find_running(Settings.for_data(data)).database_url)
    click.echo("the database is up to date")
