"""SMTP client: parse the configured server, connect (encrypted unless the setting says otherwise) and send."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

SMTP_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
SMTP_TIMEOUT_SECONDS = 15.0
SMTP_URL_FORMS = (
    "smtps://USER@HOST (encrypted from the start), smtp://USER@HOST (STARTTLS, or nothing is sent) "
    "or smtp+plain://HOST (not encrypted)"
)


class MailServerError(Exception):
    """The server is unavailable; all mails wait for a retry."""


class MailRefusedError(Exception):
    """The server rejected this mail; `is_final` is false for temporary rejections (4xx)."""

    def __init__(self, text: str, *, is_final: bool) -> None:
        super().__init__(text)
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class MailServer:
    """An SMTP server and the sender address; the password is read from its file for each connection."""

    host: str
    port: int
    sender: str
    scheme: str = "smtp"
    user: str | None = None
    password_file: Path | None = None

    @classmethod
    def parse(cls, url: str, sender: str, password_file: Path | None) -> Self:
        """Parse a server URL; ValueError says what is wrong with it."""
        parts = urlsplit(url)
        if parts.scheme not in SMTP_PORTS or not parts.hostname:
            raise ValueError(f"is not the address of a mail server; write {SMTP_URL_FORMS}")
        if parts.password is not None:
            raise ValueError("holds a password; put it into a file and name that in TAPELESS_SMTP_PASSWORD_FILE")
        if parts.scheme == "smtp+plain" and (parts.username or password_file):
            raise ValueError("would send a password without encryption; write smtp:// or smtps://")
        if (parts.username is None) != (password_file is None):
            raise ValueError("a user and TAPELESS_SMTP_PASSWORD_FILE belong together")
        if not parseaddr(sender)[1].partition("@")[2] or not sender.isprintable():
            raise ValueError(f'TAPELESS_SMTP_FROM "{sender}" is not an address; write NAME <MAIL@HOST> or MAIL@HOST')
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, parts.port or SMTP_PORTS[parts.scheme], sender, parts.scheme, user, password_file)

    @contextmanager
    def connect(self) -> Iterator["SmtpConnection"]:
        """Connect, encrypt and sign in; MailServerError if any of these fails."""
        try:
            smtp = self._open()
        except (OSError, smtplib.SMTPException) as error:
            raise MailServerError(f"{self.host}:{self.port}: {smtp_error_text(error)}") from error
        try:
            yield SmtpConnection(self, smtp)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()

    def _open(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        name = socket.gethostname()
        if self.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, name, timeout=SMTP_TIMEOUT_SECONDS, context=trusted
            )
        else:
            smtp = smtplib.SMTP(self.host, self.port, name, timeout=SMTP_TIMEOUT_SECONDS)
        try:
            if self.scheme == "smtp":
                smtp.starttls(context=trusted)
            if self.user is not None and self.password_file is not None:
                smtp.login(self.user, self.password_file.read_text().strip())
        except BaseException:
            smtp.close()
            raise
        return smtp


@dataclass(frozen=True, slots=True)
class SmtpConnection:
    """An open SMTP connection for several mails."""

    server: MailServer
    smtp: smtplib.SMTP

    def send(self, mail_id: str, recipient: str, subject: str, text: str) -> None:
        """Send one mail; its id becomes the Message-ID, so that a duplicate can be recognised.

        Raises:
            MailRefusedError: this mail was rejected.
            MailServerError: the connection was lost.
        """
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = self.server.sender, recipient
        message["Subject"] = " ".join(subject.split())
        message["Date"] = formatdate()
        sender = parseaddr(self.server.sender)[1]
        message["Message-ID"] = f"<{mail_id}@{sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        try:
            self.smtp.send_message(message, sender, [recipient])
        except smtplib.SMTPServerDisconnected as error:
            raise MailServerError(f"{self.server.host}:{self.server.port}: {smtp_error_text(error)}") from error
        except (OSError, smtplib.SMTPException) as error:
            code = smtp_reply_code(error)
            raise MailRefusedError(smtp_error_text(error), is_final=code is not None and 500 <= code < 600) from error


def smtp_reply_code(error: Exception) -> int | None:
    """Return the SMTP reply code, if the server gave one."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), None)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else None


def smtp_error_text(error: Exception) -> str:
    """Return the server's reply as text for people."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{code} {_decode_reply(said)}" for code, said in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decode_reply(error.smtp_error)}"
    return str(error) or type(error).__name__


def _decode_reply(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said
