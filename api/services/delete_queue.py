"""Delete queue of assets: deleted and not purged yet."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.bodies import Body
from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, ordered, paged
from api.routing import Service
from api.services.asset_bodies import in_list
from api.services.assets import COLUMNS, readable
from api.services.collections import delete_with_rest
from models.asset import Asset, AssetStatus
from models.job import Job
from tasks.assets import KIND, MOST_AT_ONCE, delete_assets, restore_assets
from tasks.collection_purge import purge_all_collections
from tasks.purge import purge, request_purge
from tasks.refusals import Invalid
from tasks.restoring import restore_all
from tasks.users import require_administrator

routes = Service("assets")
EMPTY = "purge everything"
Ids = Annotated[list[UUID], Field(max_length=MOST_AT_ONCE)]


class IdsBody(Body):
    ids: Ids


class BulkBody(Body):
    """Objects to delete; `content_only` concerns collections and is ignored for assets."""

    object_ids: Ids
    object_type: Literal["assets", "collections"]
    content_only: bool | None = None


@routes.get("/delete_queue/assets/")
def get_delete_queue(call: Call, page: Page = 1, per_page: PerPage = 50, sort: Sort = "") -> dict[str, Any]:
    """List deleted assets that the caller may read, last deleted first."""
    query = ordered(readable(call, AssetStatus.DELETED), sort, COLUMNS, Asset.date_deleted.desc())
    return paged(call, query.order_by(Asset.id), page, per_page, in_list(call))


@routes.post("/delete_queue/assets/", status=204)
def post_delete_queue(call: Call, body: IdsBody) -> None:
    """Delete several assets."""
    delete_assets(call.session, body.ids, call.actor)


@routes.delete("/delete_queue/assets/")
def delete_from_delete_queue(call: Call, body: IdsBody) -> None:
    """Restore several assets by removing them from the queue."""
    restore_assets(call.session, body.ids, call.actor)


@routes.post("/delete_queue/bulk/", status=202)
def post_delete_queue_bulk(call: Call, body: BulkBody) -> Answer:
    """Delete several objects; finished when the response arrives."""
    if body.object_type == "assets":
        delete_assets(call.session, body.object_ids, call.actor)
    elif body.content_only:
        raise Invalid("content_only", "deleting a collection never deletes assets; delete those by their own ids")
    else:
        for key in sorted(set(body.object_ids)):
            delete_with_rest(call, key)
    return Answer(202, {})


def ring_if_any(call: Call, job: Job | None) -> None:
    """Notify the workers of a job, if there is one."""
    if job is not None:
        call.ring(job.task or "", [job.id])


@routes.post("/delete_queue/assets/purge/", status=204)
def post_purge(call: Call, body: IdsBody) -> None:
    """Purge deleted assets."""
    purge(call.session, body.ids, call.actor)


@routes.post("/delete_queue/assets/purge/all/", status=204)
def post_purge_all_assets(call: Call) -> None:
    """Start a job that purges all deleted assets."""
    require_administrator(call.actor, EMPTY)
    ring_if_any(call, request_purge(call.session, call.actor))


@routes.post("/delete_queue/purge/all/", status=204)
def post_purge_all(call: Call) -> None:
    """Purge all deleted objects: assets by a job, collections by a job where they are many."""
    post_purge_all_assets(call)
    ring_if_any(call, purge_all_collections(call.session, call.actor))


@routes.post("/delete_queue/assets/restore/all/", status=204)
def post_restore_all(call: Call) -> None:
    """Restore all deleted assets; a large queue by a job."""
    ring_if_any(call, restore_all(call.session, KIND, call.actor))
