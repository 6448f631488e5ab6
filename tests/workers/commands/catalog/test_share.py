"""`tapeless share` prints a link that opens the asset, and takes it back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset
from models.core.sessions import make_engine, make_sessions
from services.catalog.assets.assets import create_empty_asset
from services.core.signing_key import SigningKey
from services.shares.guests import find_share_by_link
from workers.commands.catalog.share import share

KEY = "a key that only this test has, long enough"


@pytest.fixture
def environment(running: dict[str, str]) -> dict[str, str]:
    return {**running, "TAPELESS_SECRET_KEY": KEY, "TAPELESS_PUBLIC_URL": "https://media.example.org"}


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        create_empty_asset(session, Asset(title="clip"), Actor("x"))
        session.commit()
        yield session
    engine.dispose()


def run(environment: dict[str, str], *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(share, arguments, input=stdin, env=environment)


def opened(session: Session, url: str) -> object:
    session.rollback()
    return find_share_by_link(session, SigningKey(KEY.encode()), url.rpartition("/")[2])


def test_a_share_prints_its_link_is_listed_and_revoked(environment: dict[str, str], session: Session) -> None:
    url = run(environment, "clip", "--days", "2", "--download").output.strip()
    assert url.startswith("https://media.example.org/share/")
    found = opened(session, url)
    assert found.guest.allows == {"allow_download"}  # type: ignore[attr-defined]
    assert "all who have its link" in run(environment, "list").output
    (listed,) = json.loads(run(environment, "list", "--json").output)
    assert (listed["title"], listed["has_password"], listed["is_stopped"]) == ("clip", False, False)
    assert url.rpartition("/")[2] not in json.dumps(listed)
    assert run(environment, "revoke", listed["id"]).output == "1 share revoked\n"
    assert opened(session, url) is None
    assert json.loads(run(environment, "list", "--all", "--json").output) == []


def test_each_recipient_gets_a_link_and_a_password_comes_from_standard_input(
    environment: dict[str, str], session: Session
) -> None:
    asked = ("--to", "ann@example.org", "--to", "bob@example.org", "--password", "--json", "clip")
    made = json.loads(run(environment, *asked, stdin="sesame\n").output)
    assert [one["email"] for one in made["links"]] == ["ann@example.org", "bob@example.org"]
    assert opened(session, made["links"][0]["url"]).password_hash is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "nothing"),
        (("clip", "--days", "4000"), "within five years"),
        (("clip", "--to", "nobody"), "is not an e-mail address"),
        (("revoke", "x"), 'share "x" does not exist'),
    ],
)
def test_what_cannot_be_shared_is_said_in_a_sentence(
    environment: dict[str, str], session: Session, arguments: tuple[str, ...], said: str
) -> None:
    refused = run(environment, *arguments)
    assert (refused.exit_code, said in refused.output) == (1, True), refused.output


def test_without_a_key_the_next_step_is_named(running: dict[str, str], session: Session, tmp_path: Path) -> None:
    refused = run({**running, "TAPELESS_SECRET_KEY_FILE": ""}, "clip")
    assert "set TAPELESS_SECRET_KEY" in refused.output
    short = run({**running, "TAPELESS_SECRET_KEY": "short"}, "clip")
    assert "at least 32" in short.output
