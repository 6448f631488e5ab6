"""What lies outside of this system and how it may be reached: settings of the process, handed down as one value."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from tasks.mail_server import MailServer
from tasks.server_key import ServerKey

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Outside:
    """The mail server, the address of our own, and private networks that webhooks may reach."""

    mail_server: MailServer | None = None
    public_url: str | None = None
    """Where people reach this system, without a slash at its end: the beginning of links in mails."""
    webhook_networks: tuple[Network, ...] = ()
    key: ServerKey | None = field(default=None, repr=False)
    """What links into this system are signed with; None where the operator gave none, and then there are none."""


NOTHING_OUTSIDE = Outside()
