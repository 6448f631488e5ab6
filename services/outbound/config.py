"""Configuration of outbound connections (mail, webhooks, links), read from settings and passed down as one value."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from services.core.signing_key import SigningKey
from services.outbound.smtp import MailServer

IpNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class OutboundConfig:
    """The mail server, the public address of this system, and private networks that webhooks may reach."""

    mail_server: MailServer | None = None
    public_url: str | None = None
    """Base URL of this system as people reach it, without a trailing slash; the prefix of links in mails."""
    webhook_networks: tuple[IpNetwork, ...] = ()
    key: SigningKey | None = field(default=None, repr=False)
    """Key that signs links into this system; None if the operator configured none, and then links are not available."""


NO_OUTBOUND = OutboundConfig()
