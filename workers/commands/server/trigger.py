"""`tapeless trigger`: credentials for other systems that publish triggers; `tapeless mail test`: check mail delivery
before a share depends on it."""

from pathlib import Path

import click

from models.core.sessions import transact
from services.core.actors import SETUP_ACTOR
from services.outbound.mail_queue import queue_mail
from services.triggers.registry import TRIGGER_REGISTRY
from workers.commands.options import data_option, json_option, readable_errors, running_system
from workers.commands.output import print_result
from workers.config.connection import (
    find_named_database,
    find_system_connection,
    find_system_settings,
)
from workers.config.settings import Settings, SettingsError
from workers.embedded.valkey import PRODUCER_ACL_RULES, PRODUCER_USER, EmbeddedValkey


@click.group()
def trigger() -> None:
    """Let other systems request scans, ingests, metadata and more."""


@trigger.command()
@data_option
@json_option
def credentials(data: Path | None, as_json: bool) -> None:
    """Print the broker URL for programs that may publish to the queue `trigger` only.

    It contains a password.
    """
    with readable_errors():
        settings = find_system_settings(data)
        embedded = EmbeddedValkey(settings.data / "valkey")
        url = embedded.producer_url() if (settings.data / "valkey").is_dir() else None
        if url is None:
            find_system_connection(settings)
            raise SettingsError(_explain_no_credentials(settings))
    tasks = [f"trigger.{name}" for name in TRIGGER_REGISTRY]
    print_result(as_json, {"broker_url": url, "queue": "trigger", "tasks": tasks}, lambda: click.echo(url))


def _explain_no_credentials(settings: Settings) -> str:
    if find_named_database(settings) is not None:
        return (
            "the broker is not ours: make a user in it yourself, with a password of your own:\n"
            f"  ACL SETUSER {PRODUCER_USER} on '>PASSWORD' {PRODUCER_ACL_RULES}\n"
            f"and give other systems redis://{PRODUCER_USER}:PASSWORD@HOST:PORT/0"
        )
    return "the broker is not open to other programs: start with --broker-port PORT"


@click.group()
def mail() -> None:
    """Test the mail settings."""


@mail.command()
@click.argument("address")
@data_option
def test(data: Path | None, address: str) -> None:
    """Send a mail to ADDRESS through the running system; `tapeless jobs list` shows why it failed."""
    with running_system(data) as context:
        if context.outside.mail_server is None:
            raise SettingsError("no mail server is set: set TAPELESS_SMTP_URL and TAPELESS_SMTP_FROM, and start again")
        queued = transact(context.sessions, lambda session: queue_mail(session, "test", address, {}, SETUP_ACTOR))
    click.echo(f"mail {queued.id} goes out within seconds")
