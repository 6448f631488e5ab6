"""Responses about webhooks and their deliveries."""

from typing import Literal

from typing_extensions import TypedDict

from asgi.answers import DateText, IdText, JsonMap


class WebhookAnswer(TypedDict):
    """A webhook; of its headers only the names."""

    id: IdText
    name: str
    description: str
    url: str
    event_type: str
    realm: str | None
    operation: str | None
    object_id: IdText | None
    query: None
    status: Literal["ENABLED", "DISABLED", "FAILING"]
    headers: dict[str, str]
    first_failed_at: DateText | None
    last_error: str | None
    deleted_at: None
    date_created: DateText
    date_modified: DateText


class WebhookWithSecretAnswer(WebhookAnswer):
    """A webhook with its secret, which only the responses that make one show."""

    secret: str


class DeliveryAnswer(TypedDict):
    """One delivery of a webhook."""

    id: IdText
    webhook_id: IdText
    event_type: str
    realm: str
    operation: str
    object_id: IdText
    event_date: DateText
    details: JsonMap
    status: Literal["WAITING", "SENT", "PARKED"]
    tries: int
    answer: int | None
    error: str | None
    next_try: DateText | None
    date_created: DateText
    date_sent: DateText | None


class DeliveryRetryAnswer(TypedDict):
    """Number of deliveries to retry."""

    retried: int
