"""What other systems publish runs the task that it names, and nothing else."""

import json
from typing import Any

import pytest
from celery import Celery, Signature
from celery.app.amqp import task_message

from workers.celery.guarded_consumer import (
    KNOWN_HEADERS,
    MAX_MESSAGE_BYTES,
    find_message_problem,
    strip_headers,
)

CALLBACK = Signature("maintenance.tidy", args=[[]], options={"queue": "maintenance"})


def published(**options: Any) -> task_message:
    """A message as Celery publishes it."""
    return Celery(set_as_current=False).amqp.as_task_v2("id", "trigger.scan", [], {"storage": "x"}, **options)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    "options",
    [
        {"callbacks": [CALLBACK]},
        {"errbacks": [CALLBACK]},
        {"chain": [CALLBACK]},
        {"chord": CALLBACK},
        {"countdown": 60},
        {"eta": "2030-01-01T00:00:00+00:00"},
        {"group_id": "others"},
        {"stamped_headers": ["on"], "on": "x"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_message_that_asks_for_more_than_its_task_is_refused(options: dict[str, Any]) -> None:
    message = published(**options)
    assert find_message_problem(message.headers, encoded(message.body)) is not None


def test_what_celery_publishes_for_one_task_is_accepted_with_the_trace_of_its_sender() -> None:
    message = published(retries=1, expires=60, root_id="r", parent_id="p", shadow="s", ignore_result=True)
    headers = message.headers | {"traceparent": "00-1-2-01"}
    assert headers.keys() - KNOWN_HEADERS == {"timelimit"}
    assert find_message_problem(headers, encoded(message.body)) is None
    before = dict(headers)
    strip_headers(headers)
    assert headers == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"[[], {}]",
        b'[{}, [], {"callbacks": null}]',
        b"\xff\xfe",
        b"[" * 100_000,
        b'[[], {}, "chain"]',
        b'[[], {}, {"other": [1]}]',
        encoded([["x" * MAX_MESSAGE_BYTES], {}, {}]),
    ],
    ids=range(10),
)
def test_a_body_that_is_not_plain_arguments_is_refused(body: bytes) -> None:
    assert find_message_problem({"task": "trigger.scan"}, body) is not None


@pytest.mark.parametrize("headers", [None, [], "task", {}, {"task": None}, {"task": ["trigger.scan"]}])
def test_a_message_without_a_task_is_refused(headers: Any) -> None:
    assert find_message_problem(headers, b"[[], {}, {}]") is not None


def test_unknown_headers_are_removed_and_long_ones_cut() -> None:
    headers = {"task": "trigger.scan", "x-secret": "s", "compression": "zlib", "timelimit": [9_999, 9_999]}
    headers |= {"argsrepr": "x" * 5_000}
    strip_headers(headers)
    assert headers == {"task": "trigger.scan", "timelimit": [None, None], "argsrepr": "x" * 1_000}
