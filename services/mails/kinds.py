"""Registry of the kinds of mails, and how each is composed."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

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


def make_mail_kinds(own_folders: Mapping[str, Path]) -> dict[str, MailKind]:
    """Return the kinds by the names that `queue_mail` and `queue_notices` are given; `own_folders` are those that
    Tapeless writes to on this machine."""
    compose_digest = partial(compose_failures, own_folders=own_folders)
    return {
        "test": MailKind(_compose_test),
        SHARE_MAIL_KIND: MailKind(compose_share_mail),
        APPROVAL_ASKED_MAIL: MailKind(compose_approval_asked, is_notice=True),
        APPROVAL_DECIDED_MAIL: MailKind(compose_approval_decided, is_notice=True),
        FAILURES_MAIL: MailKind(compose_digest, is_notice=True),
    }
