"""Webhooks with iconik's schema, for administrators: subscriptions and their delivery log."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from api.routes.integrations.answers import DeliveryAnswer, DeliveryRetryAnswer, WebhookAnswer, WebhookWithSecretAnswer
from asgi.answers import PageAnswer
from asgi.body_base import Body, KeyText, LongText, ShortText
from asgi.pagination import (
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.core.statements import AnySelect
from models.queues.outbox import DELIVERY_QUEUE, WEBHOOK_TASK, Webhook, WebhookDelivery, WebhookStatus
from services.core.errors import ValidationFailed, require_administrator, require_known
from services.outbound.webhook_http import encode_webhook_secret
from services.outbound.webhooks import (
    REDACTED_HEADER_VALUE,
    create_webhook,
    delete_webhook,
    describe_webhook_error,
    find_webhook,
    find_webhook_delivery,
    rotate_webhook_secret,
    update_webhook,
)

routes = RouteGroup("notifications")
WEBHOOK_QUERY_COLUMNS = query_columns(
    Webhook.id, Webhook.name, Webhook.event_type, Webhook.status, Webhook.date_created
)
DELIVERY_SORT_COLUMNS = query_columns(WebhookDelivery.id, WebhookDelivery.date_created, WebhookDelivery.answer)
DELIVERY_STATES = {
    "SENT": WebhookDelivery.done_at.is_not(None),
    "PARKED": WebhookDelivery.dead_lettered_at.is_not(None),
    "WAITING": WebhookDelivery.done_at.is_(None) & WebhookDelivery.dead_lettered_at.is_(None),
}


class WebhookChangeBody(Body):
    name: Annotated[str, Field(max_length=1000)] | None = None
    description: LongText | None = None
    url: ShortText | None = None
    event_type: ShortText | None = None
    realm: ShortText | None = None
    operation: ShortText | None = None
    object_id: UUID | None = None
    status: Literal["ENABLED", "DISABLED", "FAILING"] | None = None
    headers: Annotated[dict[KeyText, LongText], Field(max_length=50)] | None = None
    query: ShortText | None = None
    nullable = frozenset({"realm", "operation", "object_id"})

    def changes(self) -> dict[str, Any]:
        """Return the columns to set. FAILING is shown for enabled webhooks; written back, it means enabled."""
        if self.query:
            raise ValidationFailed(
                "query", "webhooks are chosen by event_type, realm, operation and object_id; leave it out"
            )
        sent = super().changes()
        sent.pop("query", None)
        if "status" in sent:
            sent["status"] = WebhookStatus("DISABLED" if sent["status"] == "DISABLED" else "ENABLED")
        return sent


class WebhookBody(WebhookChangeBody):
    url: ShortText
    event_type: ShortText


class DeliveryRetryBody(Body):
    ids: Annotated[list[UUID], Field(fail_fast=True, max_length=1000)] | None = None


def serialize_webhook(webhook: Webhook) -> WebhookAnswer:
    """Serialise a webhook; of its headers only the names."""
    fails = webhook.first_failed_at is not None or webhook.is_stopped
    return {
        "id": str(webhook.id),
        "name": webhook.name,
        "description": webhook.description,
        "url": webhook.url,
        "event_type": webhook.event_type,
        "realm": webhook.realm,
        "operation": webhook.operation,
        "object_id": optional_id(webhook.object_id),
        "query": None,
        "status": "DISABLED" if webhook.status == WebhookStatus.DISABLED else "FAILING" if fails else "ENABLED",
        "headers": dict.fromkeys(webhook.headers, REDACTED_HEADER_VALUE),
        "first_failed_at": format_datetime(webhook.first_failed_at),
        "last_error": describe_webhook_error(webhook),
        "deleted_at": None,
        "date_created": format_datetime(webhook.date_created),
        "date_modified": format_datetime(webhook.date_modified),
    }


def serialize_webhook_with_secret(webhook: Webhook) -> WebhookWithSecretAnswer:
    """Serialise a webhook with its secret, which is shown only on creation and renewal."""
    return {**serialize_webhook(webhook), "secret": encode_webhook_secret(webhook.secret)}


def serialize_delivery(delivery: WebhookDelivery) -> DeliveryAnswer:
    """Serialise one delivery of the log."""
    is_waiting = delivery.done_at is None and delivery.dead_lettered_at is None
    return {
        "id": str(delivery.id),
        "webhook_id": str(delivery.webhook_id),
        "event_type": delivery.event_type,
        "realm": delivery.realm,
        "operation": delivery.operation,
        "object_id": str(delivery.object_id),
        "event_date": format_datetime(delivery.event_at),
        "details": delivery.details,
        "status": "WAITING" if is_waiting else "SENT" if delivery.done_at else "PARKED",
        "tries": delivery.attempt,
        "answer": delivery.answer,
        "error": delivery.error,
        "next_try": format_datetime(delivery.not_before) if is_waiting else None,
        "date_created": format_datetime(delivery.date_created),
        "date_sent": format_datetime(delivery.done_at),
    }


@routes.get("/webhooks/")
def get_webhooks(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    event_type: str = "",
    status: str = "",
) -> PageAnswer[WebhookAnswer]:
    """List all webhooks."""
    require_administrator(call.actor, "see webhooks")
    found: AnySelect = filter_by_values(
        select(Webhook), WEBHOOK_QUERY_COLUMNS, {"event_type": event_type, "status": status}
    )
    return paginate(
        call,
        apply_sort(found, sort, WEBHOOK_QUERY_COLUMNS, Webhook.id),
        page,
        per_page,
        serialize_each(serialize_webhook),
    )


@routes.post("/webhooks/", replayable=False, never_gives=(404,))
def post_webhook(call: Call, body: WebhookBody) -> WebhookWithSecretAnswer:
    """Create a webhook; only this response contains its secret."""
    return serialize_webhook_with_secret(
        create_webhook(call.session, body.changes(), call.context.outside.webhook_networks, call.actor)
    )


@routes.get("/webhooks/{webhook_id}/")
def get_webhook(call: Call, webhook_id: UUID) -> WebhookAnswer:
    """Return one webhook."""
    return serialize_webhook(find_webhook(call.session, webhook_id, call.actor))


@routes.put(
    "/webhooks/{webhook_id}/",
    SharedEndpoint("put_webhook", "Change the fields that were sent; absent fields stay.", types={"body": WebhookBody}),
)
@routes.patch("/webhooks/{webhook_id}/", is_extension=True)
def patch_webhook(call: Call, webhook_id: UUID, body: WebhookChangeBody) -> WebhookAnswer:
    """Change the fields that were sent."""
    networks = call.context.outside.webhook_networks
    return serialize_webhook(update_webhook(call.session, webhook_id, body.changes(), networks, call.actor))


@routes.delete("/webhooks/{webhook_id}/")
def delete_one_webhook(call: Call, webhook_id: UUID) -> None:
    """Delete a webhook with its delivery log."""
    delete_webhook(call.session, webhook_id, call.actor)


@routes.post("/webhooks/{webhook_id}/secret/", replayable=False, is_extension=True)
def post_webhook_secret(call: Call, webhook_id: UUID) -> WebhookWithSecretAnswer:
    """Renew the secret; only this response contains it."""
    return serialize_webhook_with_secret(rotate_webhook_secret(call.session, webhook_id, call.actor))


@routes.get("/webhooks/{webhook_id}/deliveries/", is_extension=True)
def get_deliveries(
    call: Call, webhook_id: UUID, page: PageNumber = 1, per_page: PerPage = 50, sort: SortParam = "", status: str = ""
) -> PageAnswer[DeliveryAnswer]:
    """List deliveries, newest first; `status` is SENT, WAITING or PARKED (dead-lettered)."""
    find_webhook(call.session, webhook_id, call.actor)
    found = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if status:
        require_known("status", status, DELIVERY_STATES, "is not a status")
        found = found.where(DELIVERY_STATES[status])
    found = apply_sort(found, sort, DELIVERY_SORT_COLUMNS, WebhookDelivery.id.desc())
    return paginate(call, found, page, per_page, serialize_each(serialize_delivery))


@routes.get("/webhooks/{webhook_id}/deliveries/{delivery_id}/", is_extension=True)
def get_delivery(call: Call, webhook_id: UUID, delivery_id: UUID) -> DeliveryAnswer:
    """Return one delivery of the log."""
    return serialize_delivery(find_webhook_delivery(call.session, webhook_id, delivery_id, call.actor))


@routes.post("/webhooks/{webhook_id}/deliveries/retry/", status=200, is_extension=True)
def post_retry(call: Call, webhook_id: UUID, body: DeliveryRetryBody | None = None) -> DeliveryRetryAnswer:
    """Retry dead-lettered deliveries, all of them without `ids`; returns their number."""
    find_webhook(call.session, webhook_id, call.actor)
    parked = select(WebhookDelivery.id).where(WebhookDelivery.webhook_id == webhook_id, DELIVERY_STATES["PARKED"])
    if body is not None and body.ids is not None:
        parked = parked.where(WebhookDelivery.id.in_(body.ids))
    retried = DELIVERY_QUEUE.requeue(call.session, call.session.scalars(parked).all())
    call.notify(WEBHOOK_TASK, [])
    return {"retried": retried}
