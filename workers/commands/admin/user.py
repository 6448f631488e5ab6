"""`tapeless user add`: accounts that may sign in."""

import sys
from pathlib import Path

import click

from models.core.sessions import transact
from services.access.users import NewUser, create_user
from services.core.actors import SETUP_ACTOR
from services.core.passwords import hash_password
from workers.commands.options import data_option, running_system


@click.group()
def user() -> None:
    """Add people and programs that sign in."""


@user.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="An administrator: sees, changes and deletes everything.")
@click.option("--first-name", default="", help="Shown in lists and history.")
@click.option("--last-name", default="", help="Shown in lists and history.")
@data_option
def add(email: str, admin: bool, first_name: str, last_name: str, data: Path | None) -> None:
    """Add a user; the password is prompted for, or read from standard input if that is no terminal."""
    with running_system(data) as context:
        hashed = hash_password(_password())
        new = NewUser(email, hashed, is_admin=admin, first_name=first_name, last_name=last_name)
        made = transact(context.sessions, lambda session: create_user(session, new, SETUP_ACTOR))
        click.echo(f"{'administrator' if made.is_admin else 'user'} {made.email} can sign in")


def _password() -> str:
    """Read the password; never from an argument, because other users of the machine can see those."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
