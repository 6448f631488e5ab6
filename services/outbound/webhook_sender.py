"""Deliver webhooks: events become deliveries, deliveries are sent in leased batches.

A thread sends one webhook's share of a batch in order and stops at its first failure; then that webhook backs off, from
ten seconds to ten minutes, while the others go on. Order is not guaranteed.
"""

import json
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, transact
from models.core.timing import Timing
from models.queues.leased_queue import Lease
from models.queues.outbox import (
    DELIVERY_QUEUE,
    MAX_EVENTS_PER_BATCH,
    Webhook,
    WebhookDelivery,
    create_deliveries,
    record_answer,
)
from services.core.lease_heartbeat import lease_heartbeat
from services.core.text import pluralize
from services.outbound.config import IpNetwork, OutboundConfig
from services.outbound.webhook_http import DeliveryError, post_delivery, sign_webhook

log = logging.getLogger(__name__)

DELIVERY_THREADS = 4
DELIVERY_BUDGET_SECONDS = 5.0
"""Nothing is begun after this: the worker has other tasks, and the sweep notifies this one again."""
WEBHOOK_USER_AGENT = "Tapeless-Webhooks/1"

RECORD_WEBHOOK_FAILURE = text("""
    UPDATE webhook SET failures = failures + 1, last_error = :error, first_failed_at = coalesce(first_failed_at, now()),
        resting_until = now() + make_interval(secs => least(600, 10 * power(2, least(failures, 10))))
    WHERE id = :id
""")
RESET_WEBHOOK_FAILURES = text("""
    UPDATE webhook SET failures = 0, last_error = NULL, first_failed_at = NULL, resting_until = NULL
    WHERE id = :id AND (failures > 0 OR first_failed_at IS NOT NULL)
""")


@dataclass(frozen=True, slots=True)
class SendBudget:
    """Time budget and shared context of one run of the task."""

    sessions: Sessions
    networks: Sequence[IpNetwork]
    timing: Timing
    end: float
    """Deadline on the monotonic clock."""

    @property
    def is_over(self) -> bool:
        """Return whether the budget is spent."""
        return time.monotonic() >= self.end


@dataclass(frozen=True, slots=True)
class PreparedDelivery:
    """One leased delivery, read from the database before it is sent."""

    held: Lease
    delivery: WebhookDelivery
    webhook: Webhook


def send_webhooks(sessions: Sessions, timing: Timing, outside: OutboundConfig) -> int:
    """Expand new events and send due deliveries within the time budget; returns how many were delivered."""
    while transact(sessions, create_deliveries) == MAX_EVENTS_PER_BATCH:
        pass
    arrived, way = 0, SendBudget(sessions, outside.webhook_networks, timing, time.monotonic() + DELIVERY_BUDGET_SECONDS)
    while not way.is_over:
        held = transact(sessions, DELIVERY_QUEUE.claim, timing)
        if not held:
            break
        with lease_heartbeat(sessions, partial(DELIVERY_QUEUE.heartbeat, leases=held, timing=timing), timing):
            arrived += _send_all(way, held)
    return arrived


def _send_all(way: SendBudget, held: Sequence[Lease]) -> int:
    by_id = {lease.id: lease for lease in held}
    lines: dict[uuid.UUID, list[PreparedDelivery]] = defaultdict(list)
    with way.sessions() as session:
        # Without those whose webhook was just deleted.
        for delivery, webhook in session.execute(
            select(WebhookDelivery, Webhook)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(WebhookDelivery.id.in_(by_id))
            .order_by(WebhookDelivery.id)
        ):
            lines[webhook.id].append(PreparedDelivery(by_id[delivery.id], delivery, webhook))
    with ThreadPoolExecutor(DELIVERY_THREADS) as pool:
        return sum(pool.map(lambda line: _send_webhook_share(way, line), lines.values()))


def _send_webhook_share(way: SendBudget, line: list[PreparedDelivery]) -> int:
    """Send one webhook's share until a failure or the deadline; release what was not attempted."""
    arrived = 0
    while line and not way.is_over:
        if not _send_delivery(way, line.pop(0)):
            break
        arrived += 1
    transact(way.sessions, DELIVERY_QUEUE.release, [parcel.held for parcel in line])
    return arrived


def describe_quiet(details: Mapping[str, Any]) -> str:
    """Return what is known of a sequence that nothing came for: how many frames, which, and how many are missing."""
    holes = details.get("missing_frames", 0)
    return (
        f"nothing came for a while: {pluralize(details.get('file_count', 0), 'frame')}, {details.get('frames', '')}, "
        f"{pluralize(holes, 'hole') if holes else 'no holes'}"
    )


def _send_delivery(way: SendBudget, parcel: PreparedDelivery) -> bool:
    """Make one attempt and record it on the delivery and its webhook.

    The signature covers the time of the attempt, as receivers reject old timestamps.
    """
    delivery, webhook = parcel.delivery, parcel.webhook
    told: dict[str, Any] = {
        "id": str(delivery.id),
        "webhook_id": str(webhook.id),
        "event_type": delivery.event_type,
        "realm": delivery.realm,
        "operation": delivery.operation,
        "object_id": str(delivery.object_id),
        "date": delivery.event_at.isoformat(),
        **({"details": delivery.details} if delivery.details else {}),
        **({"text": describe_quiet(delivery.details)} if delivery.operation == "quiet" else {}),
    }
    body, moment = json.dumps(told, separators=(",", ":")).encode(), int(time.time())
    headers = {
        **webhook.headers,
        "content-type": "application/json",
        "user-agent": WEBHOOK_USER_AGENT,
        "webhook-id": told["id"],
        "webhook-timestamp": str(moment),
        "webhook-signature": sign_webhook(webhook.secret, told["id"], moment, body),
    }
    answer, reason = None, None
    try:
        answer = post_delivery(webhook.url, headers, body, way.networks, way.timing)
        if not 200 <= answer < 300:
            reason = f"answered {answer}" + (", and redirects are not followed" if 300 <= answer < 400 else "")
    except DeliveryError as error:
        reason = str(error)
    transact(way.sessions, lambda session: _record_result(session, parcel, answer, reason))
    return reason is None


def _record_result(session: Session, parcel: PreparedDelivery, answer: int | None, reason: str | None) -> None:
    record_answer(session, parcel.held, answer)
    if reason is None:
        DELIVERY_QUEUE.complete(session, [parcel.held])
        session.execute(RESET_WEBHOOK_FAILURES, {"id": parcel.webhook.id})
    else:
        DELIVERY_QUEUE.retry(session, [parcel.held], [reason])
        session.execute(RECORD_WEBHOOK_FAILURE, {"id": parcel.webhook.id, "error": reason[:2000]})
