"""What was deleted and not purged yet."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import select

from api.bodies import Body
from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, ordered, paged
from api.routing import Service
from api.services.asset_bodies import in_list
from api.services.assets import COLUMNS, readable
from api.services.collections import delete_with_rest
from models.asset import Asset, AssetStatus
from tasks.assets import MOST_AT_ONCE, delete_assets, restore_assets
from tasks.collection_purge import purge_collection_batch
from tasks.purge import purge, request_purge
from tasks.refusals import Invalid
from tasks.users import require_administrator

routes = Service("assets")
Ids = Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)]


class IdsBody(Body):
    ids: Ids


class BulkBody(Body):
    """`content_only` is about collections, and nothing for assets."""

    object_ids: Ids
    object_type: Literal["assets", "collections"]
    content_only: bool | None = None


@routes.get("/delete_queue/assets/")
def get_delete_queue(call: Call, page: Page = 1, per_page: PerPage = 50, sort: Sort = "") -> dict[str, Any]:
    """Deleted assets that the caller may read, the last one first."""
    query = ordered(readable(call, AssetStatus.DELETED), sort, COLUMNS, Asset.date_deleted.desc())
    return paged(call, query.order_by(Asset.id), page, per_page, in_list(call))


@routes.post("/delete_queue/assets/", status=204)
def post_delete_queue(call: Call, body: IdsBody) -> None:
    """Delete many."""
    delete_assets(call.session, body.ids, call.actor)


@routes.delete("/delete_queue/assets/")
def delete_from_delete_queue(call: Call, body: IdsBody) -> None:
    """Restore many: taken from the queue, they are back."""
    restore_assets(call.session, body.ids, call.actor)


@routes.post("/delete_queue/bulk/", status=202)
def post_delete_queue_bulk(call: Call, body: BulkBody) -> Answer:
    """Delete many; done when the answer comes."""
    if body.object_type == "assets":
        delete_assets(call.session, body.object_ids, call.actor)
    elif body.content_only:
        raise Invalid("content_only", "deleting a collection never deletes assets; delete those by their own ids")
    else:
        for key in sorted(set(body.object_ids)):
            delete_with_rest(call, key)
    return Answer(202, {})


@routes.post("/delete_queue/assets/purge/", status=204)
def post_purge(call: Call, body: IdsBody) -> None:
    """Remove deleted assets for good."""
    purge(call.session, body.ids, call.actor)


@routes.post("/delete_queue/assets/purge/all/", status=204)
def post_purge_all_assets(call: Call) -> None:
    """A job that empties the queue."""
    require_administrator(call.actor, "purge everything")
    job = request_purge(call.session, call.actor)
    call.ring(job.task or "", [job.id])


@routes.post("/delete_queue/purge/all/", status=204)
def post_purge_all(call: Call) -> None:
    """Empty the queue of every kind of object: collections at once, assets by a job."""
    post_purge_all_assets(call)
    while purge_collection_batch(call.session, recycle_seconds=0):
        pass


@routes.post("/delete_queue/assets/restore/all/", status=204)
def post_restore_all(call: Call) -> None:
    """Restore everything, a thousand at a time."""
    require_administrator(call.actor, "restore everything")
    deleted = select(Asset.id).where(Asset.status == AssetStatus.DELETED, Asset.merged_into.is_(None))
    deleted = deleted.order_by(Asset.id).limit(MOST_AT_ONCE)
    while ids := call.session.scalars(deleted).all():
        restore_assets(call.session, ids, call.actor)
