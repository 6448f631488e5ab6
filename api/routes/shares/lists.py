"""Lists of shares over all objects, and bulk revocation."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, exists, or_, select

from api.routes.shares.answers import ListedShareAnswer, SharesPageAnswer
from api.routes.shares.bodies import ShareLinks, serialize_listed_share
from asgi.body_base import Body
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, filter_by_values, paginate, query_columns
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission, readable_by
from models.access.share import Share, ShareUser
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.core.statements import AnySelect
from services.access.permissions import permitted_ids
from services.core.errors import require_administrator
from services.objects.objects import find_object
from services.shares.guests import find_stopped_shares
from services.shares.recipients import load_recipients
from services.shares.shares import SHAREABLE_OBJECT_TYPES, is_share_of_object, revoke_shares

routes = RouteGroup("assets")
SHARE_QUERY_COLUMNS = {
    **query_columns(
        Share.id,
        Share.title,
        Share.object_type,
        Share.object_id,
        Share.expires,
        Share.date_created,
        Share.date_modified,
    ),
    "owner_id": Share.created_by,
}


class ShareBulkRevokeBody(Body):
    share_ids: Annotated[list[UUID], Field(fail_fast=True, min_length=1, max_length=500)]


def has_share_member(user_id: UUID | None) -> ColumnElement[bool]:
    """Return the SQL condition of shares that have the user as a recipient."""
    return exists().where(ShareUser.share_id == Share.id, ShareUser.internal_user_id == user_id)


def load_shared_titles(call: Call, shares: Sequence[Share]) -> dict[UUID, str]:
    """Load the current titles of shared objects that the caller may read."""
    titles: dict[UUID, str] = {}
    for kind, table in (("assets", Asset), ("collections", Collection)):
        ids = [share.object_id for share in shares if share.object_type == kind]
        wanted = select(table.id, table.title).where(table.id.in_(ids), readable_by(call.actor, kind, table.id))
        titles |= {row[0]: row[1] for row in call.session.execute(wanted)}
    return titles


def load_shareable_ids(call: Call, shares: Sequence[Share]) -> set[UUID]:
    """Load the ids of those shared objects that the caller may share now, so that their links are shown."""
    ids: set[UUID] = set()
    for kind in SHAREABLE_OBJECT_TYPES:
        keys = [str(share.object_id) for share in shares if share.object_type == kind]
        if keys:
            held = permitted_ids(call.session, call.actor, kind, keys, [Permission.CHANGE_ACL])
            ids |= {UUID(key) for key in held}
    return ids


def paginate_shares(call: Call, query: AnySelect, sort: str, page: int, per_page: int) -> SharesPageAnswer:
    """Return a page of shares with their recipients, in a fixed number of queries."""
    links = ShareLinks(call)

    def render(call: Call, shares: Sequence[Share]) -> list[ListedShareAnswer]:
        users, titles = load_recipients(call.session, [share.id for share in shares]), load_shared_titles(call, shares)
        shareable, stopped = load_shareable_ids(call, shares), find_stopped_shares(call.session, shares)

        def serialize(share: Share) -> ListedShareAnswer:
            may_share, me = share.object_id in shareable, call.actor.user_id
            return serialize_listed_share(share, users[share.id], titles, me, links, stopped, is_shareable=may_share)

        return [serialize(share) for share in shares]

    found = apply_sort(query.where(Share.revoked_at.is_(None)), sort, SHARE_QUERY_COLUMNS, Share.id.desc())
    return {**paginate(call, found, page, per_page, render), "facets": {}, "scroll_id": None}


def filter_shares(wanted: dict[str, str], query: str) -> AnySelect:
    """Select shares by values and text in the title."""
    found = filter_by_values(select(Share), SHARE_QUERY_COLUMNS, wanted)
    return found.where(Share.title.icontains(query, autoescape=True)) if query else found


@routes.get("/shares/")
def get_shares(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    title: str = "",
    object_type: str = "",
    object_id: str = "",
    ids: str = "",
    query: str = "",
    include_created_by_me: bool = True,
    include_member_of: bool = True,
) -> SharesPageAnswer:
    """List shares that the caller created, and those that it is a recipient of."""
    me = call.actor.user_id
    sides = [Share.created_by == me] * include_created_by_me + [has_share_member(me)] * include_member_of
    found = filter_shares({"title": title, "object_type": object_type, "object_id": object_id, "id": ids}, query)
    return paginate_shares(call, found.where(or_(False, *sides)), sort, page, per_page)


@routes.get("/shares/all/")
def get_all_shares(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    title: str = "",
    object_type: str = "",
    object_id: str = "",
    owner_id: str = "",
    member_id: UUID | None = None,
    ids: str = "",
    query: str = "",
) -> SharesPageAnswer:
    """List the shares of all users, for administrators."""
    require_administrator(call.actor, "see the shares of all users")
    wanted = {"title": title, "object_type": object_type, "object_id": object_id, "owner_id": owner_id, "id": ids}
    found = filter_shares(wanted, query)
    found = found.where(has_share_member(member_id)) if member_id is not None else found
    return paginate_shares(call, found, sort, page, per_page)


@routes.get("/assets/{asset_id}/shares/all/")
def get_all_shares_of_asset(
    call: Call, asset_id: UUID, page: PageNumber = 1, per_page: PerPage = 50
) -> SharesPageAnswer:
    """List the shares of an asset."""
    asset = find_object(call.session, call.actor, "assets", asset_id)
    query = select(Share).where(Share.object_type == "assets", is_share_of_object(asset.id))
    return paginate_shares(call, query, "", page, per_page)


@routes.delete("/shares/bulk/")
def delete_shares(call: Call, body: ShareBulkRevokeBody) -> None:
    """Revoke several shares; all or none."""
    revoke_shares(call.session, call.actor, body.share_ids)
