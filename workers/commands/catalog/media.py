"""`tapeless media`: have headers, previews and renditions made again."""

import time
import uuid
from collections.abc import Sequence

import click
from rich.text import Text

from models.core.sessions import transact
from services.core.text import pluralize
from services.media.missing_media import find_missing_media
from services.media.rebuild import RebuildState, read_rebuild_state, start_media_rebuild
from services.operations.asset_report import find_asset_by_word
from workers.celery.context import ProcessContext
from workers.commands.catalog.transcode import JOB_POLL_SECONDS, wait_for_job
from workers.commands.options import shell_actor, system_command
from workers.commands.output import make_line_console

MAX_TROUBLES_SHOWN = 20


@click.group()
def media() -> None:
    """Make headers, previews and renditions again."""


@media.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]…")
@click.option("--missing", "only_missing", is_flag=True, help="Make only what is missing, of ASSETs or of everything.")
@click.option("--all", "everything", is_flag=True, help="Make the media of all assets again.")
@click.option("--wait", is_flag=True, help="Wait until everything is made; exit with 1 if something cannot be made.")
@system_command
def rebuild(context: ProcessContext, assets: tuple[str, ...], only_missing: bool, everything: bool, wait: bool) -> None:
    """Make headers, previews and renditions of ASSETs (titles or ids) again, or those that are missing.

    The old ones stay in use until the new ones are there. `tapeless status` shows how much waits.
    """
    if (everything and (assets or only_missing)) or not (everything or assets or only_missing):
        raise click.UsageError("give ASSETs, --missing or --all")
    with context.sessions() as session:
        ids = [find_asset_by_word(session, word).id for word in assets] or None
    job = transact(context.sessions, start_media_rebuild, shell_actor(), ids, only_missing=only_missing)
    click.echo(f"job {job.id}: {job.title}")
    if wait:
        click.echo(wait_for_job(context.sessions, job.id))
        state = _wait_for_media(context, job.id, ids)
        _report(context, state, ids)


def _wait_for_media(context: ProcessContext, job_id: uuid.UUID, assets: Sequence[uuid.UUID] | None) -> RebuildState:
    """Wait until nothing of it is pending, with a bar on a terminal."""
    with context.sessions() as session:
        state = read_rebuild_state(session, job_id, assets)
    total, said = state.pending, set[str]()
    with click.progressbar(length=total, label="Making media") as bar:
        while state.pending:
            for obstacle in set(state.obstacles) - said:
                click.echo(obstacle, err=True)
            said |= set(state.obstacles)
            time.sleep(JOB_POLL_SECONDS)
            with context.sessions() as session:
                state = read_rebuild_state(session, job_id, assets)
            total = max(total, state.pending)
            bar.length = total
            bar.update(total - state.pending - bar.pos)
    return state


def _report(context: ProcessContext, state: RebuildState, assets: Sequence[uuid.UUID] | None) -> None:
    """Print what failed or is still missing, and exit with 1 if anything did."""
    pages = find_missing_media(context.sessions, context.media_folder, assets)
    troubles = [*state.failures, *(one.sentence() for _, missing in pages for one in missing)]
    console = make_line_console()
    for trouble in troubles[:MAX_TROUBLES_SHOWN]:
        console.print(Text(f"  {trouble}", style="yellow"))
    if len(troubles) > MAX_TROUBLES_SHOWN:
        console.print(f"  and {len(troubles) - MAX_TROUBLES_SHOWN:,} more")
    if troubles:
        raise click.ClickException(f"{pluralize(len(troubles), 'part')} could not be made")
    click.echo("every header, preview and rendition is there")
