"""Registry of the kinds of mails, and how each is composed."""

from sqlalchemy.orm import Session

from services.approvals.notices import APPROVAL_ASKED_MAIL, APPROVAL_DECIDED_MAIL
from services.mails.approvals import compose_approval_asked, compose_approval_decided
from services.mails.failures import FAILURES_MAIL, compose_failures
from services.mails.shares import compose_share_mail
from services.mails.templates import mail_test_text
from services.outbound.mail_queue import MailKind, MailMessage, MailRequest
from services.shares.recipients import SHARE_MAIL_KIND


def _compose_test(_session: Session, addressed: MailRequest) -> MailMessage:
    return mail_test_text(addressed.public_url)


MAIL_KINDS: dict[str, MailKind] = {
    "test": MailKind(_compose_test),
    SHARE_MAIL_KIND: MailKind(compose_share_mail),
    APPROVAL_ASKED_MAIL: MailKind(compose_approval_asked, is_notice=True),
    APPROVAL_DECIDED_MAIL: MailKind(compose_approval_decided, is_notice=True),
    FAILURES_MAIL: MailKind(compose_failures, is_notice=True),
}
"""By the kind that `queue_mail` and `queue_notices` are given."""
