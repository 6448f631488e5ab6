"""Asking for a mail: a row in the transaction of what it is about, so that neither comes without the other.

`tasks.mail_sending` sends it. Without a mail server it is parked with that reason, and `tapeless jobs retry` sends it
once there is one; who would rather hand a link over by himself looks at `Outside.mail_server` first.
"""

from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from typing import Any

from sqlalchemy.orm import Session

from models.acl import Actor
from models.base import new_id
from models.mail import Mail
from tasks.refusals import Invalid

LONGEST_ADDRESS = 254
TASK = "maintenance.mail"
"""What to ring for after the commit; beat does where nobody did."""


def check_address(text: str, field: str = "email") -> str:
    """An address that mail can be sent to, or the field with what is wrong with it."""
    address = text.strip()
    try:
        parsed = Address(addr_spec=address)
        address.encode("ascii")
    except (ValueError, IndexError, MessageError):  # Address answers torn texts in each of these ways
        raise Invalid(field, f'"{address[:80]}" is no e-mail address') from None
    if not parsed.username or not parsed.domain or len(address) > LONGEST_ADDRESS or not address.isprintable():
        raise Invalid(field, f'"{address[:80]}" is no e-mail address')
    return address


def queue_mail(
    session: Session, kind: str, recipient: str, arguments: Mapping[str, Any], actor: Actor | None = None
) -> Mail:
    """Have a mail sent once this transaction is committed.

    `kind` names its writer in `tasks.letters.LETTERS`; `arguments` are ids and words for it, never a secret: a mail
    with a share's link names the share's user, and its writer derives the link while it is sent.
    """
    mail = Mail(id=new_id(), kind=kind, recipient=check_address(recipient), arguments=dict(arguments))
    mail.created_by = actor.user_id if actor is not None else None
    session.add(mail)
    session.flush()
    return mail
