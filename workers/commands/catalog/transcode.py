"""`tapeless transcode`: create a rendition of an asset, and wait for it if asked."""

import time
import uuid
from pathlib import Path

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeElapsedColumn
from sqlalchemy.orm import Session

from models.catalog.asset import Format
from models.core.sessions import Sessions, transact
from models.queues.job import Job, JobStatus
from services.core.actors import SETUP_ACTOR
from services.core.errors import DomainError
from services.core.id_prefix import find_by_id_prefix
from services.jobs.jobs import FINAL_JOB_STATUSES
from services.operations.asset_report import find_asset_by_word
from services.renditions.profiles import WEB_PROFILE, find_transcode_profile
from services.renditions.queue import request_transcode
from workers.commands.completion import complete_assets
from workers.commands.options import data_option, running_system
from workers.config.connection import find_system_settings

JOB_POLL_SECONDS = 0.5


@click.command()
@click.argument("asset", shell_complete=complete_assets)
@click.option(
    "--profile",
    default=WEB_PROFILE,
    show_default=True,
    help="Rendition profile: `web`, or one of TAPELESS_TRANSCODE_PROFILES.",
)
@click.option("--format", "format_word", metavar="ID", help="Id of the source format (default: the first original).")
@click.option("--wait", is_flag=True, help="Wait for the rendition; exit non-zero if it fails.")
@data_option
def transcode(asset: str, profile: str, format_word: str | None, wait: bool, data: Path | None) -> None:
    """Create a rendition of ASSET (a title or id), as another format of it."""
    with running_system(data) as context:
        find_transcode_profile(find_system_settings(data).profiles, profile)

        def request(session: Session) -> Job:
            source = None
            if format_word is not None:
                source = find_by_id_prefix(session, Format, format_word, "format", lambda row: row.name).id
            return request_transcode(session, find_asset_by_word(session, asset).id, source, profile, SETUP_ACTOR)

        job = transact(context.sessions, request)
        click.echo(f"job {job.id}: {job.title}")
        if wait:
            click.echo(wait_for_job(context.sessions, job.id))


def wait_for_job(sessions: Sessions, job_id: uuid.UUID) -> str:
    """Wait until the job has ended, with a bar on a terminal; return its message, or raise its error."""
    bar = Progress("{task.description}", BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), transient=True)
    bar.disable = not bar.console.is_terminal
    obstacle = ""
    with bar:
        shown = bar.add_task("waits for a worker", total=None)
        while True:
            with sessions() as session:
                job = session.get(Job, job_id)
            if job is None:
                raise DomainError(f"job {job_id}: it was deleted")
            if job.dead_lettered_at is not None or (job.status in FINAL_JOB_STATUSES and job.error_message):
                raise DomainError(f"job {job_id}: {job.error_message}")
            if job.status in FINAL_JOB_STATUSES:
                return job.message
            if job.lease_until is None and (job.error_message or job.message) not in (obstacle, ""):
                obstacle = job.error_message or job.message
                click.echo(obstacle, err=True)
            if job.status == JobStatus.STARTED:
                said = job.message or "runs"
                bar.update(shown, description=said, completed=job.progress_processed, total=job.progress_total or None)
            time.sleep(JOB_POLL_SECONDS)
