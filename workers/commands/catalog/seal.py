"""`tapeless seal PATH --into DIR`: write a generation of an ASC MHL history for a folder."""

from pathlib import Path

import click
from rich.filesize import decimal

from services.core.text import pluralize
from services.readiness.ready import resolve_asked_path
from services.readiness.seal import seal_folder
from workers.celery.context import ProcessContext
from workers.commands.options import shell_actor, system_command
from workers.config.version import read_version


@click.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder in which the folder ascmhl is written: the root of a copy, or a place from where it is laid there.",
)
@system_command
def seal(context: ProcessContext, path: Path, into: Path) -> None:
    """Write the next generation of an ASC MHL history for the folder PATH; every byte of it is read."""
    author = shell_actor().name
    made = seal_folder(context.sessions, resolve_asked_path(str(path)), into, author, read_version(), lambda: None)
    renamed = f", {made.renamed:,} renamed" if made.renamed else ""
    files = f"{pluralize(made.files, 'file')}, {decimal(made.size_bytes)}{renamed}"
    click.echo(f"{made.path}: generation {made.generation}, {files}")
