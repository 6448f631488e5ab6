"""`tapeless probe`: whether the worker on this machine still consumes, for liveness probes of containers."""

import socket

import click
from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from workers.commands.options import readable_errors
from workers.config.connection import find_system_connection
from workers.config.settings import Settings
from workers.doctor import make_broker_client

PROBE_REPLY_SECONDS = 5.0


@click.command()
def probe() -> None:
    """Exit with 1 if the worker on this machine does not answer, although its broker does.

    After a restart of the broker a worker may run without consuming. While the broker itself is away, nothing is wrong
    with the worker, and a restart of all would not help.
    """
    with readable_errors():
        client = make_broker_client(find_system_connection(Settings.read()).broker_url)
    machine = socket.gethostname()
    answers = ask_workers(client)
    if answers is None:
        click.echo("the broker does not answer, so the state of the worker is unknown")
    elif not any(name.rpartition("@")[2] == machine for name in answers):
        raise click.ClickException(f"no worker on {machine} answers; {len(answers)} elsewhere do")


def ask_workers(client: Celery) -> list[str] | None:
    """Return the names of the workers that answer, or None if the broker does not."""
    try:
        with client.connection_for_read() as connection:
            connection.default_channel.client.ping()
        replies = client.control.inspect(timeout=PROBE_REPLY_SECONDS).ping()
    except (BrokerError, RedisError, OSError):
        return None
    return list(replies or {})
