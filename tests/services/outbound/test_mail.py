"""The outbox of mails, against a real mail server."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
from sqlalchemy import select, text

from models.access.acl import Actor
from models.core.sessions import Sessions
from models.core.timing import Timing
from models.queues.outbox import MAIL_QUEUE, Mail
from services.core.errors import ValidationFailed
from services.mails.kinds import make_mail_kinds
from services.operations.sweep import is_work_waiting, sweep_backlog
from services.outbound.config import OutboundConfig
from services.outbound.mail_queue import (
    CannotComposeMail,
    MailKind,
    MailMessage,
    MailRequest,
    check_mail_address,
    queue_mail,
)
from services.outbound.mail_sender import send_mails
from services.outbound.smtp import MailServer
from tests.services.mail_server import Mailbox, mail_server

TIMING = Timing()
SENDER = "Tapeless <tapeless@example.org>"
LINK = "https://tapeless.example.org/s/derived-while-sending"


def outside(box: Mailbox, scheme: str = "smtp+plain", user: str = "", password: Path | None = None) -> OutboundConfig:
    server = MailServer.parse(f"{scheme}://{user}127.0.0.1:{box.port}", SENDER, password)
    return OutboundConfig(server, public_url="https://tapeless.example.org")


def write_link(_session: object, addressed: MailRequest) -> MailMessage:
    return MailMessage("A clip for you", f"Hello, see {LINK} ({addressed.arguments['share_user']})\n")


def write_nothing(_session: object, _addressed: MailRequest) -> None:
    return None


def write_refusal(_session: object, _addressed: MailRequest) -> MailMessage:
    raise CannotComposeMail("set TAPELESS_PUBLIC_URL")


def write_badly(_session: object, _addressed: MailRequest) -> MailMessage:
    raise KeyError(LINK)


KINDS = make_mail_kinds({}) | {
    "link": MailKind(write_link),
    "ended": MailKind(write_nothing),
    "refused": MailKind(write_refusal),
    "broken": MailKind(write_badly),
}
"""The product's kinds of mail, and those that the tests write."""


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def queue(
    sessions: Sessions, kind: str = "test", to: str = "ann@example.org", arguments: Mapping[str, Any] | None = None
) -> None:
    with sessions.begin() as session:
        queue_mail(session, kind, to, arguments or {}, Actor("Ines"))


def only_mail(sessions: Sessions) -> Mail:
    with sessions() as session:
        return session.scalars(select(Mail)).one()


def make_due(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("UPDATE mail SET not_before = now()"))


def test_a_mail_goes_out_once_with_an_id_that_stays_the_same(sessions: Sessions, box: Mailbox) -> None:
    queue(sessions)
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 1
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 0
    (message,) = box.messages
    mail = only_mail(sessions)
    assert (message["From"], message["To"], message["Subject"]) == (SENDER, "ann@example.org", "Tapeless can send mail")
    assert message["Message-ID"] == f"<{mail.id}@example.org>"
    assert mail.done_at is not None
    assert mail.error is None


def test_a_mail_of_a_change_that_was_undone_is_never_sent(sessions: Sessions, box: Mailbox) -> None:
    with sessions() as session:
        queue_mail(session, "test", "ann@example.org", {})
        session.rollback()
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 0


def test_a_link_is_in_the_mail_and_in_no_row(sessions: Sessions, box: Mailbox) -> None:
    queue(sessions, "link", arguments={"share_user": "7"})
    send_mails(sessions, TIMING, outside(box), KINDS)
    assert LINK in box.messages[0].get_content()
    with sessions() as session:
        assert LINK not in str(session.execute(text("SELECT mail::text FROM mail")).all())


