"""History of assets."""

from typing import NoReturn
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import defer

from api.routes.catalog.answers import HistoryEntryAnswer
from asgi.answers import PageAnswer
from asgi.body_base import Body, LongText
from asgi.pagination import (
    FilterParam,
    PageNumber,
    PerPage,
    SortParam,
    apply_filter,
    apply_sort,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.rendering import format_datetime, optional_id
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.access.acl import Permission
from models.catalog.asset import Asset
from models.catalog.history import History, Operation
from services.catalog.assets.assets import find_asset
from services.core.errors import PermissionDenied
from services.core.history import add_client_history, find_history_entry, history_of_asset

routes = RouteGroup("assets")
HISTORY_QUERY_COLUMNS = query_columns(
    History.id, History.operation_type, History.user_id, History.job_id, History.share_id, History.date_created
)


class HistoryEntryBody(Body):
    operation_type: Operation
    operation_description: LongText | None = None


def serialize_history_entry(entry: History) -> HistoryEntryAnswer:
    """Serialise one entry. `actor` is a display name, also for entries without a user."""
    return {
        "id": str(entry.id),
        "asset_id": str(entry.asset_id),
        "version_id": str(entry.version_id),
        "operation_type": entry.operation_type,
        "operation_description": entry.operation_description,
        "actor": entry.actor,
        "user_id": optional_id(entry.user_id),
        "job_id": optional_id(entry.job_id),
        "share_id": optional_id(entry.share_id),
        "share_user_id": optional_id(entry.share_user_id),
        "date_created": format_datetime(entry.date_created),
        "date_modified": format_datetime(entry.date_created),
    }


def get_readable_asset_id(call: Call, asset_id: UUID) -> UUID:
    """Return the id of the asset whose history the caller may read.

    History outlives a purged asset, whose access control list is gone: only administrators can read it then.
    """
    purged = call.actor.is_admin and not call.session.scalar(select(exists().where(Asset.id == asset_id)))
    if purged and call.session.scalar(select(exists().where(History.asset_id == asset_id))):
        return asset_id
    return find_asset(call.session, call.actor, asset_id).id


@routes.get("/assets/{asset_id}/history/")
def get_history(
    call: Call,
    asset_id: UUID,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    filter: FilterParam = "",
) -> PageAnswer[HistoryEntryAnswer]:
    """List the history of an asset, and of assets merged into it, newest first."""
    # `details` is not shown, and holds what an undo needs: it may list a thousand files.
    query = (
        select(History).options(defer(History.details)).where(history_of_asset(get_readable_asset_id(call, asset_id)))
    )
    query = apply_sort(
        apply_filter(query, filter, HISTORY_QUERY_COLUMNS), sort, HISTORY_QUERY_COLUMNS, History.id.desc()
    )
    return paginate(call, query, page, per_page, serialize_each(serialize_history_entry))


@routes.post("/assets/{asset_id}/history/")
def post_history(call: Call, asset_id: UUID, body: HistoryEntryBody) -> HistoryEntryAnswer:
    """Add an entry about an operation of another system; the caller is its actor."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    text = body.operation_description or ""
    return serialize_history_entry(add_client_history(call.session, asset.id, body.operation_type, text, call.actor))


@routes.get("/assets/{asset_id}/history/{history_entity_id}/")
def get_history_entry(call: Call, asset_id: UUID, history_entity_id: UUID) -> HistoryEntryAnswer:
    """Return one entry."""
    return serialize_history_entry(
        find_history_entry(call.session, get_readable_asset_id(call, asset_id), history_entity_id)
    )


@routes.delete("/assets/{asset_id}/history/{history_entity_id}/", is_constant=True)
def delete_history_entry(call: Call, asset_id: UUID, history_entity_id: UUID) -> NoReturn:
    """Respond 403: history is append-only."""
    find_history_entry(call.session, get_readable_asset_id(call, asset_id), history_entity_id)
    raise PermissionDenied("history is append-only: no entry can be removed")
