"""`tapeless user`, `usergroup` and `token`: people, groups, and programs that sign in."""

from datetime import timedelta
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.user import App, Membership, Token, User, UserGroup, UserStatus
from models.core.sessions import transact
from services.access.tokens import get_or_register_app, issue_token, revoke_token
from services.access.users import (
    add_member,
    create_group,
    create_user,
    delete_group,
    delete_user,
    find_group_by_name,
    find_user_by_email,
    remove_member,
    update_user,
)
from services.core.actors import SETUP_ACTOR
from services.core.audit_log import record_audit
from services.core.id_prefix import find_by_id_prefix
from services.core.passwords import hash_password
from services.core.rows import load_grouped
from services.core.text import pluralize
from workers.celery.context import ProcessContext
from workers.commands.completion import complete_users
from workers.commands.options import json_option, read_password, system_command
from workers.commands.output import format_timestamp, print_records, print_result


@click.group()
def user() -> None:
    """Add, list, disable and delete people and programs that sign in, and reset their passwords."""


@user.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="Make it an administrator, who sees, changes and deletes everything.")
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


@user.command("list")
@system_command
@json_option
def list_users(context: ProcessContext, as_json: bool) -> None:
    """List all users."""
    with context.sessions() as session:
        users = session.scalars(select(User).where(User.status != UserStatus.DELETED).order_by(User.email)).all()
    found = [
        {
            "email": each.email,
            "id": str(each.id),
            "role": "administrator" if each.is_admin else "user",
            "status": each.status.value,
            "name": each.display_name if each.display_name != each.email else "",
        }
        for each in users
    ]
    print_result(as_json, found, lambda: print_records(found, "no users: `tapeless user add EMAIL` adds one"))


@user.command()
@click.argument("email", shell_complete=complete_users)
@system_command
def passwd(context: ProcessContext, email: str) -> None:
    """Give the user EMAIL another password, and revoke all its tokens; the old password is not asked for.

    The new one is prompted for, or read from standard input if that is no terminal.
    """
    values = {"password_hash": hash_password(read_password())}
    told = _change_user(context, email, values)
    click.echo(f"user {told}: password changed; all earlier sign-ins and tokens are revoked")


@user.command()
@click.argument("email", shell_complete=complete_users)
@click.argument("choice", type=click.Choice(["on", "off"]))
@system_command
def notify(context: ProcessContext, email: str, choice: str) -> None:
    """Mail the user EMAIL about approvals, and administrators about failures, or stop it."""
    changed = _change_user(context, email, {"email_notifications": choice == "on"})
    click.echo(f"user {changed} gets {'mails' if choice == 'on' else 'no mails'} about approvals and failures")


def _make_status_command(name: str, status: UserStatus, done: str, text: str) -> click.Command:
    @click.argument("email", shell_complete=complete_users)
    @system_command
    def change(context: ProcessContext, email: str) -> None:
        click.echo(f"user {_change_user(context, email, {'status': status})} {done}")

    return click.command(name, help=text)(change)


def _change_user(context: ProcessContext, email: str, values: dict[str, Any]) -> str:
    """Change a user; return the e-mail as it is stored."""

    def change(session: Session) -> str:
        return update_user(session, find_user_by_email(session, email).id, values, SETUP_ACTOR).email

    return transact(context.sessions, change)


for _name, _status, _done, _text in (
    ("disable", UserStatus.INACTIVE, "may not sign in any more", "Lock out the user EMAIL, and revoke all its tokens."),
    ("enable", UserStatus.ACTIVE, "may sign in", "Let the user EMAIL sign in again."),
):
    user.add_command(_make_status_command(_name, _status, _done, _text))


@user.command("remove")
@click.argument("email", shell_complete=complete_users)
@system_command
def remove_user(context: ProcessContext, email: str) -> None:
    """Delete the user EMAIL for good; what it did stays in history."""
    transact(
        context.sessions,
        lambda session: delete_user(session, find_user_by_email(session, email).id, SETUP_ACTOR),
    )
    click.echo(f"user {email} was deleted")


