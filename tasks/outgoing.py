"""Registry of outboxes: which have messages to send, for beat and the sweep to notify their tasks."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from tasks import mail, webhook_sending
from tasks.mail_sending import MAILS
from tasks.outbox import Outbox

WAITING: Mapping[str, Callable[[Session], bool]] = {
    mail.TASK: MAILS.is_waiting,
    webhook_sending.TASK: webhook_sending.has_news,
}
"""By task name: whether the task would find something to send."""
OUTBOXES: Mapping[str, Outbox] = {"mails": MAILS, "deliveries": webhook_sending.DELIVERIES}
"""By the name that operators use."""


def outgoing_tasks(session: Session) -> list[str]:
    """Return the tasks that would find something to send now."""
    return [task for task, is_waiting in WAITING.items() if is_waiting(session)]
