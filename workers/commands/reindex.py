"""`tapeless reindex`: rebuild documents of the index though their rows did not change."""

from pathlib import Path

import click

from models.sessions import transact
from tasks.find import mark_again
from tasks.reindex import start_rebuild
from tasks.sentences import counted
from tasks.show import find_asset
from workers.commands.options import data_option, running_system


@click.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]…")
@click.option("--all", "everything", is_flag=True, help="Build a new index beside the live one, then put it in place.")
@click.option("--rate", default=0, type=click.IntRange(0), help="With --all: the most documents a second.")
@data_option
def reindex(assets: tuple[str, ...], everything: bool, rate: int, data: Path | None) -> None:
    """Rebuild the documents of ASSETs (titles or ids), or all documents.

    Searches and updates continue meanwhile. `tapeless status` shows how many documents are pending.
    """
    if everything == bool(assets):
        raise click.UsageError("name assets, or say --all")
    with running_system(data) as context:
        if everything:
            job = transact(context.sessions, lambda session: start_rebuild(session, rate=rate))
            click.echo(f"job {job.id}: {job.title}, {counted(job.progress_total, 'document')}")
            return
        ids = transact(context.sessions, lambda session: [find_asset(session, word).id for word in assets])
        transact(context.sessions, lambda session: mark_again(session, ids))
        click.echo(f"{counted(len(ids), 'document')} marked; the index worker writes them within seconds")
