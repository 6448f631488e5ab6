"""`tapeless user add`, `usergroup add` and `token create` create the credentials for the API."""

import json
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from models.access.user import Membership, User, UserGroup
from models.core.sessions import make_engine, make_sessions
from services.access.tokens import authenticate_token
from services.core.passwords import verify_password
from workers.commands.admin.accounts import token, user, usergroup
from workers.commands.admin.audit import audit, escape_cells
from workers.commands.server.trigger import mail


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {"TAPELESS_DATABASE_URL": database_url, "TAPELESS_BROKER_URL": "redis://localhost:1/0"}


def run(environment: dict[str, str], command: click.Command, *arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(command, arguments, input=stdin, env=environment)


def test_a_user_gets_the_password_of_standard_input(environment: dict[str, str], database_url: str) -> None:
    added = run(environment, user, "add", "ada@example.org", "--admin", stdin="a long password\n")
    assert added.output == "administrator ada@example.org can sign in\n"
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        row = session.scalars(select(User)).one()
    engine.dispose()
    assert row.is_admin
    assert verify_password("a long password", row.password_hash)


def test_a_user_opts_out_of_mails_and_a_test_of_mail_without_a_server_is_refused(environment: dict[str, str]) -> None:
    run(environment, user, "add", "a@example.org", stdin="long enough now\n")
    quiet = run(environment, user, "notify", "a@example.org", "off")
    assert quiet.output == "user a@example.org gets no mails about approvals and failures\n"
    refused = run(environment, mail, "test", "a@example.org")
    assert (refused.exit_code, "TAPELESS_SMTP_URL" in refused.output) == (1, True)
    with_server = environment | {"TAPELESS_SMTP_URL": "smtp+plain://127.0.0.1:1", "TAPELESS_SMTP_FROM": "t@example.org"}
    assert "goes out within seconds" in run(with_server, mail, "test", "a@example.org").output


def test_what_is_wrong_is_said_in_a_sentence(environment: dict[str, str]) -> None:
    assert "a password has between" in run(environment, user, "add", "a@example.org", stdin="short\n").output
    assert run(environment, user, "add", "a@example.org", stdin="long enough now\n").exit_code == 0
    again = run(environment, user, "add", "A@example.org", stdin="long enough now\n")
    assert (again.exit_code, again.output) == (1, 'Error: a user with the e-mail "A@example.org" exists already\n')
    assert run(environment, token, "create", "nobody@example.org").exit_code == 1


def test_a_token_for_programs_signs_in(environment: dict[str, str], database_url: str) -> None:
    run(environment, user, "add", "a@example.org", stdin="long enough now\n")
    made = json.loads(run(environment, token, "create", "a@example.org", "--json").output)
    assert made.keys() == {"app_id", "token"}
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        assert authenticate_token(session, UUID(made["app_id"]), made["token"]) is not None
    engine.dispose()
    shown = run(environment, token, "create", "a@example.org", "--days", "1").output
    assert shown.startswith(f"App-ID: {made['app_id']}\nAuth-Token: ")


def test_a_group_has_the_users_that_it_was_made_with(environment: dict[str, str], database_url: str) -> None:
    run(environment, user, "add", "a@example.org", stdin="long enough now\n")
    made = run(environment, usergroup, "add", "editors", "--user", "a@example.org")
    assert made.output == 'group "editors" has 1 user\n'
    engine = make_engine(database_url)
    with make_sessions(engine)() as session:
        assert session.scalars(select(UserGroup.name)).one() == "editors"
        assert session.scalars(select(Membership)).one()
    engine.dispose()


def said(environment: dict[str, str], command: click.Command, *arguments: str, stdin: str = "", code: int = 0) -> str:
    done = run(environment, command, *arguments, stdin=stdin)
    assert done.exit_code == code, done.output
    return done.output


def test_what_was_added_is_listed_reset_and_removed_and_the_audit_log_tells_it(environment: dict[str, str]) -> None:
    said(environment, user, "add", "root@example.org", "--admin", stdin="long enough now\n")
    said(environment, user, "add", "ada@example.org", stdin="long enough now\n")
    said(environment, usergroup, "add", "Editors", "--user", "ada@example.org")
    said(environment, token, "create", "ada@example.org")
    assert "ada@example.org" in said(environment, user, "list")
    assert "ada@example.org" in said(environment, usergroup, "list")
    (made,) = json.loads(said(environment, token, "list", "--user", "ada@example.org", "--json"))
    assert made["id"] in said(environment, token, "list")
    assert "1 token revoked" in said(environment, token, "revoke", made["id"][:18])
    assert "no tokens" in said(environment, token, "list")
    assert "does not exist" in said(environment, token, "revoke", made["id"], code=1)
    said(environment, token, "create", "ada@example.org")
    assert "password changed" in said(environment, user, "passwd", "ADA@example.org", stdin="quite another one\n")
    assert "no tokens" in said(environment, token, "list")
    said(environment, user, "disable", "ada@example.org")
    assert "INACTIVE" in said(environment, user, "list")
    said(environment, user, "enable", "ada@example.org")
    assert "last administrator" in said(environment, user, "disable", "root@example.org", code=1)
    said(environment, usergroup, "remove", "Editors", "--user", "ada@example.org")
    assert "no users" in said(environment, usergroup, "list")
    said(environment, usergroup, "remove", "Editors")
    assert "no groups" in said(environment, usergroup, "list")
    said(environment, user, "remove", "ada@example.org")
    assert "ada@example.org" not in said(environment, user, "list")
    told = said(environment, audit)
    for words in ("was created", "token was revoked", "changed password", 'group "Editors" was deleted', "was deleted"):
        assert words in told
    assert "long enough" not in told
    assert said(environment, audit, "--type", "groups", "--csv").splitlines()[0].startswith("date_created,actor")
    assert escape_cells({"actor": "=1+1", "object_id": None}) == {"actor": "'=1+1", "object_id": ""}
    entries = json.loads(said(environment, audit, "--type", "groups", "--since", "2026-01-01", "--json"))
    assert {entry["object_type"] for entry in entries} == {"groups"}
    assert "no changes" in said(environment, audit, "--until", "2020-01-01")