def test_a_fault_of_a_writer_parks_its_mail_alone_and_tells_nothing_of_what_it_derived(
    sessions: Sessions, box: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    queue(sessions, "broken", "first@example.org")
    queue(sessions, "test", "second@example.org")
    send_mails(sessions, TIMING, outside(box), KINDS)
    assert box.recipients == ["second@example.org"]
    with sessions() as session:
        broken = session.scalars(select(Mail).where(Mail.kind == "broken")).one()
    assert broken.dead_lettered_at is not None
    assert "KeyError" in (broken.error or "")
    assert LINK not in (broken.error or "") + caplog.text


def test_a_mail_about_something_that_ended_is_not_sent_and_bothers_nobody(sessions: Sessions, box: Mailbox) -> None:
    queue(sessions, "ended")
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 1
    mail = only_mail(sessions)
    assert (box.messages, mail.dead_lettered_at) == ([], None)
    assert "not sent" in (mail.error or "")


@pytest.mark.parametrize(("kind", "reason"), [("refused", "set TAPELESS_PUBLIC_URL"), ("unheard", "no kind of mail")])
def test_what_cannot_be_written_is_parked_with_its_reason(
    sessions: Sessions, box: Mailbox, kind: str, reason: str
) -> None:
    queue(sessions, kind)
    send_mails(sessions, TIMING, outside(box), KINDS)
    mail = only_mail(sessions)
    assert mail.dead_lettered_at is not None
    assert reason in (mail.error or "")


def test_a_mail_that_an_earlier_version_refused_is_sent_by_the_one_that_knows_its_kind(
    sessions: Sessions, box: Mailbox
) -> None:
    queue(sessions, "ended")
    send_mails(sessions, TIMING, outside(box), {})
    assert only_mail(sessions).dead_lettered_at is not None
    send_mails(sessions, TIMING, outside(box), KINDS)
    mail = only_mail(sessions)
    assert (mail.dead_lettered_at, "not sent" in (mail.error or "")) == (None, True)


def test_a_recipient_that_the_server_will_never_take_is_parked_and_the_next_is_sent(
    sessions: Sessions, box: Mailbox
) -> None:
    box.answers["gone@example.org"] = "550 no such person"
    queue(sessions, to="gone@example.org")
    queue(sessions, to="ann@example.org")
    send_mails(sessions, TIMING, outside(box), KINDS)
    assert box.recipients == ["ann@example.org"]
    with sessions() as session:
        gone = session.scalars(select(Mail).where(Mail.recipient == "gone@example.org")).one()
    assert (gone.dead_lettered_at is not None, gone.error) == (True, "550 no such person")


def test_a_mail_that_the_server_wants_later_comes_later(sessions: Sessions, box: Mailbox) -> None:
    box.answers["ann@example.org"] = "451 come back"
    queue(sessions)
    send_mails(sessions, TIMING, outside(box), KINDS)
    mail = only_mail(sessions)
    assert (mail.dead_lettered_at, mail.error) == (None, "451 come back")
    assert (mail.not_before - mail.date_created).total_seconds() > 5
    box.answers.clear()
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 0
    make_due(sessions)
    assert send_mails(sessions, TIMING, outside(box), KINDS) == 1
    assert only_mail(sessions).error is None


def test_a_mail_that_does_not_go_out_for_a_day_is_parked_until_a_person_retries_it(sessions: Sessions) -> None:
    with mail_server() as box:
        away = outside(box)
    queue(sessions)
    send_mails(sessions, TIMING, away, KINDS)
    assert only_mail(sessions).dead_lettered_at is None
    with sessions.begin() as session:
        session.execute(text("UPDATE mail SET give_up_at = now() + interval '20 seconds', not_before = now()"))
    send_mails(sessions, TIMING, away, KINDS)
    mail = only_mail(sessions)
    assert mail.dead_lettered_at is not None
    assert "127.0.0.1" in (mail.error or "")
    with mail_server() as box, sessions.begin() as session:
        assert MAIL_QUEUE.requeue(session) == 1
        session.commit()
        assert send_mails(sessions, TIMING, outside(box), KINDS) == 1


def test_without_a_mail_server_a_mail_is_parked_and_says_what_to_set(sessions: Sessions) -> None:
    queue(sessions)
    send_mails(sessions, TIMING, OutboundConfig(), KINDS)
    assert "TAPELESS_SMTP_URL" in (only_mail(sessions).error or "")


def test_the_sweep_rings_for_mails_that_wait(sessions: Sessions) -> None:
    notified: list[str] = []
    assert not _is_waiting(sessions)
    queue(sessions)
    assert _is_waiting(sessions)
    sweep_backlog(sessions, TIMING, lambda task, _ids: notified.append(task))
    assert notified == ["maintenance.mail"]


def _is_waiting(sessions: Sessions) -> bool:
    with sessions() as session:
        return is_work_waiting(session, TIMING)


def test_a_late_sender_does_not_undo_what_another_did(sessions: Sessions) -> None:
    queue(sessions)
    with sessions.begin() as session:
        (first,) = MAIL_QUEUE.claim(session, Timing(lease_seconds=0))
    with sessions.begin() as session:
        (second,) = MAIL_QUEUE.claim(session, TIMING)
        MAIL_QUEUE.retry(session, [first], ["late"])
        assert MAIL_QUEUE.complete(session, [second]) == 1
    assert only_mail(sessions).error is None


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that this process believes."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_mail_is_encrypted_and_the_password_comes_from_a_file(
    sessions: Sessions, certificate: ssl.SSLContext, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret\n")
    queue(sessions)
    with mail_server(certificate, signs_in=True) as box:
        assert send_mails(sessions, TIMING, outside(box, "smtp", "ann@", password), KINDS) == 1
    assert (box.was_encrypted, box.passwords) == ([True], [b"s3cret"])


def test_nothing_is_sent_unencrypted_where_encryption_was_asked_for(sessions: Sessions, box: Mailbox) -> None:
    queue(sessions)
    assert send_mails(sessions, TIMING, outside(box, "smtp"), KINDS) == 0
    assert box.messages == []
    assert "STARTTLS" in (only_mail(sessions).error or "")


def test_a_wrong_password_is_the_server_s_word_and_not_in_the_row(
    sessions: Sessions, certificate: ssl.SSLContext, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text("wr0ng")
    queue(sessions)
    with mail_server(certificate, signs_in=True) as box:
        assert send_mails(sessions, TIMING, outside(box, "smtp", "ann@", password), KINDS) == 0
    assert "535" in (only_mail(sessions).error or "")
    assert "wr0ng" not in (only_mail(sessions).error or "")


@pytest.mark.parametrize(
    ("url", "password", "said"),
    [
        ("http://mail", None, "not the address of a mail server"),
        ("smtp://", None, "not the address of a mail server"),
        ("smtp://ann:s3cret@mail", None, "TAPELESS_SMTP_PASSWORD_FILE"),
        ("smtp+plain://ann@mail", "file", "without encryption"),
        ("smtp://ann@mail", None, "belong together"),
    ],
)
def test_a_mail_server_that_reads_wrong_is_refused_with_the_next_step(
    url: str, password: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        MailServer.parse(url, SENDER, Path(password) if password else None)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@", "@example.org", "a b@example.org", "ann@example.org\nBcc: x@y", "änn@example.org"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationFailed):
        check_mail_address(address)
