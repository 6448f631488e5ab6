"""Delete queue of assets: deleted and not purged yet."""

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from api.routes.catalog.asset_bodies import serialize_assets
from api.routes.catalog.assets import ASSET_QUERY_COLUMNS, select_readable_assets
from api.routes.catalog.collections import delete_collection_tree
from asgi.body_base import Body
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, paginate
from asgi.request_context import Call, StatusResponse
from asgi.routing import RouteGroup
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.queues.job import Job
from services.catalog.assets.assets import MAX_ASSETS_PER_REQUEST, delete_assets, restore_assets
from services.core.actors import require_administrator
from services.core.errors import ValidationFailed
from services.lifecycle.purge_assets import purge_assets, request_asset_purge
from services.lifecycle.purge_collections import purge_all_collections
from services.lifecycle.restore import restore_all

routes = RouteGroup("assets")
EMPTY_QUEUE_ACTION = "purge everything"
DeleteQueueIds = Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_ASSETS_PER_REQUEST)]


class DeleteQueueIdsBody(Body):
    ids: DeleteQueueIds


class DeleteQueueBulkBody(Body):
    """Objects to delete; `content_only` concerns collections and is ignored for assets."""

    object_ids: DeleteQueueIds
    object_type: Literal["assets", "collections"]
    content_only: bool | None = None


@routes.get("/delete_queue/assets/")
def get_delete_queue(call: Call, page: PageNumber = 1, per_page: PerPage = 50, sort: SortParam = "") -> dict[str, Any]:
    """List deleted assets that the caller may read, last deleted first."""
    query = apply_sort(
        select_readable_assets(call, AssetStatus.DELETED), sort, ASSET_QUERY_COLUMNS, Asset.date_deleted.desc()
    )
    return paginate(call, query.order_by(Asset.id), page, per_page, partial(serialize_assets, call))


@routes.post("/delete_queue/assets/", status=204)
def post_delete_queue(call: Call, body: DeleteQueueIdsBody) -> None:
    """Delete several assets."""
    delete_assets(call.session, body.ids, call.actor)


@routes.delete("/delete_queue/assets/")
def delete_from_delete_queue(call: Call, body: DeleteQueueIdsBody) -> None:
    """Restore several assets by removing them from the queue."""
    restore_assets(call.session, body.ids, call.actor)


@routes.post("/delete_queue/bulk/", status=202)
def post_delete_queue_bulk(call: Call, body: DeleteQueueBulkBody) -> StatusResponse:
    """Delete several objects; finished when the response arrives."""
    if body.object_type == "assets":
        delete_assets(call.session, body.object_ids, call.actor)
    elif body.content_only:
        raise ValidationFailed(
            "content_only", "deleting a collection never deletes assets; delete those by their own ids"
        )
    else:
        for key in sorted(set(body.object_ids)):
            delete_collection_tree(call, key)
    return StatusResponse(202, {})


def notify_job(call: Call, job: Job | None) -> None:
    """Notify the workers of a job, if there is one."""
    if job is not None:
        call.notify(job.task or "", [job.id])


@routes.post("/delete_queue/assets/purge/", status=204)
def post_purge(call: Call, body: DeleteQueueIdsBody) -> None:
    """Purge deleted assets."""
    purge_assets(call.session, body.ids, call.actor)


@routes.post("/delete_queue/assets/purge/all/", status=204)
def post_purge_all_assets(call: Call) -> None:
    """Start a job that purges all deleted assets."""
    require_administrator(call.actor, EMPTY_QUEUE_ACTION)
    notify_job(call, request_asset_purge(call.session, call.actor))


@routes.post("/delete_queue/purge/all/", status=204)
def post_purge_all(call: Call) -> None:
    """Purge all deleted objects: assets by a job, collections by a job where they are many."""
    post_purge_all_assets(call)
    notify_job(call, purge_all_collections(call.session, call.actor))


@routes.post("/delete_queue/assets/restore/all/", status=204)
def post_restore_all(call: Call) -> None:
    """Restore all deleted assets; a large queue by a job."""
    notify_job(call, restore_all(call.session, ASSET_KIND, call.actor))
