"""Send queued mails: leased in batches, composed and sent without an open transaction."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from celery import shared_task
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.mail import Mail
from models.sessions import Sessions, snapshot, transact
from models.timing import Timing
from tasks.lease_keeper import keep_renewing
from tasks.letter import Addressed, CannotWrite, Letter
from tasks.letters import LETTERS
from tasks.mail import TASK
from tasks.mail_server import Connection, MailRefusedError, MailServerError
from tasks.outbox import Outbox, Sending
from tasks.outside import Outside

log = logging.getLogger(__name__)

MAILS = Outbox("mail")
AT_ONCE = 20
BUDGET_SECONDS = 5.0
"""No batch is begun after this: the worker has other tasks, and the sweep notifies this one again."""
NO_SERVER = (
    "no mail server is set; set TAPELESS_SMTP_URL and TAPELESS_SMTP_FROM, start again, "
    "and run: tapeless jobs retry --all-parked"
)
Finish = Callable[[Session, Sending, Any], bool]
NO_PURPOSE = "not sent: what it was about has ended"


def send_mails(sessions: Sessions, timing: Timing, outside: Outside) -> int:
    """Send due mails; returns how many went out."""
    sent, end = 0, time.monotonic() + BUDGET_SECONDS
    while time.monotonic() < end and (
        held := transact(sessions, lambda session: MAILS.claim(session, AT_ONCE, timing))
    ):
        with keep_renewing(sessions, lambda session, held=held: MAILS.renew(session, held, timing), timing):
            sent += _send_batch(sessions, held, outside)
    return sent


def _send_batch(sessions: Sessions, held: Sequence[Sending], outside: Outside) -> int:
    server = outside.mail_server
    if server is None:
        transact(sessions, lambda session: [MAILS.park(session, each, NO_SERVER) for each in held])
        return 0
    left = list(held)
    try:
        with server.connect() as connection:
            while left:
                _finish(sessions, left[0], *_send(sessions, connection, left[0], outside))
                left.pop(0)
    except MailServerError as error:
        reason = str(error)
        log.warning("mail: %s; tried again later", reason)
        transact(sessions, lambda session: [MAILS.fail(session, each, reason) for each in left])
    return len(held) - len(left)


def _finish(sessions: Sessions, held: Sending, finish: Finish, reason: str | None) -> None:
    transact(sessions, lambda session: finish(session, held, reason))


def _send(sessions: Sessions, connection: Connection, held: Sending, outside: Outside) -> tuple[Finish, str | None]:
    """Compose and send one mail; returns the outbox method that records the outcome, and why it was not sent."""
    try:
        recipient, letter = _write(sessions, held, outside)
        if letter is None:
            return MAILS.done, NO_PURPOSE
        connection.send(str(held.id), recipient, letter.subject, letter.text)
    except CannotWrite as error:
        return MAILS.park, str(error)
    except MailRefusedError as error:
        return MAILS.park if error.is_final else MAILS.fail, str(error)
    return MAILS.done, None


def _write(sessions: Sessions, held: Sending, outside: Outside) -> tuple[str, Letter | None]:
    """Return recipient and message; a mail that cannot be composed is dead-lettered alone."""

    def write(session: Session) -> tuple[str, Letter | None]:
        mail = session.get_one(Mail, held.id)
        writer = LETTERS.get(mail.kind)
        if writer is None:
            raise CannotWrite(f'"{mail.kind}" is no kind of mail that this version knows')
        addressed = Addressed(mail.id, mail.recipient, mail.arguments, outside.public_url, outside.key)
        return mail.recipient, writer(session, addressed)

    try:
        return snapshot(sessions, write)
    except (CannotWrite, DBAPIError):
        raise
    except Exception as error:  # its text may hold a secret that the composer derived, so only the type is stored
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("mail %s could not be written: %s\n%s", held.id, type(error).__name__, where)
        raise CannotWrite(f"writing it failed ({type(error).__name__}); the log of the worker has more") from None


@shared_task(name=TASK, bind=True, ignore_result=True)
def send(self: object, _ids: Sequence[object] = ()) -> None:
    """Send due mails; a duplicate or late message finds nothing to do."""
    context = self.app.context
    send_mails(context.sessions, context.timing, context.outside)
