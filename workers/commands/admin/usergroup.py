"""`tapeless usergroup add NAME`: create a user group, which can be given permissions."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from models.core.sessions import transact
from services.access.groups import add_member, create_group
from services.access.users import find_user_by_email
from services.core.actors import SETUP_ACTOR
from workers.commands.options import data_option, running_system


@click.group()
def usergroup() -> None:
    """Create groups of users."""


@usergroup.command("add")
@click.argument("name")
@click.option("--user", "emails", multiple=True, metavar="EMAIL", help="A member; may be given several times.")
@data_option
def add_user_group(name: str, emails: tuple[str, ...], data: Path | None) -> None:
    """Create a user group named NAME."""
    with running_system(data) as context:
        transact(context.sessions, lambda session: _create_group(session, name, emails))
        click.echo(f'group "{name}" has {len(emails)} {"user" if len(emails) == 1 else "users"}')


def _create_group(session: Session, name: str, emails: tuple[str, ...]) -> None:
    group = create_group(session, name, SETUP_ACTOR)
    for email in emails:
        add_member(session, group.id, find_user_by_email(session, email).id, SETUP_ACTOR)
