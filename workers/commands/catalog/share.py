"""`tapeless share ASSET`: a link for people without an account; `share list` and `share revoke` manage them."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.access.acl import ShareRight
from models.access.share import Share, ShareUser
from models.core.sessions import transact
from services.core.id_prefix import find_by_id_prefix
from services.core.passwords import MIN_SHARE_PASSWORD_LENGTH, hash_password
from services.core.text import pluralize
from services.objects.objects import find_object
from services.operations.asset_report import find_asset_by_word
from services.shares.guests import find_stopped_shares
from services.shares.links import build_share_link
from services.shares.recipients import hand_out_links, load_recipients
from services.shares.shares import ShareInput, create_share, revoke_shares
from workers.celery.context import ProcessContext
from workers.commands.completion import complete_assets
from workers.commands.options import (
    data_option,
    json_option,
    read_password,
    running_system,
    shell_actor,
    system_command,
)
from workers.commands.output import format_timestamp, print_records, print_result
from workers.config.connection import find_public_url, find_system_key, find_system_settings
from workers.local_stack import is_loopback


class ShareGroup(click.Group):
    """Command group in which `tapeless share ASSET` is short for `tapeless share create ASSET`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `create` if the first argument is an asset or an option."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=ShareGroup)
def share() -> None:
    """Share an asset with people without an account, by a link that expires."""


@share.command()
@click.argument("asset", shell_complete=complete_assets)
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    default=7,
    show_default=True,
    help="Days until the link expires.",
)
@click.option(
    "--to",
    "emails",
    multiple=True,
    metavar="EMAIL",
    help="Make a link for this address alone; repeat it for more (default: one link for all).",
)
@click.option("--title", help="Title that guests see (default: the asset's title).")
@click.option(
    "--password",
    is_flag=True,
    help="Protect the link by a password: prompt for it, or read it from standard input without a terminal.",
)
@click.option("--download", is_flag=True, help="Allow guests to download the files.")
@click.option("--comments", is_flag=True, help="Allow guests to comment.")
@click.option("--show-comments", is_flag=True, help="Show the comments of others, except internal ones.")
@data_option
@json_option
def create(
    asset: str,
    days: float,
    emails: tuple[str, ...],
    title: str | None,
    password: bool,
    download: bool,
    comments: bool,
    show_comments: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Share ASSET (id, external id or title); print the link, if it is not mailed."""
    wanted = {
        ShareRight.DOWNLOAD.value: download,
        ShareRight.COMMENTS.value: comments,
        ShareRight.EXISTING_COMMENTS.value: show_comments,
    }
    with running_system(data) as context:
        settings = find_system_settings(data)
        key = find_system_key(settings)
        new = ShareInput(
            allows=frozenset(name for name, is_wanted in wanted.items() if is_wanted),
            title=title,
            emails=emails,
            has_url=not emails,
            expires=datetime.now(UTC) + timedelta(days=days),
            password_hash=hash_password(read_password(), MIN_SHARE_PASSWORD_LENGTH) if password else None,
        )
        made, users, shown = transact(context.sessions, lambda session: _create_share(session, context, asset, new))
        base = find_public_url(settings)
    links = [
        {
            "email": user.email,
            "url": build_share_link(key, base, user.id, user.generation) if user.id in shown else None,
        }
        for user in users
    ]
    if shown and is_loopback(urlsplit(base).hostname or ""):
        told = "opens on this machine only: `tapeless up --host 0.0.0.0`, or TAPELESS_PUBLIC_URL, opens it to others"
        click.echo(f"the link {told}", err=True)
    print_result(
        as_json,
        {"id": str(made.id), "expires": made.expires.isoformat(), "links": links},
        lambda: click.echo("\n".join(f"{one['email']}  {one['url'] or 'is mailed its link'}".strip() for one in links)),
    )


def _create_share(
    session: Session, context: ProcessContext, asset: str, new: ShareInput
) -> tuple[Share, list[ShareUser], Collection[UUID]]:
    """Create the share; return it with its recipients, and those whose links are printed here."""
    actor = shell_actor()
    made = create_share(session, actor, "assets", find_asset_by_word(session, asset).id, new)
    users = load_recipients(session, [made.id])[made.id]
    if new.has_url:
        return made, users, [user.id for user in users]
    found = find_object(session, actor, made.object_type, made.object_id)
    # A message that arrives before the commit does nothing, and beat sends another one.
    shown = hand_out_links(
        session, context.outside, found, users, actor, lambda task, ids: context.notify(task, list(ids))
    )
    return made, users, shown


@share.command("list")
@click.option("--all", "with_ended", is_flag=True, help="Include expired shares.")
@system_command
@json_option
def list_shares(context: ProcessContext, with_ended: bool, as_json: bool) -> None:
    """List shares, their recipients and expiry; links are only shown by `create` and over HTTP."""
    with context.sessions() as session:
        query = select(Share).where(Share.revoked_at.is_(None)).order_by(Share.id)
        shares = session.scalars(query if with_ended else query.where(Share.expires > func.now())).all()
        users, stopped = load_recipients(session, [one.id for one in shares]), find_stopped_shares(session, shares)
    found = [_share_as_json(one, users[one.id], is_stopped=one.id in stopped) for one in shares]
    print_result(
        as_json,
        found,
        lambda: print_records(map(_as_line, found), "no shares: `tapeless share ASSET` makes one"),
    )


def _as_line(shown: dict[str, Any]) -> dict[str, object]:
    until = f"until {format_timestamp(datetime.fromisoformat(shown['until']))}"
    return {
        "id": shown["id"],
        "title": shown["title"],
        "with": ", ".join(shown["with"]) or "all who have its link",
        "until": "stopped: its maker may not share it now" if shown["is_stopped"] else until,
        "opened": f"opened {pluralize(shown['opened'], 'time')}, fetched {pluralize(shown['fetched'], 'time')}",
    }


def _share_as_json(one: Share, users: list[ShareUser], *, is_stopped: bool) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "title": one.title,
        "object_type": one.object_type,
        "object_id": str(one.object_id),
        "with": [user.email for user in users if user.email],
        "until": one.expires.isoformat(),
        "is_stopped": is_stopped,
        "allows": one.allows,
        "has_password": one.password_hash is not None,
        "opened": sum(user.access_count for user in users),
        "fetched": sum(user.download_count for user in users),
    }


@share.command()
@click.argument("share_ids", nargs=-1, required=True, metavar="ID…")
@system_command
def revoke(context: ProcessContext, share_ids: tuple[str, ...]) -> None:
    """Revoke shares by their ids, or the beginning of those: their links, sessions of guests, and running downloads."""

    def end(session: Session) -> int:
        found = {find_by_id_prefix(session, Share, word, "share", lambda one: one.title).id for word in share_ids}
        revoke_shares(session, shell_actor(), list(found))
        return len(found)

    click.echo(f"{pluralize(transact(context.sessions, end), 'share')} revoked")
