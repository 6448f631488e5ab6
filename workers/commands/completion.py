"""Names for shell completion, read from the running system; without one there are none."""

import click
from click.shell_completion import CompletionItem
from sqlalchemy import Select, select

from models.access.user import User, UserStatus
from models.catalog.asset import Asset, AssetStatus
from models.catalog.storage import Storage
from workers.commands.options import running_system

MAX_COMPLETIONS = 30


def complete_assets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete titles of assets."""
    begins = Asset.title.istartswith(incomplete, autoescape=True)
    query = select(Asset.title).where(Asset.status == AssetStatus.ACTIVE, begins).order_by(Asset.title)
    return _read_names(ctx, query.distinct())


def complete_storages(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of storages that were not removed."""
    begins = Storage.name.startswith(incomplete, autoescape=True)
    query = select(Storage.name).where(Storage.removed_at.is_(None), begins).order_by(Storage.name)
    return _read_names(ctx, query)


def complete_users(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete e-mail addresses of users."""
    begins = User.email.istartswith(incomplete, autoescape=True)
    query = select(User.email).where(User.status != UserStatus.DELETED, begins).order_by(User.email)
    return _read_names(ctx, query)


def _read_names(ctx: click.Context, query: Select[str]) -> list[CompletionItem]:
    try:
        with running_system(ctx.params.get("data")) as context, context.sessions() as session:
            return [CompletionItem(name) for name in session.scalars(query.limit(MAX_COMPLETIONS))]
    except click.ClickException:  # nothing runs
        return []
