"""Consumer that checks each message before a task sees it, because other systems may publish to the queue `trigger`.

Celery runs what a message carries beside its arguments: tasks to call afterwards or on an error (`chain`, `chord`,
`link`), on any queue and with this process's rights on the broker. Our own messages carry none of that, so no message
may. A refused one is rejected for good and logged with its reason. Logs never hold bodies, which may be secret; Celery
logs them whole where it does not understand a message.
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from celery import signals
from celery.worker.consumer import Consumer
from kombu.message import Message

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 256 * 1024
MAX_REPR_LENGTH = 1_000
"""Length of the arguments as Flower shows them; a client writes them as it likes."""
KNOWN_HEADERS = frozenset(
    {
        *("lang", "task", "id", "root_id", "parent_id", "origin", "argsrepr", "kwargsrepr", "retries", "shadow"),
        *("ignore_result", "replaced_task_nesting", "expires", "traceparent", "tracestate", "baggage"),
        *("eta", "group", "group_index", "stamps", "stamped_headers"),
    }
)
EMPTY_HEADERS = ("eta", "group", "group_index", "stamps", "stamped_headers")
"""Headers of Celery's protocol that must have no value: a task runs at once, and alone."""


def find_message_problem(headers: object, body: bytes | str) -> str | None:
    """Return why a message is refused, or None. Unknown headers are no reason, since `strip_headers` removes them."""
    if not isinstance(headers, Mapping) or not isinstance(headers.get("task"), str):
        return "it names no task in its headers, as protocol 2 of Celery does"
    if len(body) > MAX_MESSAGE_BYTES:
        return f"its body has {len(body):,} bytes; {MAX_MESSAGE_BYTES:,} are the most"
    for name in EMPTY_HEADERS:
        value = headers.get(name)
        if any(value) if isinstance(value, (list, tuple)) else value:
            return f'it has the header "{name}"; tasks run at once and alone'
    try:
        args, kwargs, embedded = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return "its body is not the JSON of arguments, named arguments and embedded tasks"
    if not isinstance(args, list) or not isinstance(kwargs, dict) or not isinstance(embedded, dict | None):
        return "its body is not the JSON of arguments, named arguments and embedded tasks"
    carried = sorted(name for name, value in (embedded or {}).items() if value)
    return (
        f"it carries further tasks ({', '.join(carried)[:80]}); send each as a message of its own" if carried else None
    )


def strip_headers(headers: dict[str, Any]) -> None:
    """Remove headers that Tapeless does not know, and limits of time: a task has its own. Shorten the arguments as they
    are shown."""
    for name in headers.keys() - KNOWN_HEADERS:
        del headers[name]
    headers["timelimit"] = [None, None]
    for name in ("argsrepr", "kwargsrepr"):
        if name in headers:
            headers[name] = str(headers[name])[:MAX_REPR_LENGTH]


class GuardedConsumer(Consumer):
    """Celery's consumer, with that check in front, and without bodies in its logs."""

    def create_task_handler(self, *given: Any) -> Callable[[Message], None]:
        """Return the function that receives each message."""
        handle = super().create_task_handler(*given)

        def receive(message: Message) -> None:
            problem = find_message_problem(message.headers, message.body)
            if problem is not None:
                self.refuse(message, problem)
                return
            strip_headers(message.headers)
            handle(message)

        return receive

    def refuse(self, message: Message, problem: str, error: str = "Refused") -> None:
        """Reject a message for good. The log and Flower say why, and nothing of what it holds but its task and id."""
        headers = message.headers if isinstance(message.headers, Mapping) else {}
        task, task_id = str(headers.get("task"))[:80], str(headers.get("id"))[:80]
        log.error("message %r for the task %r was refused: %s", task_id, task, problem)
        message.reject_log_error(log, self.connection_errors)
        if self.event_dispatcher:
            self.event_dispatcher.send("task-failed", uuid=task_id, exception=f"{error}({task!r}): {problem}")
        signals.task_rejected.send(sender=self, message=message, exc=None)

    def on_unknown_message(self, _body: object, message: Message) -> None:
        """Refuse a message that is none of Celery's."""
        self.refuse(message, "it is not a message of Celery's protocol")

    def on_unknown_task(self, _body: object, message: Message, _error: Exception) -> None:
        """Refuse a message for a task that this worker does not run."""
        self.refuse(message, "this worker has no such task", "NotRegistered")

    def on_invalid_task(self, _body: object, message: Message, error: Exception) -> None:
        """Refuse a message that Celery cannot turn into a call."""
        self.refuse(message, f"{type(error).__name__} while it was read")

    def on_decode_error(self, message: Message, error: Exception) -> None:
        """Drop a message that cannot be decoded."""
        self.refuse(message, f"it cannot be decoded ({type(error).__name__})")
