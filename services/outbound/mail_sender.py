"""Send queued mails: leased in batches, composed and sent without an open transaction."""

import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.core.sessions import Sessions, read_snapshot, transact
from models.core.statements import in_array
from models.core.timing import Timing
from models.queues.leased_queue import Lease
from models.queues.outbox import IS_REFUSED_MAIL, MAIL_QUEUE, UNKNOWN_KIND_REASON, Mail
from services.core.lease_heartbeat import lease_heartbeat
from services.outbound.config import OutboundConfig
from services.outbound.mail_queue import CannotComposeMail, MailKind, MailMessage, MailRequest
from services.outbound.smtp import MailRefusedError, MailServerError, SmtpConnection

log = logging.getLogger(__name__)

MAIL_BUDGET_SECONDS = 5.0
"""No batch is begun after this: the worker has other tasks, and the sweep notifies this one again."""
NO_MAIL_SERVER_REASON = (
    "no mail server is set; set TAPELESS_SMTP_URL and TAPELESS_SMTP_FROM, start again, "
    "and run: tapeless jobs retry --all-dead-lettered"
)
NO_MAIL_SERVER_NOTICE = "not sent: no mail server is set"
OBSOLETE_MAIL_REASON = "not sent: what it was about has ended"


def send_mails(sessions: Sessions, timing: Timing, outside: OutboundConfig, kinds: Mapping[str, MailKind]) -> int:
    """Send due mails, composed as their kind says; return how many were sent."""
    transact(sessions, _requeue_refused, list(kinds))
    sent, end = 0, time.monotonic() + MAIL_BUDGET_SECONDS
    while time.monotonic() < end and (held := transact(sessions, MAIL_QUEUE.claim, timing)):
        with lease_heartbeat(sessions, partial(MAIL_QUEUE.heartbeat, leases=held, timing=timing), timing):
            sent += _send_batch(sessions, held, outside, kinds)
    return sent


def _requeue_refused(session: Session, kinds: Sequence[str]) -> None:
    """Requeue the mails of these kinds that a worker of an earlier version refused."""
    refused = session.scalars(select(Mail.id).where(text(IS_REFUSED_MAIL), in_array(Mail.kind, kinds))).all()
    if refused:
        MAIL_QUEUE.requeue(session, refused)


def _send_batch(
    sessions: Sessions, held: Sequence[Lease], outside: OutboundConfig, kinds: Mapping[str, MailKind]
) -> int:
    server = outside.mail_server
    if server is None:
        transact(sessions, _end_without_server, held, kinds)
        return 0
    left = list(held)
    try:
        with server.connect() as connection:
            while left:
                _send_mail(sessions, connection, left[0], outside, kinds)
                left.pop(0)
    except MailServerError as error:
        log.warning("mail: %s; tried again later", error)
        transact(sessions, MAIL_QUEUE.retry, left, [str(error)] * len(left))
    return len(held) - len(left)


def _end_without_server(session: Session, held: Sequence[Lease], kinds: Mapping[str, MailKind]) -> None:
    """End notices as not sent; what a person asked for is dead-lettered, and is sent once there is a server."""
    rows = session.execute(select(Mail.id, Mail.kind).where(in_array(Mail.id, [each.id for each in held])))
    is_notice = {key: name in kinds and kinds[name].is_notice for key, name in rows}
    notices = [each for each in held if is_notice.get(each.id)]
    others = [each for each in held if not is_notice.get(each.id)]
    MAIL_QUEUE.complete(session, notices, NO_MAIL_SERVER_NOTICE)
    MAIL_QUEUE.dead_letter(session, others, [NO_MAIL_SERVER_REASON] * len(others))


def _send_mail(
    sessions: Sessions,
    connection: SmtpConnection,
    held: Lease,
    outside: OutboundConfig,
    kinds: Mapping[str, MailKind],
) -> None:
    """Compose and send one mail, and record the outcome."""
    try:
        recipient, letter = read_snapshot(sessions, _compose, held, outside, kinds)
        if letter is not None:
            connection.send(str(held.id), recipient, letter.subject, letter.text)
    except CannotComposeMail as error:
        transact(sessions, MAIL_QUEUE.dead_letter, [held], [str(error)])
    except MailRefusedError as error:
        transact(sessions, MAIL_QUEUE.dead_letter if error.is_final else MAIL_QUEUE.retry, [held], [str(error)])
    else:
        transact(sessions, MAIL_QUEUE.complete, [held], OBSOLETE_MAIL_REASON if letter is None else None)


def _compose(
    session: Session, held: Lease, outside: OutboundConfig, kinds: Mapping[str, MailKind]
) -> tuple[str, MailMessage | None]:
    """Return recipient and message; a mail that cannot be composed is dead-lettered alone."""
    mail = session.get_one(Mail, held.id)
    kind = kinds.get(mail.kind)
    if kind is None:
        raise CannotComposeMail(f'"{mail.kind}" {UNKNOWN_KIND_REASON}')
    addressed = MailRequest(mail.id, mail.recipient, mail.arguments, outside.public_url, outside.key)
    try:
        return mail.recipient, kind.compose(session, addressed)
    except (CannotComposeMail, DBAPIError):
        raise
    except Exception as error:  # its text may hold a secret that the composer derived, so only the type is stored
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("mail %s could not be written: %s\n%s", held.id, type(error).__name__, where)
        raise CannotComposeMail(f"writing it failed ({type(error).__name__}); the log of the worker has more") from None
