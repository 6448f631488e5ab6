"""Redis transport of Celery that checks what it takes from a queue, before Celery reads it.

Other systems may push to the queue `trigger`, with any client of Redis. Celery's transport trusts what it finds there:

1. What is no message raises wherever it is read, and ends the worker.
2. A message says which queue it came from. Where it is put back, as after the kill of a worker, it goes to that queue,
   with this process's rights: a message on `trigger` would run any task of another worker.
3. A compressed body is unpacked at once, to any size; one in an encoding such as `bz2` is, where its task begins.

So all that follows is said by this process: where a message came from, and its tag. Ours are not compressed; those that
are, or that are no message, are dropped, and the log says why and never what they hold.
"""

import base64
import json
import logging
import uuid
from typing import Any

import redis
from kombu.transport.redis import Channel, SentinelChannel, SentinelTransport, Transport

from workers.celery.guarded_consumer import MAX_MESSAGE_BYTES

log = logging.getLogger(__name__)

MAX_ENVELOPE_BYTES = 2 * MAX_MESSAGE_BYTES
"""A body in base64, with its headers; what answers `inspect` has less."""
PRIORITY_SEPARATOR = b"\x06\x16"
"""Between the name of a queue and a priority, in the names of its lists."""
MAX_PRIORITY = 9
TEXT_ENCODINGS = (None, "utf-8", "UTF-8", "utf8", "binary")
TYPED_VALUE = b'"__type__"'
"""Key of an object that kombu makes a value of another type from, and raises if it cannot."""


class InvalidEnvelope(ValueError):
    """What was on a queue is no message; says why."""


def claim_envelope(raw: bytes, queue: str) -> bytes:
    """Return a message as this process takes it from a queue.

    Raises:
        InvalidEnvelope: it is none of Celery's.
    """
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise InvalidEnvelope(f"it has {len(raw):,} bytes; {MAX_ENVELOPE_BYTES:,} are the most")
    try:
        envelope = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidEnvelope("it is not JSON") from None
    if not isinstance(envelope, dict) or not isinstance(properties := envelope.get("properties"), dict):
        raise InvalidEnvelope("it has no properties")
    if not isinstance(headers := envelope.get("headers") or {}, dict):
        raise InvalidEnvelope("its headers have no names")
    if headers.get("compression"):
        raise InvalidEnvelope("it is compressed")
    if envelope.get("content-type") != "application/json" or envelope.get("content-encoding") not in TEXT_ENCODINGS:
        raise InvalidEnvelope("its content is not said to be JSON in UTF-8")
    _check_body(envelope.get("body"), properties.get("body_encoding"))
    priority = properties.get("priority")
    properties["priority"] = priority if priority in range(MAX_PRIORITY + 1) else 0
    # The nameless exchange leads to the queue of that name, also where others bind to exchanges.
    properties["delivery_info"] = {"exchange": "", "routing_key": queue, "priority": properties["priority"]}
    properties["delivery_tag"] = str(uuid.uuid4())
    claimed = json.dumps({**envelope, "headers": headers}).encode()
    if TYPED_VALUE in claimed:
        raise InvalidEnvelope("it has typed values")
    return claimed


def _check_body(body: Any, encoding: Any) -> None:
    if not isinstance(body, str) or encoding not in (None, "base64"):
        raise InvalidEnvelope("its body is not encoded as base64")
    try:
        if encoding is not None:
            base64.b64decode(body)
    except ValueError:
        raise InvalidEnvelope("its body is not encoded as base64") from None


class GuardedClient(redis.Redis):
    """Client that takes messages off lists for a channel."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Read an answer; one with an invalid message is as one without any."""
        untyped: Any = super()
        answer = untyped.parse_response(connection, command_name, **options)
        if command_name != "BRPOP" or not answer:
            return answer
        place, raw = answer
        queue = place.partition(PRIORITY_SEPARATOR)[0].decode()
        try:
            return place, claim_envelope(raw, queue)
        except InvalidEnvelope as problem:
            log.error("a message on the queue %s was dropped: %s", queue, problem)
            return None


class GuardedChannel(Channel):
    """Channel on one server."""

    def _get_client(self) -> type[redis.Redis]:
        untyped: Any = super()
        untyped._get_client()
        return GuardedClient


class GuardedSentinelChannel(SentinelChannel):
    """Channel on the master of a group."""

    def _get_client(self) -> type[redis.Redis]:
        untyped: Any = super()
        untyped._get_client()
        return GuardedClient


class GuardedTransport(Transport):
    """Transport to one server."""

    Channel = GuardedChannel


class GuardedSentinelTransport(SentinelTransport):
    """Transport to the master of a group."""

    Channel = GuardedSentinelChannel
