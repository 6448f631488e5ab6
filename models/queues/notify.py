"""The type of a function that sends a wake-up message."""

from collections.abc import Callable, Sequence

Notifier = Callable[[str, Sequence[object]], None]
"""`notify(task_name, ids)` puts a message on the task's queue. It never raises where the broker is down: the rows wait,
and the sweep finds them."""


def leave_to_beat(_task: str, _ids: Sequence[object]) -> None:
    """Send nothing, where the notification is left to beat."""
