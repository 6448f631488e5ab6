"""Registry of mail kinds and their writers."""

from sqlalchemy.orm import Session

from services.outbound.mail_queue import MailComposer, MailMessage, MailRequest
from services.shares.recipients import SHARE_MAIL_KIND, compose_share_mail


def write_test_mail(_session: Session, addressed: MailRequest) -> MailMessage:
    """Write the mail that `tapeless mail test` sends."""
    where = f"\n\nPeople reach it at {addressed.public_url}" if addressed.public_url else ""
    return MailMessage("Tapeless can send mail", f"This was sent to try the mail settings of Tapeless.{where}\n")


MAIL_WRITERS: dict[str, MailComposer] = {"test": write_test_mail, SHARE_MAIL_KIND: compose_share_mail}
"""Writers by the kind that `queue_mail` is given."""
