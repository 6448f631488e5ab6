"""A webhook with one line in its log, for the authorization matrix."""

from uuid import UUID

from sqlalchemy import func
from sqlalchemy.orm import Session

from models.core.base import new_id
from models.queues.outbox import Webhook, WebhookDelivery, WebhookStatus


def make_webhook(session: Session, asset: UUID, owner: UUID, _reader: UUID | None) -> dict[str, object]:
    """Disabled, so that it does not hear of what the other tests do."""
    webhook = Webhook(id=new_id(), url="https://example.org/hook", event_type="assets", secret=b"x" * 32)
    webhook.status, webhook.created_by = WebhookStatus.DISABLED, owner
    session.add(webhook)
    session.flush()
    delivery = WebhookDelivery(id=new_id(), webhook_id=webhook.id, event_type="assets", realm="entity")
    delivery.operation, delivery.object_id, delivery.event_at = "create", asset, func.now()  # type: ignore[assignment]
    session.add(delivery)
    return {"webhook_id": webhook.id, "delivery_id": delivery.id}
