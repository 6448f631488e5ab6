"""Collections: create, read, list, change, move, delete and restore."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from api.call import Answer, Call
from api.pages import Page, PerPage, Sort, ordered, paged
from api.routing import Service
from api.services.asset_bodies import shown_to_guests
from api.services.collection_bodies import CollectionBody, collection_body, in_list
from models.acl import Permission, readable_by
from models.collection import Collection, CollectionStatus, Favorite
from tasks.acl_templates import apply_template
from tasks.collection_deleting import request_deletion
from tasks.collection_facts import Question, content_info
from tasks.collection_rights import inherit_rights
from tasks.collection_tree import ancestors_of, delete_collection, move_collection, restore_collection
from tasks.collections import KIND, change_collection, create_collection, find_collection
from tasks.refusals import Invalid, Missing

routes = Service("assets")
SORTED_BY = {
    "id": Collection.id,
    "title": Collection.title,
    "external_id": Collection.external_id,
    "position": Collection.position,
    "date_created": Collection.date_created,
    "date_modified": Collection.date_modified,
    "date_deleted": Collection.date_deleted,
}


def readable(call: Call, status: CollectionStatus = CollectionStatus.ACTIVE) -> Select[Any]:
    """Select the collections of a status that the caller may read."""
    return select(Collection).where(Collection.status == status, readable_by(call.actor, KIND, Collection.id))


@routes.post("/collections/")
def post_collection(
    call: Call, body: CollectionBody, apply_collection_acls: bool = False, apply_acl_template_id: UUID | None = None
) -> dict[str, Any]:
    """Create a collection, at the root or in another."""
    made = create_collection(call.session, body.new_collection(), call.actor)
    if apply_acl_template_id is not None:
        apply_template(call.session, apply_acl_template_id, KIND, [made.id], call.actor)
    if apply_collection_acls and made.parent_id is not None:
        inherit_rights(call.session, KIND, made.id, made.parent_id)
    return collection_body(call, made)


@routes.get("/collections/")
def get_collections(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    is_root: bool | None = None,
    status: CollectionStatus = CollectionStatus.ACTIVE,
    favoured_by: UUID | None = None,
) -> dict[str, Any]:
    """List the collections that the caller may read, newest first."""
    query = readable(call, status)
    if is_root is not None:
        query = query.where(Collection.parent_id.is_(None) if is_root else Collection.parent_id.is_not(None))
    if favoured_by is not None:
        query = query.where(Collection.id.in_(favorites_of(call, favoured_by, KIND)))
    return paged(call, ordered(query, sort, SORTED_BY, Collection.id.desc()), page, per_page, in_list(call))


def favorites_of(call: Call, user_id: UUID, object_type: str) -> Select[tuple[UUID]]:
    """Select the ids of a user's favorites; only the user and administrators may."""
    if user_id != call.actor.user_id and not call.actor.is_admin:
        raise Missing("user", f"{user_id} with favorites that you may see")
    return select(Favorite.object_id).where(Favorite.user_id == user_id, Favorite.object_type == object_type)


