"""Send queued mails: leased in batches, composed and sent without an open transaction."""

import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, read_snapshot, transact
from models.core.timing import Timing
from models.queues.mail import Mail
from services.core.lease_heartbeat import lease_heartbeat
from services.outbound.config import OutboundConfig
from services.outbound.mail_message import CannotComposeMail, MailComposer, MailMessage, MailRequest
from services.outbound.outbox import LeasedMessage, Outbox
from services.outbound.smtp import MailRefusedError, MailServerError, SmtpConnection

log = logging.getLogger(__name__)

MAIL_OUTBOX = Outbox("mail")
MAX_MAILS_PER_BATCH = 20
MAIL_BUDGET_SECONDS = 5.0
"""No batch is begun after this: the worker has other tasks, and the sweep notifies this one again."""
NO_MAIL_SERVER_REASON = (
    "no mail server is set; set TAPELESS_SMTP_URL and TAPELESS_SMTP_FROM, start again, "
    "and run: tapeless jobs retry --all-dead-lettered"
)
MailOutcome = Callable[[Session, LeasedMessage, Any], bool]
OBSOLETE_MAIL_REASON = "not sent: what it was about has ended"


def send_mails(sessions: Sessions, timing: Timing, outside: OutboundConfig, writers: Mapping[str, MailComposer]) -> int:
    """Send due mails, composed by the writer of their kind; return how many were sent."""
    sent, end = 0, time.monotonic() + MAIL_BUDGET_SECONDS
    while time.monotonic() < end and (
        held := transact(sessions, lambda session: MAIL_OUTBOX.claim(session, MAX_MAILS_PER_BATCH, timing))
    ):
        with lease_heartbeat(sessions, partial(MAIL_OUTBOX.renew, held=held, timing=timing), timing):
            sent += _send_batch(sessions, held, outside, writers)
    return sent


def _send_batch(
    sessions: Sessions, held: Sequence[LeasedMessage], outside: OutboundConfig, writers: Mapping[str, MailComposer]
) -> int:
    server = outside.mail_server
    if server is None:
        transact(
            sessions, lambda session: [MAIL_OUTBOX.dead_letter(session, each, NO_MAIL_SERVER_REASON) for each in held]
        )
        return 0
    left = list(held)
    try:
        with server.connect() as connection:
            while left:
                _record_outcome(sessions, left[0], *_send_mail(sessions, connection, left[0], outside, writers))
                left.pop(0)
    except MailServerError as error:
        reason = str(error)
        log.warning("mail: %s; tried again later", reason)
        transact(sessions, lambda session: [MAIL_OUTBOX.fail(session, each, reason) for each in left])
    return len(held) - len(left)


def _record_outcome(sessions: Sessions, held: LeasedMessage, finish: MailOutcome, reason: str | None) -> None:
    transact(sessions, lambda session: finish(session, held, reason))


def _send_mail(
    sessions: Sessions,
    connection: SmtpConnection,
    held: LeasedMessage,
    outside: OutboundConfig,
    writers: Mapping[str, MailComposer],
) -> tuple[MailOutcome, str | None]:
    """Compose and send one mail; returns the outbox method that records the outcome, and why it was not sent."""
    try:
        recipient, letter = _compose(sessions, held, outside, writers)
        if letter is None:
            return MAIL_OUTBOX.done, OBSOLETE_MAIL_REASON
        connection.send(str(held.id), recipient, letter.subject, letter.text)
    except CannotComposeMail as error:
        return MAIL_OUTBOX.dead_letter, str(error)
    except MailRefusedError as error:
        return MAIL_OUTBOX.dead_letter if error.is_final else MAIL_OUTBOX.fail, str(error)
    return MAIL_OUTBOX.done, None


def _compose(
    sessions: Sessions, held: LeasedMessage, outside: OutboundConfig, writers: Mapping[str, MailComposer]
) -> tuple[str, MailMessage | None]:
    """Return recipient and message; a mail that cannot be composed is dead-lettered alone."""

    def write(session: Session) -> tuple[str, MailMessage | None]:
        mail = session.get_one(Mail, held.id)
        writer = writers.get(mail.kind)
        if writer is None:
            raise CannotComposeMail(f'"{mail.kind}" is no kind of mail that this version knows')
        addressed = MailRequest(mail.id, mail.recipient, mail.arguments, outside.public_url, outside.key)
        return mail.recipient, writer(session, addressed)

    try:
        return read_snapshot(sessions, write)
    except (CannotComposeMail, DBAPIError):
        raise
    except Exception as error:  # its text may hold a secret that the composer derived, so only the type is stored
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("mail %s could not be written: %s\n%s", held.id, type(error).__name__, where)
        raise CannotComposeMail(f"writing it failed ({type(error).__name__}); the log of the worker has more") from None
