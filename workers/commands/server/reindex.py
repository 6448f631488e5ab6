"""`tapeless reindex`: rebuild documents of the index though their rows did not change."""

import click

from models.core.sessions import transact
from services.core.text import pluralize
from services.indexing.requests import start_index_rebuild
from services.operations.asset_report import find_asset_by_word
from services.searching.query import reindex_objects
from workers.celery.context import ProcessContext
from workers.commands.completion import complete_assets
from workers.commands.options import system_command


@click.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]…", shell_complete=complete_assets)
@click.option("--all", "everything", is_flag=True, help="Build a new index beside the live one, then put it in place.")
@click.option("--rate", default=0, type=click.IntRange(0), help="With --all: maximum number of documents per second.")
@system_command
def reindex(context: ProcessContext, assets: tuple[str, ...], everything: bool, rate: int) -> None:
    """Rebuild the documents of ASSETs (titles or ids), or all documents.

    Searches and updates continue meanwhile. `tapeless status` shows how many documents are pending.
    """
    if everything == bool(assets):
        raise click.UsageError("give ASSETs or --all")
    if everything:
        job = transact(context.sessions, lambda session: start_index_rebuild(session, rate=rate))
        click.echo(f"job {job.id}: {job.title}, {pluralize(job.progress_total, 'document')}")
        return
    ids = transact(context.sessions, lambda session: [find_asset_by_word(session, word).id for word in assets])
    transact(context.sessions, lambda session: reindex_objects(session, ids))
    click.echo(f"{pluralize(len(ids), 'document')} marked; the index worker writes them within seconds")
