"""A mail server for tests: a real one that records mails, and rejects configured recipients."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(slots=True)
class Mailbox:
    """Received mails and passwords, and the answers to recipients that are rejected."""

    answers: dict[str, str] = field(default_factory=dict)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    passwords: list[bytes] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: object) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        self.messages.append(message_from_bytes(envelope.content or b"", policy=default))  # type: ignore[arg-type]
        self.recipients += envelope.rcpt_tos
        self.was_encrypted.append(session.ssl is not None)
        return "250 OK"

    def authenticate(self, _server: object, _session: object, _envelope: object, _how: str, said: object) -> AuthResult:
        assert isinstance(said, LoginPassword)
        self.passwords.append(said.password)
        return AuthResult(success=said.password == b"s3cret", handled=False)

    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.messages]


@contextmanager
def mail_server(certificate: ssl.SSLContext | None = None, *, signs_in: bool = False) -> Iterator[Mailbox]:
    """Run one on a free port of the loopback; with a certificate it encrypts by STARTTLS and takes nothing before."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        box = Mailbox(port=listener.getsockname()[1])
    options: dict[str, Any] = {"tls_context": certificate, "require_starttls": certificate is not None}
    if signs_in:
        options |= {"authenticator": box.authenticate, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **options)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
