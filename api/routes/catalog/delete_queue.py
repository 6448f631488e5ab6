"""Delete queues of assets and of collections: deleted and not purged yet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.routes.catalog.answers import CollectionAnswer, ListedAssetAnswer
from api.routes.catalog.assets import ASSET_QUERY_COLUMNS, select_readable_assets
from api.routes.catalog.bodies import serialize_assets, serialize_collections
from api.routes.catalog.collections import COLLECTION_SORT_COLUMNS, delete_collection_tree, select_readable_collections
from asgi.answers import EmptyAnswer, PageAnswer
from asgi.body_base import Body
from asgi.pagination import ListSerializer, PageNumber, PerPage, QueryColumns, SortParam, apply_sort, paginate
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import Actor
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus
from models.core.statements import AnySelect
from models.queues.job import Job
from services.catalog.assets.assets import MAX_ASSETS_PER_REQUEST, delete_assets, restore_assets
from services.catalog.collections.tree import restore_collection
from services.core.errors import ValidationFailed, require_administrator
from services.lifecycle.purge import purge_all_collections, purge_assets, purge_collections, request_asset_purge
from services.lifecycle.restore import restore_all

routes = RouteGroup("assets")
DeleteQueueIds = Annotated[list[UUID], Field(fail_fast=True, max_length=MAX_ASSETS_PER_REQUEST)]


class DeleteQueueIdsBody(Body):
    ids: DeleteQueueIds


class DeleteQueueBulkBody(Body):
    """Objects to delete; `content_only` concerns collections and is ignored for assets."""

    object_ids: DeleteQueueIds
    object_type: Literal["assets", "collections"]
    content_only: bool | None = None


@dataclass(frozen=True, slots=True)
class DeleteQueue:
    """What the queue of one kind of object does in its own way."""

    kind: str
    table: type[Asset] | type[Collection]
    columns: QueryColumns
    serialize: ListSerializer[ListedAssetAnswer] | ListSerializer[CollectionAnswer]
    select: Callable[[Call], AnySelect]
    delete: Callable[[Call, Sequence[UUID]], None]
    restore: Callable[[Call, Sequence[UUID]], None]
    purge: Callable[[Session, Sequence[UUID], Actor], object]
    purge_all: Callable[[Session, Actor], Job | None]


def delete_collections(call: Call, ids: Sequence[UUID]) -> None:
    """Delete collections with their subcollections."""
    for key in sorted(set(ids)):
        delete_collection_tree(call, key)


def restore_collections(call: Call, ids: Sequence[UUID]) -> None:
    """Restore collections, those nearer to the root first."""
    rows = call.session.execute(select(Collection.id, Collection.path).where(Collection.id.in_(ids)))
    paths = {row[0]: row[1] for row in rows}
    for key in sorted(set(ids), key=lambda key: (len(paths.get(key, ())), key)):
        restore_collection(call.session, key, call.actor)


ASSET_QUEUE = DeleteQueue(
    ASSET_KIND,
    Asset,
    ASSET_QUERY_COLUMNS,
    serialize_assets,
    select=lambda call: select_readable_assets(call, AssetStatus.DELETED),
    delete=lambda call, ids: delete_assets(call.session, ids, call.actor),
    restore=lambda call, ids: restore_assets(call.session, ids, call.actor),
    purge=purge_assets,
    purge_all=request_asset_purge,
)
COLLECTION_QUEUE = DeleteQueue(
    COLLECTION_KIND,
    Collection,
    COLLECTION_SORT_COLUMNS,
    serialize_collections,
    select=lambda call: select_readable_collections(call, CollectionStatus.DELETED),
    delete=delete_collections,
    restore=restore_collections,
    purge=purge_collections,
    purge_all=purge_all_collections,
)


def of_assets(name: str, text: str) -> SharedEndpoint:
    """Return the operation on the queue of assets."""
    return SharedEndpoint(name, text, {"queue": ASSET_QUEUE})


def of_collections(name: str, text: str) -> SharedEndpoint:
    """Return the operation on the queue of collections."""
    return SharedEndpoint(name, text, {"queue": COLLECTION_QUEUE})


@routes.get(
    "/delete_queue/assets/",
    SharedEndpoint(
        "get_delete_queue",
        "List deleted assets that the caller may read, last deleted first.",
        {"queue": ASSET_QUEUE},
        types={"return": PageAnswer[ListedAssetAnswer]},
    ),
)
@routes.get(
    "/delete_queue/collections/",
    SharedEndpoint(
        "get_collection_queue",
        "List deleted collections that the caller may read, last deleted first.",
        {"queue": COLLECTION_QUEUE},
        types={"return": PageAnswer[CollectionAnswer]},
    ),
)
def list_deleted(
    call: Call, queue: DeleteQueue, page: PageNumber = 1, per_page: PerPage = 50, sort: SortParam = ""
) -> PageAnswer[Any]:
    """List deleted objects that the caller may read, last deleted first."""
    query = apply_sort(queue.select(call), sort, queue.columns, queue.table.date_deleted.desc())
    return paginate(call, query.order_by(queue.table.id), page, per_page, queue.serialize)


@routes.post("/delete_queue/assets/", of_assets("post_delete_queue", "Delete several assets."), status=204)
@routes.post(
    "/delete_queue/collections/", of_collections("post_collection_queue", "Delete several collections."), status=204
)
def delete_several(call: Call, queue: DeleteQueue, body: DeleteQueueIdsBody) -> None:
    """Delete several objects."""
    queue.delete(call, body.ids)


@routes.delete(
    "/delete_queue/assets/",
    of_assets("delete_from_delete_queue", "Restore several assets by removing them from the queue."),
)
@routes.delete(
    "/delete_queue/collections/",
    of_collections("delete_from_collection_queue", "Restore several collections, those nearer to the root first."),
)
def restore_several(call: Call, queue: DeleteQueue, body: DeleteQueueIdsBody) -> None:
    """Restore several objects by removing them from the queue."""
    queue.restore(call, body.ids)


@routes.post("/delete_queue/bulk/", status=202)
def post_delete_queue_bulk(call: Call, body: DeleteQueueBulkBody) -> EmptyAnswer:
    """Delete several objects; finished when the response arrives."""
    queue = ASSET_QUEUE if body.object_type == ASSET_KIND else COLLECTION_QUEUE
    if body.content_only and queue is COLLECTION_QUEUE:
        raise ValidationFailed(
            "content_only", "deleting a collection never deletes assets; delete those by their own ids"
        )
    queue.delete(call, body.object_ids)
    return {}


def notify_job(call: Call, job: Job | None) -> None:
    """Notify the workers of a job, if there is one."""
    if job is not None:
        call.start_job(job)


@routes.post("/delete_queue/assets/purge/", of_assets("post_purge", "Purge deleted assets."), status=204)
@routes.post(
    "/delete_queue/collections/purge/",
    of_collections(
        "post_collection_purge", "Purge deleted collections with their subcollections; assets in them stay."
    ),
    status=204,
)
def purge_several(call: Call, queue: DeleteQueue, body: DeleteQueueIdsBody) -> None:
    """Purge several deleted objects."""
    queue.purge(call.session, body.ids, call.actor)


@routes.post(
    "/delete_queue/assets/purge/all/",
    of_assets("post_purge_all_assets", "Start a job that purges all deleted assets."),
    status=204,
)
@routes.post(
    "/delete_queue/collections/purge/all/",
    of_collections("post_collection_purge_all", "Empty the queue; a large one by a job."),
    status=204,
)
def purge_queue(call: Call, queue: DeleteQueue) -> None:
    """Purge all deleted objects of a kind."""
    require_administrator(call.actor, "purge everything")
    notify_job(call, queue.purge_all(call.session, call.actor))


@routes.post("/delete_queue/purge/all/", status=204)
def post_purge_all(call: Call) -> None:
    """Purge all deleted objects: assets by a job, collections by a job where they are many."""
    purge_queue(call, ASSET_QUEUE)
    purge_queue(call, COLLECTION_QUEUE)


@routes.post(
    "/delete_queue/assets/restore/all/",
    of_assets("post_restore_all", "Restore all deleted assets; a large queue by a job."),
    status=204,
)
@routes.post(
    "/delete_queue/collections/restore/all/",
    of_collections("post_collection_restore_all", "Restore the whole queue; a large one by a job."),
    status=204,
)
def restore_queue(call: Call, queue: DeleteQueue) -> None:
    """Restore all deleted objects of a kind; a large queue by a job."""
    notify_job(call, restore_all(call.session, queue.kind, call.actor))
