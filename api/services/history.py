"""History of assets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import defer

from api.bodies import Body, Text
from api.call import Call
from api.pages import Filter, Page, PerPage, Sort, filtered, ordered, paged
from api.rendering import key, stamp
from api.routing import Service
from models.acl import Permission
from models.asset import Asset
from models.history import History, Operation
from tasks.assets import find_asset
from tasks.history import add_custom_entry, find_entry, of_asset
from tasks.refusals import Denied

routes = Service("assets")
COLUMNS = {
    "id": History.id,
    "operation_type": History.operation_type,
    "user_id": History.user_id,
    "job_id": History.job_id,
    "share_id": History.share_id,
    "date_created": History.date_created,
}


class EntryBody(Body):
    operation_type: Operation
    operation_description: Text | None = None


def entry_body(entry: History) -> dict[str, Any]:
    """Serialise one entry. `actor` is a display name, also for entries without a user."""
    return {
        "id": str(entry.id),
        "asset_id": str(entry.asset_id),
        "version_id": str(entry.version_id),
        "operation_type": entry.operation_type,
        "operation_description": entry.operation_description,
        "actor": entry.actor,
        "user_id": key(entry.user_id),
        "job_id": key(entry.job_id),
        "share_id": key(entry.share_id),
        "share_user_id": key(entry.share_user_id),
        "date_created": stamp(entry.date_created),
        "date_modified": stamp(entry.date_created),
    }


def entries(rows: Sequence[History]) -> list[dict[str, Any]]:
    """Serialise the entries of a page."""
    return [entry_body(entry) for entry in rows]


def readable_id(call: Call, asset_id: UUID) -> UUID:
    """Return the id of the asset whose history the caller may read.

    History outlives a purged asset, whose access control list is gone: only administrators can read it then.
    """
    purged = call.actor.is_admin and not call.session.scalar(select(exists().where(Asset.id == asset_id)))
    if purged and call.session.scalar(select(exists().where(History.asset_id == asset_id))):
        return asset_id
    return find_asset(call.session, call.actor, asset_id).id


@routes.get("/assets/{asset_id}/history/")
def get_history(
    call: Call, asset_id: UUID, page: Page = 1, per_page: PerPage = 50, sort: Sort = "", filter: Filter = ""
) -> dict[str, Any]:
    """List the history of an asset, and of assets merged into it, newest first."""
    # `details` is not shown, and holds what an undo needs: it may list a thousand files.
    query = select(History).options(defer(History.details)).where(of_asset(readable_id(call, asset_id)))
    query = ordered(filtered(query, filter, COLUMNS), sort, COLUMNS, History.id.desc())
    return paged(call, query, page, per_page, entries)


@routes.post("/assets/{asset_id}/history/")
def post_history(call: Call, asset_id: UUID, body: EntryBody) -> dict[str, Any]:
    """Add an entry about an operation of another system; the caller is its actor."""
    asset = find_asset(call.session, call.actor, asset_id, Permission.WRITE)
    text = body.operation_description or ""
    return entry_body(add_custom_entry(call.session, asset.id, body.operation_type, text, call.actor))


@routes.get("/assets/{asset_id}/history/{history_entity_id}/")
def get_history_entry(call: Call, asset_id: UUID, history_entity_id: UUID) -> dict[str, Any]:
    """Return one entry."""
    return entry_body(find_entry(call.session, readable_id(call, asset_id), history_entity_id))


@routes.delete("/assets/{asset_id}/history/{history_entity_id}/")
def delete_history_entry(call: Call, asset_id: UUID, history_entity_id: UUID) -> None:
    """Respond 403: history is append-only."""
    find_entry(call.session, readable_id(call, asset_id), history_entity_id)
    raise Denied("history is append-only: nobody removes an entry")
