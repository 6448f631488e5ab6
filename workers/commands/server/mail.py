"""`tapeless mail test`: check mail delivery before a share depends on it."""

import click

from models.core.sessions import transact
from services.core.actors import SETUP_ACTOR
from services.outbound.mail_queue import queue_mail
from workers.celery.context import ProcessContext
from workers.commands.options import system_command


@click.group()
def mail() -> None:
    """Test the mail settings."""


@mail.command()
@click.argument("address")
@system_command
def test(context: ProcessContext, address: str) -> None:
    """Send a mail to ADDRESS through the running system; `tapeless jobs list` shows why it failed."""
    queued = transact(context.sessions, lambda session: queue_mail(session, "test", address, {}, SETUP_ACTOR))
    click.echo(f"mail {queued.id} goes out within seconds")
