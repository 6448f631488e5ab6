"""`tapeless user add`, `usergroup add` and `token create`: people, groups, and programs that sign in."""

from datetime import timedelta

import click
from sqlalchemy.orm import Session

from models.access.user import User
from models.core.sessions import transact
from services.access.tokens import get_or_register_app, issue_token
from services.access.users import add_member, create_group, create_user, find_user_by_email
from services.core.actors import SETUP_ACTOR
from services.core.passwords import hash_password
from services.core.text import pluralize
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, read_password, system_command
from workers.commands.output import print_result


@click.group()
def user() -> None:
    """Add people and programs that sign in."""


@user.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="An administrator: sees, changes and deletes everything.")
@click.option("--first-name", default="", help="Shown in lists and history.")
@click.option("--last-name", default="", help="Shown in lists and history.")
@system_command
def add(context: ProcessContext, email: str, admin: bool, first_name: str, last_name: str) -> None:
    """Add a user; the password is prompted for, or read from standard input if that is no terminal."""
    new = User(
        email=email,
        password_hash=hash_password(read_password()),
        is_admin=admin,
        first_name=first_name,
        last_name=last_name,
    )
    made = transact(context.sessions, lambda session: create_user(session, new, SETUP_ACTOR))
    click.echo(f"{'administrator' if made.is_admin else 'user'} {made.email} can sign in")


@click.group()
def usergroup() -> None:
    """Create groups of users."""


@usergroup.command("add")
@click.argument("name")
@click.option("--user", "emails", multiple=True, metavar="EMAIL", help="A member; may be given several times.")
@system_command
def add_user_group(context: ProcessContext, name: str, emails: tuple[str, ...]) -> None:
    """Create a user group named NAME."""

    def make(session: Session) -> None:
        group = create_group(session, name, SETUP_ACTOR)
        for email in emails:
            add_member(session, group.id, find_user_by_email(session, email).id, SETUP_ACTOR)

    transact(context.sessions, make)
    click.echo(f'group "{name}" has {pluralize(len(emails), "user")}')


@click.group()
def token() -> None:
    """Create tokens for programs that call the API."""


@token.command()
@click.argument("email")
@click.option("--app", "app_name", default="Command line", show_default=True, help="Whose tokens these are.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it lasts (default: for ever).")
@system_command
@json_option
def create(context: ProcessContext, email: str, app_name: str, days: float | None, as_json: bool) -> None:
    """Create a token for the user EMAIL; it is shown only once."""
    seconds = None if days is None else int(timedelta(days=days).total_seconds())

    def issue(session: Session) -> tuple[str, str]:
        user = find_user_by_email(session, email)
        app = get_or_register_app(session, user.id, app_name)
        return str(app.id), issue_token(session, user.id, app.id, seconds)[1]

    app_id, secret = transact(context.sessions, issue)
    print_result(
        as_json,
        {"app_id": app_id, "token": secret},
        lambda: click.echo(f"App-ID: {app_id}\nAuth-Token: {secret}"),
    )
