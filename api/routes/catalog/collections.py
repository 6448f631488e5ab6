"""Collections: create, read, list, change, move, delete and restore."""

from uuid import UUID

from sqlalchemy import Select, func, select

from api.routes.catalog.answers import (
    CollectionAnswer,
    CollectionInfoAnswer,
    CollectionRestoreAnswer,
    GuestObjectAnswer,
)
from api.routes.catalog.bodies import (
    CollectionBody,
    filter_fields_for_guest,
    serialize_collection,
    serialize_collections,
)
from asgi.answers import JobIdAnswer, PageAnswer, StatusResponse
from asgi.pagination import PageNumber, PerPage, SortParam, apply_sort, paginate, query_columns
from asgi.request_context import Call
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import Permission, readable_by
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus, Favorite
from models.core.statements import AnySelect
from services.access.acl_templates import apply_acl_template
from services.catalog.collections.collections import create_collection, find_collection, update_collection
from services.catalog.collections.permissions import copy_inherited_permissions
from services.catalog.collections.queries import summarize_content
from services.catalog.collections.tree import (
    delete_collection,
    move_collection,
    readable_ancestors,
    request_bulk_delete,
    restore_collection,
)
from services.core.errors import NotFound, ValidationFailed

routes = RouteGroup("assets")
COLLECTION_SORT_COLUMNS = query_columns(
    Collection.id,
    Collection.title,
    Collection.external_id,
    Collection.position,
    Collection.date_created,
    Collection.date_modified,
    Collection.date_deleted,
)


def select_readable_collections(call: Call, status: CollectionStatus = CollectionStatus.ACTIVE) -> AnySelect:
    """Select the collections of a status that the caller may read."""
    return select(Collection).where(
        Collection.status == status, readable_by(call.actor, COLLECTION_KIND, Collection.id)
    )


@routes.post("/collections/")
def post_collection(
    call: Call, body: CollectionBody, apply_collection_acls: bool = False, apply_acl_template_id: UUID | None = None
) -> CollectionAnswer:
    """Create a collection, at the root or in another."""
    made = create_collection(call.session, body.new_collection(), call.actor)
    if apply_acl_template_id is not None:
        apply_acl_template(call.session, apply_acl_template_id, COLLECTION_KIND, [made.id], call.actor)
    if apply_collection_acls and made.parent_id is not None:
        copy_inherited_permissions(call.session, COLLECTION_KIND, made.id, made.parent_id)
    return serialize_collection(call, made)


@routes.get("/collections/")
def get_collections(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    is_root: bool | None = None,
    status: CollectionStatus = CollectionStatus.ACTIVE,
    favoured_by: UUID | None = None,
) -> PageAnswer[CollectionAnswer]:
    """List the collections that the caller may read, newest first."""
    query = select_readable_collections(call, status)
    if is_root is not None:
        query = query.where(Collection.parent_id.is_(None) if is_root else Collection.parent_id.is_not(None))
    if favoured_by is not None:
        query = query.where(Collection.id.in_(select_favorite_ids(call, favoured_by, COLLECTION_KIND)))
    return paginate(
        call,
        apply_sort(query, sort, COLLECTION_SORT_COLUMNS, Collection.id.desc()),
        page,
        per_page,
        serialize_collections,
    )


def select_favorite_ids(call: Call, user_id: UUID, object_type: str) -> Select[UUID]:
    """Select the ids of a user's favorites; only the user and administrators may."""
    if user_id != call.actor.user_id and not call.actor.is_admin:
        raise NotFound("user", f"{user_id} with favorites that you may see")
    return select(Favorite.object_id).where(Favorite.user_id == user_id, Favorite.object_type == object_type)


@routes.get("/collections/recent/")
def get_recent_collections(call: Call, page: PageNumber = 1, per_page: PerPage = 50) -> PageAnswer[CollectionAnswer]:
    """List the collections that the caller may read, most recently changed first."""
    query = select_readable_collections(call).order_by(Collection.date_modified.desc(), Collection.id.desc())
    return paginate(call, query, page, per_page, serialize_collections)


@routes.get("/collections/{collection_id}/", guests=True)
def get_collection(call: Call, collection_id: UUID) -> CollectionAnswer | GuestObjectAnswer:
    """Return one collection."""
    body = serialize_collection(call, find_collection(call.session, call.actor, collection_id))
    return body if call.actor.guest is None else filter_fields_for_guest(body)


