"""`tapeless migrate`: migrate the database to this version, before anything else of it is started."""

from pathlib import Path

import click

from models.schema import upgrade_database as migrate_database
from workers.commands.options import data_option, readable_errors
from workers.config.connection import find_system_connection
from workers.config.settings import Settings


@click.command()
@data_option
def migrate(data: Path | None) -> None:
    """Migrate the database to the schema of this version."""
    with readable_errors():
        migrate_database(find_system_connection(Settings.for_data(data)).database_url)
    click.echo("the database is up to date")
