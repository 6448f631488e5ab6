"""Policies of the routes of `notifications`: webhooks report on every object, so only administrators manage them."""

from tests.api.policy import Policy, administrators_may

WEBHOOK = {"url": "https://example.org/hook", "event_type": "assets"}

POLICIES: dict[str, Policy] = {
    "GET notifications/v1/webhooks/": administrators_may(200),
    "POST notifications/v1/webhooks/": administrators_may(201, WEBHOOK),
    "GET notifications/v1/webhooks/{webhook_id}/": administrators_may(200),
    "PUT notifications/v1/webhooks/{webhook_id}/": administrators_may(200, WEBHOOK),
    "PATCH notifications/v1/webhooks/{webhook_id}/": administrators_may(200, {"name": "x"}),
    "DELETE notifications/v1/webhooks/{webhook_id}/": administrators_may(204),
    "POST notifications/v1/webhooks/{webhook_id}/secret/": administrators_may(201),
    "GET notifications/v1/webhooks/{webhook_id}/deliveries/": administrators_may(200),
    "GET notifications/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/": administrators_may(200),
    "POST notifications/v1/webhooks/{webhook_id}/deliveries/retry/": administrators_may(200, {}),
}
