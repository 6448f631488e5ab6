"""`tapeless down`: stop the system that runs on a data folder."""

import os
import signal
from pathlib import Path

import click

from workers.commands.options import data_option, readable_errors
from workers.config.connection import find_running_supervisor, find_system_settings
from workers.processes.process import wait_until_gone

DOWN_SECONDS = 20.0
"""Twice as long as `tapeless up` takes at most to stop everything."""


@click.command()
@data_option
def down(data: Path | None) -> None:
    """Stop the system of the data folder, and wait for its end."""
    with readable_errors():
        folder = find_system_settings(data).data.absolute()
    supervisor = find_running_supervisor(folder)
    if supervisor is None:
        click.echo(f"{folder}: nothing runs there")
        return
    os.kill(supervisor.pid, signal.SIGTERM)
    if not wait_until_gone(supervisor, DOWN_SECONDS):
        raise click.ClickException(
            f"{folder}: process {supervisor.pid} still runs after {DOWN_SECONDS:g} s; see {folder / 'logs'}, "
            "or run `tapeless down` again to wait longer"
        )
    click.echo(f"{folder}: everything has stopped; running work resumes at the next start")
