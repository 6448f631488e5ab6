"""`tapeless trigger`: credentials for other systems that publish triggers."""

import json
from pathlib import Path

import click

from tasks.trigger_operations import TRIGGERS
from workers.commands.options import data_option, json_option, sentences
from workers.embedded.valkey import PRODUCER, PRODUCER_RULES, EmbeddedValkey
from workers.running import find_running
from workers.settings import Settings, SettingsError


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
    with sentences():
        settings = Settings.for_data(data)
        embedded = EmbeddedValkey(settings.data / "valkey")
        url = embedded.producer_url() if (settings.data / "valkey").is_dir() else None
        if url is None:
            find_running(settings)
            raise SettingsError(_why_none(settings))
    if as_json:
        click.echo(
            json.dumps({"broker_url": url, "queue": "trigger", "tasks": [f"trigger.{name}" for name in TRIGGERS]})
        )
    else:
        click.echo(url)


def _why_none(settings: Settings) -> str:
    if settings.database_url is not None and not settings.names_data:
        return (
            "the broker is not ours: make a user in it yourself, with a password of your own:\n"
            f"  ACL SETUSER {PRODUCER} on '>PASSWORD' {PRODUCER_RULES}\n"
            f"and give other systems redis://{PRODUCER}:PASSWORD@HOST:PORT/0"
        )
    return "the broker is open to no other program: start with --broker-port PORT"