@routes.put(
    "/collections/{collection_id}/",
    SharedEndpoint("put_collection", "Change the fields that were sent; absent fields stay."),
)
@routes.patch("/collections/{collection_id}/")
def patch_collection(
    call: Call, collection_id: UUID, body: CollectionBody, change_parent_mode: str = ""
) -> CollectionAnswer:
    """Change the fields that were sent. `parent_id` moves it there with its contents, `is_root` to the root.

    A null `parent_id` is ignored: callers who may not read the parent read it as null and write it back.
    """
    if call.request.method == "PUT" and body.title is None:
        raise ValidationFailed("title", "a collection needs a title")
    if change_parent_mode.lower() not in ("", "move"):
        raise ValidationFailed(
            "change_parent_mode", "a collection has one parent: move it; subcollections/ makes a copy"
        )
    # Move before other changes: a move takes the lock of the whole tree, and its holder may wait for a row lock.
    collection = find_collection(call.session, call.actor, collection_id, Permission.WRITE)
    if body.parent_id is not None and body.parent_id != collection.parent_id:
        move_collection(call.session, collection_id, body.parent_id, call.actor)
    elif body.is_root and body.parent_id is None and collection.parent_id is not None:
        move_collection(call.session, collection_id, None, call.actor)
    collection = update_collection(call.session, collection_id, body.changes(), call.actor)
    call.session.refresh(collection)
    return serialize_collection(call, collection)


@routes.delete("/collections/{collection_id}/", other=202)
def delete_one_collection(call: Call, collection_id: UUID) -> StatusResponse[JobIdAnswer]:
    """Move a collection with its subcollections to the delete queue; assets stay. Large trees by a job (202)."""
    return delete_collection_tree(call, collection_id)


def delete_collection_tree(call: Call, collection_id: UUID) -> StatusResponse[JobIdAnswer]:
    """Delete a collection: 204, or 202 with the job that deletes the rest of a large tree."""
    left = delete_collection(call.session, collection_id, call.actor)
    if not left:
        return StatusResponse(204)
    return StatusResponse(202, call.start_job(request_bulk_delete(call.session, collection_id, left, call.actor)))


@routes.put("/collections/{collection_id}/restore/", status=202)
def put_collection_restore(call: Call, collection_id: UUID) -> CollectionRestoreAnswer:
    """Restore a collection, with the subcollections deleted with it; finished when the response arrives."""
    collection = restore_collection(call.session, collection_id, call.actor)
    return {"status": collection.status, "job_id": None}


@routes.get("/collections/{collection_id}/ancestors/")
def get_collection_ancestors(
    call: Call, collection_id: UUID, page: PageNumber = 1, per_page: PerPage = 50
) -> PageAnswer[CollectionAnswer]:
    """List the ancestors, the root first, without those that the caller may not read."""
    collection = find_collection(call.session, call.actor, collection_id)
    above = [each.id for each in readable_ancestors(call.session, collection, call.actor)]
    query = select(Collection).where(Collection.id.in_(above)).order_by(func.cardinality(Collection.path))
    return paginate(call, query, page, per_page, serialize_collections)


@routes.get("/collections/{collection_id}/full/path/")
def get_collection_full_path(call: Call, collection_id: UUID) -> StatusResponse[str]:
    """Return the titles from the root down as a path, without those that the caller may not read."""
    collection = find_collection(call.session, call.actor, collection_id)
    titles = [each.title for each in readable_ancestors(call.session, collection, call.actor)]
    return StatusResponse(200, "/".join([*titles, collection.title]))


@routes.get("/collections/{collection_id}/content/info/")
def get_collection_content_info(
    call: Call,
    collection_id: UUID,
    include_subcollections: bool = False,
    format_name: str | None = None,
    by_storage_id: UUID | None = None,
    types: str = "",
) -> CollectionInfoAnswer:
    """Return count, total size and total duration of the contents that the caller may read."""
    collection = find_collection(call.session, call.actor, collection_id)
    info = summarize_content(
        call.session,
        call.actor,
        collection_id,
        deep=include_subcollections,
        format_name=format_name or None,
        storage_id=by_storage_id,
        types=list(filter(None, types.split(","))),
    )
    return {
        "title": collection.title,
        "assets_count": info.assets,
        "collections_count": info.collections,
        "total_size": info.size_bytes,
        "total_proxy_size": info.proxy_bytes,
        "total_duration_milliseconds": info.duration_ms,
        "storage_info": [
            {
                "storage_id": str(part.storage_id),
                "assets_count": part.assets,
                "file_count": part.files,
                "total_size": part.size_bytes,
                "total_duration_milliseconds": part.duration_ms,
            }
            for part in info.storages
        ],
    }
