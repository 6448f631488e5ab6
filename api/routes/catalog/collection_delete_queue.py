"""Delete queue of collections: deleted and not purged yet."""

from functools import partial
from typing import Any

from sqlalchemy import select

from api.routes.catalog.collection_bodies import serialize_collections
from api.routes.catalog.collections import COLLECTION_SORT_COLUMNS, delete_collection_tree, select_readable_collections
from api.routes.catalog.delete_queue import EMPTY_QUEUE_ACTION, DeleteQueueIdsBody, notify_job
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, paginate
from asgi.request_context import Call
from asgi.routing import RouteGroup
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus
from services.catalog.collections.tree import restore_collection
from services.core.actors import require_administrator
from services.lifecycle.purge_collections import purge_all_collections, purge_collections
from services.lifecycle.restore import restore_all

routes = RouteGroup("assets")


@routes.get("/delete_queue/collections/")
def get_collection_queue(
    call: Call, page: PageNumber = 1, per_page: PerPage = 50, sort: SortParam = ""
) -> dict[str, Any]:
    """List deleted collections that the caller may read, last deleted first."""
    query = apply_sort(
        select_readable_collections(call, CollectionStatus.DELETED),
        sort,
        COLLECTION_SORT_COLUMNS,
        Collection.date_deleted.desc(),
    )
    return paginate(call, query.order_by(Collection.id), page, per_page, partial(serialize_collections, call))


@routes.post("/delete_queue/collections/", status=204)
def post_collection_queue(call: Call, body: DeleteQueueIdsBody) -> None:
    """Delete several collections."""
    for key in sorted(set(body.ids)):
        delete_collection_tree(call, key)


@routes.delete("/delete_queue/collections/")
def delete_from_collection_queue(call: Call, body: DeleteQueueIdsBody) -> None:
    """Restore several collections, those nearer to the root first."""
    for key in _sort_by_depth(call, body):
        restore_collection(call.session, key, call.actor)


def _sort_by_depth(call: Call, body: DeleteQueueIdsBody) -> list[Any]:
    rows = call.session.execute(select(Collection.id, Collection.path).where(Collection.id.in_(body.ids)))
    paths = {row[0]: row[1] for row in rows}
    return sorted(set(body.ids), key=lambda key: (len(paths.get(key, ())), key))


@routes.post("/delete_queue/collections/purge/", status=204)
def post_collection_purge(call: Call, body: DeleteQueueIdsBody) -> None:
    """Purge deleted collections with their subcollections; assets in them stay."""
    purge_collections(call.session, body.ids, call.actor)


@routes.post("/delete_queue/collections/purge/all/", status=204)
def post_collection_purge_all(call: Call) -> None:
    """Empty the queue; a large one by a job."""
    require_administrator(call.actor, EMPTY_QUEUE_ACTION)
    notify_job(call, purge_all_collections(call.session, call.actor))


@routes.post("/delete_queue/collections/restore/all/", status=204)
def post_collection_restore_all(call: Call) -> None:
    """Restore the whole queue; a large one by a job."""
    notify_job(call, restore_all(call.session, COLLECTION_KIND, call.actor))
