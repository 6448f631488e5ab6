"""Webhooks with iconik's schema, for administrators: subscriptions and their delivery log."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, select

from api.bodies import Body, Name, Text
from api.call import Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.rendering import key, stamp
from api.routing import Service
from models.webhook import Webhook, WebhookDelivery, WebhookStatus
from tasks.refusals import Invalid
from tasks.users import require_administrator
from tasks.webhook_sending import DELIVERIES
from tasks.webhook_sending import TASK as TELL
from tasks.webhook_target import shown_secret
from tasks.webhooks import (
    HIDDEN,
    change_webhook,
    create_webhook,
    delete_webhook,
    find_delivery,
    find_webhook,
    renew_secret,
)

routes = Service("notifications")
COLUMNS = {
    "id": Webhook.id,
    "name": Webhook.name,
    "event_type": Webhook.event_type,
    "status": Webhook.status,
    "date_created": Webhook.date_created,
}
TRIES = {"id": WebhookDelivery.id, "date_created": WebhookDelivery.date_created, "answer": WebhookDelivery.answer}
STATES = {
    "SENT": WebhookDelivery.done_at.is_not(None),
    "PARKED": WebhookDelivery.parked_at.is_not(None),
    "WAITING": WebhookDelivery.done_at.is_(None) & WebhookDelivery.parked_at.is_(None),
}
NULLABLE = frozenset({"realm", "operation", "object_id"})


class WebhookChangeBody(Body):
    name: Annotated[str, Field(max_length=1000)] | None = None
    description: Text | None = None
    url: Name | None = None
    event_type: Name | None = None
    realm: Name | None = None
    operation: Name | None = None
    object_id: UUID | None = None
    status: Literal["ENABLED", "DISABLED", "FAILING"] | None = None
    headers: dict[str, str] | None = None
    query: str | None = None

    def values(self) -> dict[str, Any]:
        """Return the columns to set. FAILING is shown for enabled webhooks; written back, it means enabled."""
        if self.query:
            raise Invalid("query", "webhooks are chosen by event_type, realm, operation and object_id; leave it out")
        sent = {name: value for name, value in self.sent().items() if value is not None or name in NULLABLE}
        sent.pop("query", None)
        if "status" in sent:
            sent["status"] = WebhookStatus("DISABLED" if sent["status"] == "DISABLED" else "ENABLED")
        return sent


class WebhookBody(WebhookChangeBody):
    url: Name
    event_type: Name


class RetryBody(Body):
    ids: Annotated[list[UUID], Field(max_length=1000)] | None = None


def webhook_body(webhook: Webhook) -> dict[str, Any]:
    """Serialise a webhook; of its headers only the names."""
    failing = webhook.status == WebhookStatus.ENABLED and webhook.first_failed_at is not None
    return {
        "id": str(webhook.id),
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "event_type": webhook.event_type,
        "realm": webhook.realm,
        "operation": webhook.operation,
        "object_id": key(webhook.object_id),
        "query": None,
        "status": "FAILING" if failing else webhook.status,
        "headers": dict.fromkeys(webhook.headers, HIDDEN),
        "first_failed_at": stamp(webhook.first_failed_at),
        "last_error": webhook.last_error,
        "deleted_at": None,
        "date_created": stamp(webhook.date_created),
        "date_modified": stamp(webhook.date_modified),
    }


def with_secret(webhook: Webhook) -> dict[str, Any]:
    """Serialise a webhook with its secret, which is shown only on creation and renewal."""
    return {**webhook_body(webhook), "secret": shown_secret(webhook.secret)}


def delivery_body(delivery: WebhookDelivery) -> dict[str, Any]:
    """Serialise one delivery of the log."""
    is_waiting = delivery.done_at is None and delivery.parked_at is None
    state = "WAITING" if is_waiting else ("SENT" if delivery.done_at else "PARKED")
    return {
        "id": str(delivery.id),
        "webhook_id": str(delivery.webhook_id),
        "event_type": delivery.event_type,
        "realm": delivery.realm,
        "operation": delivery.operation,
        "object_id": str(delivery.object_id),
        "event_date": stamp(delivery.event_at),
        "status": state,
        "tries": delivery.attempt,
        "answer": delivery.answer,
        "error": delivery.error,
        "next_try": stamp(delivery.not_before) if is_waiting else None,
        "date_created": stamp(delivery.date_created),
        "date_sent": stamp(delivery.done_at),
    }


def many(webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
    """Serialise webhooks."""
    return [webhook_body(webhook) for webhook in webhooks]


@routes.get("/webhooks/")
def get_webhooks(
    call: Call, page: Page = 1, per_page: PerPage = 50, sort: Sort = "", event_type: str = "", status: str = ""
) -> dict[str, Any]:
    """List all webhooks."""
    require_administrator(call.actor, "see webhooks")
    found: Select[Any] = matching(select(Webhook), COLUMNS, {"event_type": event_type, "status": status})
    return paged(call, ordered(found, sort, COLUMNS, Webhook.id), page, per_page, many)


@routes.post("/webhooks/", keeps=False)
def post_webhook(call: Call, body: WebhookBody) -> dict[str, Any]:
    """Create a webhook; only this response contains its secret."""
    return with_secret(create_webhook(call.session, body.values(), call.context.outside.webhook_networks, call.actor))


@routes.get("/webhooks/{webhook_id}/")
def get_webhook(call: Call, webhook_id: UUID) -> dict[str, Any]:
    """Return one webhook."""
    return webhook_body(find_webhook(call.session, webhook_id, call.actor))


@routes.patch("/webhooks/{webhook_id}/")
def patch_webhook(call: Call, webhook_id: UUID, body: WebhookChangeBody) -> dict[str, Any]:
    """Change the fields that were sent."""
    networks = call.context.outside.webhook_networks
    return webhook_body(change_webhook(call.session, webhook_id, body.values(), networks, call.actor))


@routes.put("/webhooks/{webhook_id}/")
def put_webhook(call: Call, webhook_id: UUID, body: WebhookBody) -> dict[str, Any]:
    """Change the fields that were sent; absent fields stay."""
    return patch_webhook(call, webhook_id, body)


@routes.delete("/webhooks/{webhook_id}/")
def delete_one_webhook(call: Call, webhook_id: UUID) -> None:
    """Delete a webhook with its delivery log."""
    delete_webhook(call.session, webhook_id, call.actor)


@routes.post("/webhooks/{webhook_id}/secret/", keeps=False)
def post_webhook_secret(call: Call, webhook_id: UUID) -> dict[str, Any]:
    """Renew the secret; only this response contains it."""
    return with_secret(renew_secret(call.session, webhook_id, call.actor))


@routes.get("/webhooks/{webhook_id}/deliveries/")
def get_deliveries(
    call: Call, webhook_id: UUID, page: Page = 1, per_page: PerPage = 50, sort: Sort = "", status: str = ""
) -> dict[str, Any]:
    """List deliveries, newest first; `status` is SENT, WAITING or PARKED (dead-lettered)."""
    find_webhook(call.session, webhook_id, call.actor)
    found = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if status:
        if status not in STATES:
            raise Invalid("status", f'"{status[:80]}" is none of {", ".join(STATES)}')
        found = found.where(STATES[status])
    found = ordered(found, sort, TRIES, WebhookDelivery.id.desc())
    return paged(call, found, page, per_page, lambda rows: [delivery_body(row) for row in rows])


@routes.get("/webhooks/{webhook_id}/deliveries/{delivery_id}/")
def get_delivery(call: Call, webhook_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    """Return one delivery of the log."""
    return delivery_body(find_delivery(call.session, webhook_id, delivery_id, call.actor))


@routes.post("/webhooks/{webhook_id}/deliveries/retry/", status=200)
def post_retry(call: Call, webhook_id: UUID, body: RetryBody | None = None) -> dict[str, Any]:
    """Retry dead-lettered deliveries, all of them without `ids`; returns their number."""
    find_webhook(call.session, webhook_id, call.actor)
    parked = select(WebhookDelivery.id).where(WebhookDelivery.webhook_id == webhook_id, STATES["PARKED"])
    if body is not None and body.ids is not None:
        parked = parked.where(WebhookDelivery.id.in_(body.ids))
    retried = DELIVERIES.retry(call.session, call.session.scalars(parked).all())
    call.ring(TELL, [])
    return {"retried": retried}
