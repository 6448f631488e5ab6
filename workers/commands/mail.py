"""`tapeless mail test`: whether mail arrives, before a share depends on it."""

from pathlib import Path

import click

from models.sessions import transact
from tasks.mail import queue_mail
from tasks.users import SETUP
from workers.commands.options import data_option, running_system


@click.group()
def mail() -> None:
    """Try the mail settings."""


@mail.command()
@click.argument("address")
@data_option
def test(address: str, data: Path | None) -> None:
    """Send a mail to ADDRESS, as the running system sends its own; `tapeless jobs list` says why it did not go out."""
    with running_system(data) as context:
        queued = transact(context.sessions, lambda session: queue_mail(session, "test", address, {}, SETUP))
        click.echo(f"mail {queued.id} goes out within seconds")
