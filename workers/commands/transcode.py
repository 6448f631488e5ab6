"""`tapeless transcode`: create a rendition of an asset, and wait for it if asked."""

import time
import uuid
from pathlib import Path

import click

from models.job import Job
from models.sessions import Sessions, transact
from tasks.jobs import ENDED
from tasks.refusals import Refusal
from tasks.show import find_asset
from tasks.transcode_jobs import request_transcode
from tasks.transcode_profiles import WEB, find_profile
from tasks.users import SETUP
from workers.commands.options import data_option, running_system
from workers.settings import Settings

LOOK_SECONDS = 0.5


@click.command()
@click.argument("asset")
@click.option("--profile", default=WEB, show_default=True, help="How: `web`, or one of TAPELESS_TRANSCODE_PROFILES.")
@click.option("--format", "format_id", type=click.UUID, help="Of which format (default: the first original).")
@click.option("--wait", is_flag=True, help="Stay until it is there, and fail where it cannot be made.")
@data_option
def transcode(asset: str, profile: str, format_id: uuid.UUID | None, wait: bool, data: Path | None) -> None:
    """Create a rendition of ASSET (a title or id), as another format of it."""
    with running_system(data) as context:
        find_profile(Settings.for_data(data).profiles, profile)
        job = transact(
            context.sessions,
            lambda session: request_transcode(session, find_asset(session, asset).id, format_id, profile, SETUP),
        )
        click.echo(f"job {job.id}: {job.title}")
        if wait:
            click.echo(wait_for(context.sessions, job.id))


def wait_for(sessions: Sessions, job_id: uuid.UUID) -> str:
    """Wait until the job has ended; return its message, or raise its error."""
    while True:
        with sessions() as session:
            job = session.get(Job, job_id)
        if job is None:
            raise Refusal(f"job {job_id}: somebody removed it")
        if job.parked_at is not None or (job.status in ENDED and job.error_message):
            raise Refusal(f"job {job_id}: {job.error_message}")
        if job.status in ENDED:
            return job.message
        time.sleep(LOOK_SECONDS)
