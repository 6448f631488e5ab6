"""Delete queue of collections: deleted and not purged yet."""

from typing import Any

from sqlalchemy import select

from api.call import Call
from api.pages import Page, PerPage, Sort, ordered, paged
from api.routing import Service
from api.services.collection_bodies import in_list
from api.services.collections import SORTED_BY, delete_with_rest, readable
from api.services.delete_queue import EMPTY, IdsBody, ring_if_any
from models.collection import Collection, CollectionStatus
from tasks.collection_purge import purge_all_collections, purge_collections
from tasks.collection_tree import restore_collection
from tasks.collections import KIND
from tasks.restoring import restore_all
from tasks.users import require_administrator

routes = Service("assets")


@routes.get("/delete_queue/collections/")
def get_collection_queue(call: Call, page: Page = 1, per_page: PerPage = 50, sort: Sort = "") -> dict[str, Any]:
    """List deleted collections that the caller may read, last deleted first."""
    query = ordered(readable(call, CollectionStatus.DELETED), sort, SORTED_BY, Collection.date_deleted.desc())
    return paged(call, query.order_by(Collection.id), page, per_page, in_list(call))


@routes.post("/delete_queue/collections/", status=204)
def post_collection_queue(call: Call, body: IdsBody) -> None:
    """Delete several collections."""
    for key in sorted(set(body.ids)):
        delete_with_rest(call, key)


@routes.delete("/delete_queue/collections/")
def delete_from_collection_queue(call: Call, body: IdsBody) -> None:
    """Restore several collections, those nearer to the root first."""
    for key in _from_the_root(call, body):
        restore_collection(call.session, key, call.actor)


def _from_the_root(call: Call, body: IdsBody) -> list[Any]:
    rows = call.session.execute(select(Collection.id, Collection.path).where(Collection.id.in_(body.ids)))
    paths = {row[0]: row[1] for row in rows}
    return sorted(set(body.ids), key=lambda key: (len(paths.get(key, ())), key))


@routes.post("/delete_queue/collections/purge/", status=204)
def post_collection_purge(call: Call, body: IdsBody) -> None:
    """Purge deleted collections with their subcollections; assets in them stay."""
    purge_collections(call.session, body.ids, call.actor)


@routes.post("/delete_queue/collections/purge/all/", status=204)
def post_collection_purge_all(call: Call) -> None:
    """Empty the queue; a large one by a job."""
    require_administrator(call.actor, EMPTY)
    ring_if_any(call, purge_all_collections(call.session, call.actor))


@routes.post("/delete_queue/collections/restore/all/", status=204)
def post_collection_restore_all(call: Call) -> None:
    """Restore the whole queue; a large one by a job."""
    ring_if_any(call, restore_all(call.session, KIND, call.actor))
