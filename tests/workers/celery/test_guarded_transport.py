"""What other systems push to a queue ends no worker, unpacks nothing, and goes to no other queue."""

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import kombu
import pytest
import redis
from kombu.transport import get_transport_cls
from redis.backoff import NoBackoff
from redis.retry import Retry

import workers.celery.app  # noqa: F401 - as in all processes
from workers.celery.guarded_transport import MAX_ENVELOPE_BYTES, InvalidEnvelope, claim_envelope
from workers.embedded.valkey import EmbeddedValkey
from workers.local_stack import choose_port

PROPERTIES = {"delivery_tag": "t", "body_encoding": "base64", "priority": 0}
HEADERS = {"task": "trigger.scan", "id": "7"}


def envelope(*, properties: Any = None, body: bytes = b"[[], {}, {}]", **others: Any) -> dict[str, Any]:
    said = {"delivery_info": {"exchange": "", "routing_key": "trigger"}, **PROPERTIES, **(properties or {})}
    known = {"content-type": "application/json", "content-encoding": "utf-8", "headers": HEADERS}
    return {"body": base64.b64encode(body).decode(), "properties": said, **known, **others}


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()


BOMB = envelope(body=zlib.compress(b"[" * 50_000_000), headers={**HEADERS, "compression": "gzip"})
HOSTILE = {
    "no JSON": b"x",
    "no text": b"\xff",
    "deep": b"[" * 100_000,
    "large": encode(envelope(headers={"x": "x" * MAX_ENVELOPE_BYTES})),
    "a list": b"[]",
    "no properties": encode({"body": "x"}),
    "properties without names": encode({**envelope(), "properties": ["delivery_tag"]}),
    "headers without names": encode(envelope(headers=["task"])),
    "no body": encode(envelope() | {"body": None}),
    "a body of no text": encode(envelope() | {"body": {}}),
    "a body that is not what it says": encode(envelope() | {"body": "abc"}),
    "an unknown encoding": encode(envelope(properties={"body_encoding": "hex"})),
    "an encoding of no text": encode(envelope(properties={"body_encoding": {}})),
    "compressed": encode(BOMB),
    "compressed in an unknown way": encode(envelope(headers={"compression": ["x"]})),
    "pickled": encode(envelope() | {"content-type": "application/x-python-serialize"}),
    "unpacked as it is decoded": encode(envelope() | {"content-encoding": "bz2"}),
    "YAML": encode(envelope() | {"content-type": "application/x-yaml"}),
    "a type of no text": encode(envelope() | {"content-type": {}}),
    "an invalid date": encode(envelope(headers={"x": {"__type__": "datetime", "__value__": "x"}})),
    "an invalid date in disguise": encode(envelope(headers={"x": 7})).replace(
        b'"x": 7', b'"x": {"\\u005f_type__": "datetime", "__value__": 7}'
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_message_is_dropped_before_celery_reads_it(kind: str) -> None:
    with pytest.raises(InvalidEnvelope):
        claim_envelope(HOSTILE[kind], "trigger")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"delivery_info": {"exchange": "maintenance", "routing_key": "maintenance"}},
        {"delivery_info": {"exchange": "", "routing_key": "maintenance"}},
        {"delivery_info": None},
        {"delivery_info": ["maintenance"]},
        {"delivery_tag": {}},
        {"priority": "x"},
        {"priority": 10**400},
        {"priority": []},
    ],
    ids=str,
)
def test_a_message_is_of_the_queue_that_it_was_on(said: dict[str, Any]) -> None:
    claimed = json.loads(claim_envelope(encode(envelope(properties=said)), "trigger"))
    assert claimed["properties"]["delivery_info"] == {"exchange": "", "routing_key": "trigger", "priority": 0}
    assert claimed["properties"]["delivery_tag"] not in ("t", {})
    assert (claimed["body"], claimed["headers"]) == (envelope()["body"], HEADERS)


@pytest.mark.parametrize("encoding", [None, "utf-8", "UTF-8", "binary"])
def test_a_message_in_utf_8_is_received_as_any_client_calls_it(encoding: str | None) -> None:
    assert claim_envelope(encode(envelope() | {"content-encoding": encoding}), "trigger")


def test_a_message_keeps_its_priority() -> None:
    claimed = json.loads(claim_envelope(encode(envelope(properties={"priority": 9})), "trigger"))
    assert claimed["properties"]["priority"] == claimed["properties"]["delivery_info"]["priority"] == 9


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A broker with a port for other systems."""
    server = EmbeddedValkey(tmp_path_factory.mktemp("opened"), choose_port(None))
    server.start()
    yield server
    server.stop()


def stranger(server: EmbeddedValkey) -> redis.Redis:
    """Another system, with a client of its own."""
    return redis.Redis.from_url(str(server.producer_url()), retry=Retry(NoBackoff(), 0))


def test_after_hostile_messages_the_next_is_received_and_goes_back_to_its_own_queue(opened: EmbeddedValkey) -> None:
    elsewhere = envelope(properties={"delivery_info": {"exchange": "trigger", "routing_key": "maintenance"}})
    with closing(stranger(opened)) as client:
        # Whatever it binds leads nowhere: a malformed one would raise, a good one lead to another queue.
        client.sadd("_kombu.binding.trigger", "x", "maintenance\x06\x16\x06\x16maintenance")
        client.lpush("trigger", *HOSTILE.values(), encode(elsewhere))
    received: list[kombu.Message] = []
    with kombu.Connection(opened.url()) as connection, connection.channel() as channel:
        queue = kombu.Queue("trigger", kombu.Exchange("trigger"), routing_key="trigger", channel=channel)
        with kombu.Consumer(channel, [queue], on_message=received.append, accept=["json"]):
            while not received:
                connection.drain_events(timeout=10)
    # The channel was closed as that of a worker that ends, with a message that is not done.
    assert [message.body for message in received] == [b"[[], {}, {}]"]
    with closing(opened.client()) as client:
        assert {name: client.llen(name) for name in ("trigger", "maintenance")} == {"trigger": 1, "maintenance": 0}


@pytest.mark.parametrize(
    "command",
    [("SADD", "trigger", "x"), ("SADD", "trigger\x06\x163", "x"), ("LPUSH", "_kombu.binding.trigger", "x")],
    ids=" ".join,
)
def test_no_key_can_be_made_what_it_is_not(opened: EmbeddedValkey, command: tuple[str, ...]) -> None:
    """A queue that is a set could be read by no worker."""
    with closing(stranger(opened)) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "sentinel"])
def test_all_processes_of_celery_use_it(scheme: str) -> None:
    assert get_transport_cls(scheme).__module__ == "workers.celery.guarded_transport"
