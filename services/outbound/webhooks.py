"""Manage webhooks (administrators only)."""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.history import Operation
from models.core.base import new_id
from models.queues.outbox import Webhook, WebhookDelivery, WebhookStatus
from services.core.audit_log import record_audit
from services.core.errors import ValidationFailed, require_administrator, require_known
from services.core.rows import load, save_audited
from services.outbound.config import IpNetwork
from services.outbound.webhook_http import check_webhook_url

WEBHOOK_KIND = "webhooks"
WEBHOOK_SECRET_BYTES = 32
ENTITY_OPERATIONS = ("create", "update", "delete")
APPROVAL_REALMS = {"approvals": ("create", "update", "delete", "status"), "votes": ENTITY_OPERATIONS}
WEBHOOK_EVENTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "assets": {
        "entity": ENTITY_OPERATIONS,
        "metadata": ("update",),
        "acls": ("update",),
        "relations": ENTITY_OPERATIONS,
        "history": tuple(operation.lower() for operation in Operation),
        **APPROVAL_REALMS,
    },
    "collections": {
        "entity": ENTITY_OPERATIONS,
        "contents": ("update",),
        "metadata": ("update",),
        "acls": ("update",),
        **APPROVAL_REALMS,
    },
    "file_sets": {"entity": ("grown", "quiet", "missing", "found"), "media": ("unreadable", "mismatch")},
    "formats": {"entity": ENTITY_OPERATIONS},
    "jobs": {"entity": (*ENTITY_OPERATIONS, "failed")},
    "segments": {"entity": ENTITY_OPERATIONS, "metadata": ("update",)},
    "shares": {"entity": ENTITY_OPERATIONS},
    "storages": {
        "entity": ENTITY_OPERATIONS,
        "acls": ("update",),
        "readiness": ("complete", "refuted", "open"),
    },
}
"""Operations by event type and realm; realm `entity` is the object itself."""
REDACTED_HEADER_VALUE = "********"
"""Shown instead of a header's value; sent back unchanged, the stored value stays."""
RESERVED_HEADERS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent", "expect", "upgrade"}
)
"""Headers that Tapeless sets itself."""
STOPPED_WEBHOOK_REASON = (
    "nothing is sent: the administrator who made it is none any more; another one who enables it answers for it"
)
MAX_WEBHOOK_HEADERS, MAX_HEADER_LENGTH = 20, 4000


def create_webhook(session: Session, values: Mapping[str, Any], networks: Sequence[IpNetwork], actor: Actor) -> Webhook:
    """Create a webhook with a random secret, which the caller shows this once."""
    require_administrator(actor, "make webhooks")
    webhook = Webhook(
        id=new_id(), secret=secrets.token_bytes(WEBHOOK_SECRET_BYTES), headers={}, created_by=actor.user_id
    )
    _set_webhook_values(webhook, values, networks)
    told = f'webhook "{webhook.name}" to {_redact_url(webhook)} was created'
    return save_audited(session, webhook, WEBHOOK_KIND, webhook.id, told, actor)


def update_webhook(
    session: Session, webhook_id: uuid.UUID, values: Mapping[str, Any], networks: Sequence[IpNetwork], actor: Actor
) -> Webhook:
    """Update a webhook; any update clears its failures and backoff, so that delivery resumes at once.

    Who updates one that has stopped with the right of its administrator answers for it from then on.
    """
    webhook = find_webhook(session, webhook_id, actor, lock=True)
    if webhook.is_stopped:
        webhook.created_by = actor.user_id
    _set_webhook_values(webhook, values, networks)
    webhook.first_failed_at = webhook.last_error = webhook.backoff_until = None
    webhook.failures = 0
    told = f'webhook "{webhook.name}": changed {", ".join(sorted(values))}'
    return save_audited(session, webhook, WEBHOOK_KIND, webhook.id, told, actor)


def rotate_webhook_secret(session: Session, webhook_id: uuid.UUID, actor: Actor) -> Webhook:
    """Replace the secret, effective from the next delivery."""
    webhook = find_webhook(session, webhook_id, actor, lock=True)
    webhook.secret = secrets.token_bytes(WEBHOOK_SECRET_BYTES)
    told = f'webhook "{webhook.name}": another secret'
    return save_audited(session, webhook, WEBHOOK_KIND, webhook.id, told, actor)


