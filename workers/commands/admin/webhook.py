"""`tapeless webhook`: which changes are sent to which address of another system."""

from collections.abc import Iterator

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.sessions import transact
from models.queues.outbox import Webhook, WebhookStatus
from services.core.actors import SETUP_ACTOR
from services.core.id_prefix import find_by_id_prefix
from services.core.text import pluralize
from services.outbound.webhook_http import encode_webhook_secret
from services.outbound.webhooks import (
    WEBHOOK_EVENTS,
    create_webhook,
    delete_webhook,
    describe_webhook_error,
    update_webhook,
)
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, system_command
from workers.commands.output import format_timestamp, print_records, print_result


@click.group()
def webhook() -> None:
    """Add, list, disable and remove webhooks, which notify other systems of changes."""


@webhook.command("add")
@click.argument("url")
@click.argument("event", type=click.Choice(sorted(WEBHOOK_EVENTS)))
@click.option("--realm", help="Only this realm of the event, such as `approvals` (default: all but `history`).")
@click.option("--operation", help="Only this operation, such as `quiet` (default: all).")
@click.option("--name", default="", help="Name of the webhook.")
@system_command
@json_option
def add_webhook(
    context: ProcessContext, url: str, event: str, realm: str | None, operation: str | None, name: str, as_json: bool
) -> None:
    """Send changes of one kind to URL from now on; the secret that signs them is shown only once."""
    values = {"url": url, "event_type": event, "realm": realm, "operation": operation, "name": name}
    networks = context.outside.webhook_networks
    made = transact(context.sessions, lambda session: create_webhook(session, values, networks, SETUP_ACTOR))
    shown = {"id": str(made.id), "secret": encode_webhook_secret(made.secret)}
    print_result(as_json, shown, lambda: click.echo(f"webhook {made.id}\nsecret: {shown['secret']}"))


@webhook.command("list")
@system_command
@json_option
def list_webhooks(context: ProcessContext, as_json: bool) -> None:
    """List all webhooks, and since when and why deliveries fail."""
    with context.sessions() as session:
        rows = session.scalars(select(Webhook).order_by(Webhook.id)).all()
    found = [
        {
            "id": str(row.id),
            "name": row.name,
            "event": ".".join(word for word in (row.event_type, row.realm, row.operation) if word),
            "url": row.url,
            "status": row.status.value,
            "failing_since": format_timestamp(row.first_failed_at) or None,
            "error": describe_webhook_error(row),
        }
        for row in rows
    ]
    shown = [
        each | {"failing_since": each["failing_since"] and f"failing since {each['failing_since']}"} for each in found
    ]
    print_result(as_json, found, lambda: print_records(shown, "no webhooks: `tapeless webhook add URL EVENT` adds one"))


@webhook.command("remove")
@click.argument("ids", nargs=-1, required=True)
@system_command
def remove_webhooks(context: ProcessContext, ids: tuple[str, ...]) -> None:
    """Remove webhooks by their ids, or the beginning of those, with what is not delivered; all of them or none."""

    def remove(session: Session) -> None:
        for row in _find_all(session, ids):
            delete_webhook(session, row.id, SETUP_ACTOR)

    transact(context.sessions, remove)
    click.echo(f"{pluralize(len(ids), 'webhook')} removed")


def _find_all(session: Session, words: tuple[str, ...]) -> Iterator[Webhook]:
    for word in words:
        yield find_by_id_prefix(session, Webhook, word, "webhook", lambda row: row.name or row.url)


def _make_switch_command(name: str, status: WebhookStatus, done: str, text: str) -> click.Command:
    @click.argument("ids", nargs=-1, required=True)
    @system_command
    def change(context: ProcessContext, ids: tuple[str, ...]) -> None:
        def apply(session: Session) -> None:
            for row in _find_all(session, ids):
                update_webhook(session, row.id, {"status": status}, context.outside.webhook_networks, SETUP_ACTOR)

        transact(context.sessions, apply)
        click.echo(f"{pluralize(len(ids), 'webhook')} {done}")

    return click.command(name, help=text)(change)


webhook.add_command(
    _make_switch_command("disable", WebhookStatus.DISABLED, "disabled", "Stop sending to webhooks, by their ids.")
)
webhook.add_command(
    _make_switch_command("enable", WebhookStatus.ENABLED, "enabled", "Send to webhooks again, at once, by their ids.")
)
