"""`tapeless token create`: tokens that programs send to the API on behalf of a user."""

import json
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy.orm import Session

from models.core.sessions import transact
from services.access.tokens import get_or_register_app, issue_token
from services.access.users import find_user_by_email
from workers.commands.options import data_option, json_option, running_system


@click.group()
def token() -> None:
    """Create tokens for programs that call the API."""


@token.command()
@click.argument("email")
@click.option("--app", "app_name", default="Command line", show_default=True, help="Whose tokens these are.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it lasts (default: for ever).")
@data_option
@json_option
def create(email: str, app_name: str, days: float | None, data: Path | None, as_json: bool) -> None:
    """Create a token for the user EMAIL; it is shown only once."""
    seconds = None if days is None else int(timedelta(days=days).total_seconds())
    with running_system(data) as context:
        app_id, secret = transact(context.sessions, lambda session: _issue_token(session, email, app_name, seconds))
    if as_json:
        click.echo(json.dumps({"app_id": app_id, "token": secret}))
    else:
        click.echo(f"App-ID: {app_id}\nAuth-Token: {secret}")


def _issue_token(session: Session, email: str, app_name: str, seconds: int | None) -> tuple[str, str]:
    user = find_user_by_email(session, email)
    app = get_or_register_app(session, user.id, app_name)
    _, secret = issue_token(session, user.id, app.id, seconds)
    return str(app.id), secret
