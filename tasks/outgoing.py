"""Which outboxes have something to send: what beat looks at, and what the sweep rings for."""

from sqlalchemy.orm import Session

from tasks import mail
from tasks.mail_sending import MAILS

OUTBOXES = {mail.TASK: MAILS}
"""By the task that sends it."""


def outgoing_tasks(session: Session) -> list[str]:
    """The tasks that would find something to send now."""
    return [task for task, outbox in OUTBOXES.items() if outbox.is_waiting(session)]
