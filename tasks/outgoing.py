"""Which outboxes have something to send: what beat looks at, and what the sweep rings for."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from tasks import mail, webhook_sending
from tasks.mail_sending import MAILS
from tasks.outbox import Outbox

WAITING: Mapping[str, Callable[[Session], bool]] = {
    mail.TASK: MAILS.is_waiting,
    webhook_sending.TASK: webhook_sending.has_news,
}
"""By the task that sends it."""
OUTBOXES: Mapping[str, Outbox] = {"mails": MAILS, "deliveries": webhook_sending.DELIVERIES}
"""By what operators call what is in it."""


def outgoing_tasks(session: Session) -> list[str]:
    """The tasks that would find something to send now."""
    return [task for task, is_waiting in WAITING.items() if is_waiting(session)]
