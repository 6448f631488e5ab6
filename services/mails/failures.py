"""The digest of failures for administrators: once a day, and only if something failed since the last one, or the disk
of a folder that Tapeless writes to is almost full."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.queues.outbox import Mail
from services.core.free_space import find_low_space
from services.mails.templates import MailedFailure, failures_text
from services.operations.backlog import BacklogItem, list_backlog
from services.operations.status import read_status
from services.outbound.mail_queue import MailMessage, MailRequest
from services.outbound.notices import notified_administrators, queue_notices

FAILURES_MAIL = "failures"
DIGEST_INTERVAL = timedelta(days=1)
FAILED_STATES = ("FAILED", "PARKED")


def queue_failure_digest(session: Session, own_folders: Mapping[str, Path]) -> int:
    """Queue the digest if the last one is a day old and something failed since, or space is low; return the number of
    mails. `own_folders` are those that Tapeless writes to on this machine."""
    since = datetime.now(UTC) - DIGEST_INTERVAL
    last = session.scalar(select(func.max(Mail.date_created)).where(Mail.kind == FAILURES_MAIL))
    if last is not None and last > since:
        return 0
    if not _failures_since(session, last or since) and not find_low_space(own_folders):
        return 0
    return queue_notices(session, FAILURES_MAIL, notified_administrators(session))


def compose_failures(session: Session, addressed: MailRequest, own_folders: Mapping[str, Path]) -> MailMessage | None:
    """Compose the digest of what is wrong now; None if all of it is solved meanwhile, or its reader is no administrator
    any more: a mail may wait for its server for a day."""
    if addressed.recipient not in map(str.lower, notified_administrators(session)):
        return None
    status = read_status(session, own_folders)
    failures = _failures_since(session, datetime.min.replace(tzinfo=UTC))
    listed = [MailedFailure(folder, text) for folder, text in status.low_space.items()]
    listed += [MailedFailure(each.what, each.why or "no reason is known") for each in failures]
    return failures_text(status.problems, listed, addressed.public_url) if listed else None


def _failures_since(session: Session, moment: datetime) -> Sequence[BacklogItem]:
    """Return what failed after a moment and still needs a person, newest first."""
    failed = [each for each in list_backlog(session) if each.state in FAILED_STATES and each.since is not None]
    recent = [each for each in failed if each.since is not None and each.since > moment]
    return sorted(recent, key=lambda each: str(each.since), reverse=True)