@routes.get("/collections/recent/")
def get_recent_collections(call: Call, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    """List the collections that the caller may read, most recently changed first."""
    query = readable(call).order_by(Collection.date_modified.desc(), Collection.id.desc())
    return paged(call, query, page, per_page, in_list(call))


@routes.get("/collections/{collection_id}/", guests=True)
def get_collection(call: Call, collection_id: UUID) -> dict[str, Any]:
    """Return one collection."""
    body = collection_body(call, find_collection(call.session, call.actor, collection_id))
    return body if call.actor.guest is None else shown_to_guests(body)


@routes.patch("/collections/{collection_id}/")
def patch_collection(
    call: Call, collection_id: UUID, body: CollectionBody, change_parent_mode: str = ""
) -> dict[str, Any]:
    """Change the fields that were sent. `parent_id` moves it there with its contents, `is_root` to the root.

    A null `parent_id` is ignored: callers who may not read the parent read it as null and write it back.
    """
    if change_parent_mode.lower() not in ("", "move"):
        raise Invalid("change_parent_mode", "a collection stands in one place: move; subcollections/ makes a copy")
    # Move before other changes: a move takes the lock of the whole tree, and its holder may wait for a row lock.
    collection = find_collection(call.session, call.actor, collection_id, Permission.WRITE)
    if body.parent_id is not None and body.parent_id != collection.parent_id:
        move_collection(call.session, collection_id, body.parent_id, call.actor)
    elif body.is_root and body.parent_id is None and collection.parent_id is not None:
        move_collection(call.session, collection_id, None, call.actor)
    collection = change_collection(call.session, collection_id, body.changes(), call.actor)
    call.session.refresh(collection)
    return collection_body(call, collection)


@routes.put("/collections/{collection_id}/")
def put_collection(
    call: Call, collection_id: UUID, body: CollectionBody, change_parent_mode: str = ""
) -> dict[str, Any]:
    """Change the fields that were sent; absent fields stay."""
    if body.title is None:
        raise Invalid("title", "a collection needs a title")
    return patch_collection(call, collection_id, body, change_parent_mode)


@routes.delete("/collections/{collection_id}/", other=202)
def delete_one_collection(call: Call, collection_id: UUID) -> Answer:
    """Move a collection with its subcollections to the delete queue; assets stay. Large trees by a job (202)."""
    job_id = delete_with_rest(call, collection_id)
    return Answer(204) if job_id is None else Answer(202, {"job_id": str(job_id)})


def delete_with_rest(call: Call, collection_id: UUID) -> UUID | None:
    """Delete a collection, and return the id of the job that deletes the rest of a large tree, or None."""
    left = delete_collection(call.session, collection_id, call.actor)
    if not left:
        return None
    job = request_deletion(call.session, collection_id, left, call.actor)
    call.ring(job.task or "", [job.id])
    return job.id


@routes.put("/collections/{collection_id}/restore/", status=202)
def put_collection_restore(call: Call, collection_id: UUID) -> dict[str, Any]:
    """Restore a collection, with the subcollections deleted with it; finished when the response arrives."""
    collection = restore_collection(call.session, collection_id, call.actor)
    return {"status": collection.status, "job_id": None}


@routes.get("/collections/{collection_id}/ancestors/")
def get_collection_ancestors(call: Call, collection_id: UUID, page: Page = 1, per_page: PerPage = 50) -> dict[str, Any]:
    """List the ancestors, the root first, without those that the caller may not read."""
    collection = find_collection(call.session, call.actor, collection_id)
    above = [each.id for each in ancestors_of(call.session, collection, call.actor)]
    query = select(Collection).where(Collection.id.in_(above)).order_by(func.cardinality(Collection.path))
    return paged(call, query, page, per_page, in_list(call))


@routes.get("/collections/{collection_id}/full/path/")
def get_collection_full_path(call: Call, collection_id: UUID) -> Answer:
    """Return the titles from the root down as a path, without those that the caller may not read."""
    collection = find_collection(call.session, call.actor, collection_id)
    titles = [each.title for each in ancestors_of(call.session, collection, call.actor)]
    return Answer(200, "/".join([*titles, collection.title]))


@routes.get("/collections/{collection_id}/content/info/")
def get_collection_content_info(
    call: Call,
    collection_id: UUID,
    include_subcollections: bool = False,
    format_name: str | None = None,
    by_storage_id: UUID | None = None,
    types: str = "",
) -> dict[str, Any]:
    """Return count, total size and total duration of the contents that the caller may read."""
    collection = find_collection(call.session, call.actor, collection_id)
    wanted = tuple(filter(None, types.split(",")))
    question = Question(include_subcollections, format_name or None, by_storage_id, wanted)
    info = content_info(call.session, call.actor, collection_id, question)
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