def delete_webhook(session: Session, webhook_id: uuid.UUID, actor: Actor) -> None:
    """Delete a webhook with its log and undelivered events."""
    webhook = find_webhook(session, webhook_id, actor, lock=True)
    record_audit(
        session, WEBHOOK_KIND, webhook.id, f'webhook "{webhook.name}" to {_redact_url(webhook)} was removed', actor
    )
    session.delete(webhook)
    session.flush()


def find_webhook(session: Session, webhook_id: uuid.UUID, actor: Actor, *, lock: bool = False) -> Webhook:
    """Return a webhook, for administrators only: it reports on every object."""
    require_administrator(actor, "see webhooks")
    return load(session, Webhook, webhook_id, "webhook", lock=lock)


def describe_webhook_error(webhook: Webhook) -> str | None:
    """Return why an enabled webhook delivers nothing, or how its last delivery failed."""
    return STOPPED_WEBHOOK_REASON if webhook.is_stopped else webhook.last_error


def find_webhook_delivery(
    session: Session, webhook_id: uuid.UUID, delivery_id: uuid.UUID, actor: Actor
) -> WebhookDelivery:
    """Return one delivery of a webhook's log."""
    find_webhook(session, webhook_id, actor)
    return load(session, WebhookDelivery, delivery_id, "delivery", webhook_id=webhook_id)


def _set_webhook_values(webhook: Webhook, values: Mapping[str, Any], networks: Sequence[IpNetwork]) -> None:
    if "url" in values and values["url"] != webhook.url:
        # Values of headers are secrets of the other system, and hidden from who reads the webhook: at another address
        # they would be revealed to its owner.
        webhook.headers = {}
    for name, value in values.items():
        if name != "headers":
            setattr(webhook, name, value)
    if "url" in values:
        check_webhook_url(webhook.url, networks)
    if values.get("headers") is not None:
        webhook.headers = _validate_headers(values["headers"], webhook.headers)
    require_known("event_type", webhook.event_type, WEBHOOK_EVENTS, "is not an event")
    realms = WEBHOOK_EVENTS[webhook.event_type]
    if webhook.realm is not None:
        require_known("realm", webhook.realm, realms, f"is no realm of {webhook.event_type}")
    if webhook.operation is not None:
        wanted = [webhook.realm] if webhook.realm is not None else list(realms)
        known = list(dict.fromkeys(operation for realm in wanted for operation in realms[realm]))
        require_known("operation", webhook.operation, known, f"is no operation of {webhook.event_type}")
    webhook.status = webhook.status or WebhookStatus.ENABLED


def _validate_headers(given: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    if len(given) > MAX_WEBHOOK_HEADERS:
        raise ValidationFailed("headers", f"at most {MAX_WEBHOOK_HEADERS}, not {len(given)}")
    kept = {}
    for name, value in given.items():
        if value == REDACTED_HEADER_VALUE and name not in before:
            raise ValidationFailed(
                f"headers.{name[:80]}", "its hidden value was forgotten with the former address; send the value again"
            )
        if value == REDACTED_HEADER_VALUE:
            # A client that sends back what it read must not overwrite the secret value with the placeholder.
            kept[name] = before[name]
            continue
        token = name.replace("-", "").replace("_", "")
        if (
            not token.isascii()
            or not token.isalnum()
            or name.lower() in RESERVED_HEADERS
            or name.lower().startswith("webhook-")
        ):
            raise ValidationFailed(f"headers.{name[:80]}", "is no name of a header that can be set here")
        if not value.isascii() or not value.isprintable() or len(value) > MAX_HEADER_LENGTH:
            raise ValidationFailed(
                f"headers.{name[:80]}", f"a value is printable ASCII of at most {MAX_HEADER_LENGTH} characters"
            )
        kept[name] = value
    return kept


def _redact_url(webhook: Webhook) -> str:
    """Return scheme and host only: path, query and user may hold a secret of the other system."""
    parts = urlsplit(webhook.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
