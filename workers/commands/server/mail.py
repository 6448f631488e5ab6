"""`tapeless mail test`: check mail delivery before a share depends on it."""

from pathlib import Path

import click

from models.core.sessions import transact
from services.core.actors import SETUP_ACTOR
from services.outbound.mail_queue import queue_mail
from workers.commands.options import data_option, running_system


@click.group()
def mail() -> None:
    """Test the mail settings."""


@mail.command()
@click.argument("address")
@data_option
def test(address: str, data: Path | None) -> None:
    """Send a mail to ADDRESS through the running system; `tapeless jobs list` shows why it failed."""
    with running_system(data) as context:
        queued = transact(context.sessions, lambda session: queue_mail(session, "test", address, {}, SETUP_ACTOR))
        click.echo(f"mail {queued.id} goes out within seconds")