@click.group()
def usergroup() -> None:
    """Create, list and delete groups of users, and change who is in them."""


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


@usergroup.command("list")
@system_command
@json_option
def list_user_groups(context: ProcessContext, as_json: bool) -> None:
    """List all user groups with their members."""
    members = select(Membership.group_id, User.email).join(User, User.id == Membership.user_id).order_by(User.email)
    with context.sessions() as session:
        groups = session.scalars(select(UserGroup).order_by(UserGroup.name)).all()
        emails = load_grouped(session, members, [group.id for group in groups])
    found = [{"name": group.name, "id": str(group.id), "users": emails[group.id]} for group in groups]
    shown = [each | {"users": ", ".join(each["users"]) or "no users"} for each in found]
    print_result(as_json, found, lambda: print_records(shown, "no groups: `tapeless usergroup add NAME` makes one"))


@usergroup.command("remove")
@click.argument("name")
@click.option("--user", "emails", multiple=True, metavar="EMAIL", help="Only this member; the group stays.")
@system_command
def remove_user_group(context: ProcessContext, name: str, emails: tuple[str, ...]) -> None:
    """Delete the user group NAME, or with --user take members out of it; rights that it gave end."""

    def remove(session: Session) -> None:
        group = find_group_by_name(session, name)
        for email in emails:
            remove_member(session, group.id, find_user_by_email(session, email).id, SETUP_ACTOR)
        if not emails:
            delete_group(session, group.id, SETUP_ACTOR)

    transact(context.sessions, remove)
    click.echo(f'group "{name}" ' + (f"has lost {pluralize(len(emails), 'user')}" if emails else "was deleted"))


@click.group()
def token() -> None:
    """Create, list and revoke tokens of programs that call the API."""


@token.command()
@click.argument("email", shell_complete=complete_users)
@click.option(
    "--app", "app_name", default="Command line", show_default=True, help="Name of the program that uses the token."
)
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Days until it expires (default: never).")
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


@token.command("list")
@click.option("--user", "email", metavar="EMAIL", help="Only tokens of this user.")
@system_command
@json_option
def list_tokens(context: ProcessContext, email: str | None, as_json: bool) -> None:
    """List tokens that are valid, without their secrets, which are stored nowhere."""
    query = (
        select(Token, App.name, User.email)
        .join(App, App.id == Token.app_id)
        .join(User, User.id == Token.user_id)
        .where(Token.expires_at.is_(None) | (Token.expires_at > func.now()))
        .order_by(User.email, Token.id)
    )
    with context.sessions() as session:
        if email is not None:
            query = query.where(User.id == find_user_by_email(session, email).id)
        rows = session.execute(query).all()
    found = [
        {
            "id": str(row.Token.id),
            "user": row.email,
            "app": row.name,
            "created": format_timestamp(row.Token.date_created),
            "expires": format_timestamp(row.Token.expires_at) or None,
            "last_used": format_timestamp(row.Token.last_used_at) or None,
        }
        for row in rows
    ]
    shown = [
        {
            **{name: each[name] for name in ("id", "user", "app")},
            "expires": f"expires {each['expires'] or 'never'}",
            "last_used": f"last used {each['last_used'] or 'never'}",
        }
        for each in found
    ]
    print_result(as_json, found, lambda: print_records(shown, "no tokens: `tapeless token create EMAIL` makes one"))


@token.command("revoke")
@click.argument("ids", nargs=-1, required=True)
@system_command
def revoke_tokens(context: ProcessContext, ids: tuple[str, ...]) -> None:
    """Revoke tokens by their ids, or the beginning of those, with the tokens that they made; all of them or none."""

    def revoke(session: Session) -> None:
        for word in ids:
            found = find_by_id_prefix(session, Token, word, "token", lambda row: format_timestamp(row.date_created))
            record_audit(session, "tokens", found.id, "token was revoked", SETUP_ACTOR)
            revoke_token(session, found.id)

    transact(context.sessions, revoke)
    click.echo(f"{pluralize(len(ids), 'token')} revoked")
