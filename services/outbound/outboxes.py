"""Registry of outboxes: which have messages to send, for beat and the sweep to notify their tasks."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from services.outbound import mail_queue, webhook_sender
from services.outbound.mail_sender import MAIL_OUTBOX
from services.outbound.outbox import Outbox

OUTBOX_TASKS: Mapping[str, Callable[[Session], bool]] = {
    mail_queue.MAIL_TASK: MAIL_OUTBOX.is_waiting,
    webhook_sender.WEBHOOK_TASK: webhook_sender.has_webhook_work,
}
"""By task name: whether the task would find something to send."""
OUTBOXES: Mapping[str, Outbox] = {"mails": MAIL_OUTBOX, "deliveries": webhook_sender.DELIVERY_OUTBOX}
"""By the name that operators use."""


def tasks_with_messages(session: Session) -> list[str]:
    """Return the tasks that would find something to send now."""
    return [task for task, is_waiting in OUTBOX_TASKS.items() if is_waiting(session)]
