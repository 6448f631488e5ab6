"""Share links by mail: queued with the share, derived when the mail is rendered, and not sent after it ended."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.acl import Actor
from models.mail import Mail
from models.sessions import make_engine, make_sessions
from models.share import Share
from tasks.assets import NewAsset, create_asset
from tasks.letter import Addressed, CannotWrite
from tasks.mail_server import MailServer
from tasks.outside import NOTHING_OUTSIDE, Outside
from tasks.server_key import ServerKey
from tasks.share_links import link
from tasks.share_mail import send_link_again, send_links, write_share_letter
from tasks.share_users import users_of
from tasks.shares import NewShare, create_share

KEY, SYSTEM, URL = (
    ServerKey(b"the key of the letters' test alone, long"),
    Actor("Ada", is_admin=True),
    "https://m.example",
)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        yield session
    engine.dispose()


@pytest.fixture
def outside() -> Outside:
    return Outside(MailServer.parse("smtp+plain://localhost", "tapeless@example.org", None), URL, (), KEY)


def shared(session: Session, **more: object) -> Share:
    asset = create_asset(session, NewAsset("clip"), SYSTEM)
    return create_share(session, SYSTEM, "assets", asset.id, NewShare(frozenset(), emails=["ann@example.org"], **more))  # type: ignore[arg-type]


def addressed(mail: Mail, key: ServerKey | None = KEY) -> Addressed:
    return Addressed(mail.id, mail.recipient, mail.arguments, URL, key)


def test_the_row_holds_no_link_and_the_letter_does(session: Session, outside: Outside) -> None:
    share, rung = shared(session, message="have a look", password_hash="x"), []
    (user,) = users_of(session, [share.id])[share.id]
    send_links(session, outside, [user], SYSTEM, lambda task, _ids: rung.append(task))
    mail = session.scalars(select(Mail)).one()
    assert rung == ["maintenance.mail"]
    assert mail.arguments == {"share_user_id": str(user.id)}
    letter = write_share_letter(session, addressed(mail))
    assert letter is not None
    assert link(KEY, URL, user.id, 1) in letter.text
    assert "have a look" in letter.text
    assert "password" in letter.text
    with pytest.raises(CannotWrite):
        write_share_letter(session, addressed(mail, None))


@pytest.mark.parametrize("ending", ["revoked_at = now()", "expires = now() - interval '1 second'"])
def test_a_letter_of_a_share_that_ended_is_not_written(session: Session, outside: Outside, ending: str) -> None:
    share = shared(session)
    (user,) = users_of(session, [share.id])[share.id]
    send_links(session, outside, [user], SYSTEM, lambda *_: None)
    session.execute(text(f"UPDATE share SET {ending}"))
    assert write_share_letter(session, addressed(session.scalars(select(Mail)).one())) is None


def test_without_a_mail_server_nothing_waits_to_be_sent(session: Session) -> None:
    share = shared(session)
    send_links(session, NOTHING_OUTSIDE, users_of(session, [share.id])[share.id], SYSTEM, lambda *_: None)
    assert session.scalars(select(Mail)).all() == []


def test_a_link_is_sent_again_to_recipients_alone(session: Session, outside: Outside) -> None:
    share = shared(session)
    for share_id, email in ((share.id, "eve@example.org"), (share.id, ""), (uuid4(), "ann@example.org")):
        send_link_again(session, outside, share_id, email, lambda *_: None)
    assert session.scalars(select(Mail)).all() == []
    send_link_again(session, outside, share.id, "Ann@example.org", lambda *_: None)
    assert [mail.recipient for mail in session.scalars(select(Mail))] == ["ann@example.org"]
