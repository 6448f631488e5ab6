"""Permissions from collections: inherited on creation, listed for an object, and set on all contents.

Propagating permissions are never copied but looked up on each request. A copy (`inherited_from`) is made on request
when something is created in a collection, and is deleted when it leaves.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Uuid, delete, func, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.access.acl import AclEntry, Actor, Permission, PrincipalKind, has_permission, readable_by
from models.catalog.asset import Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset, CollectionStatus
from models.queues.job import Job
from services.access.permissions import (
    Principal,
    grant_permissions,
    parse_permission,
    principal_names,
    revoke_permissions,
)
from services.catalog.collections.collections import find_collection
from services.core.errors import PermissionDenied
from services.jobs.jobs import add_job
from services.jobs.runner import BatchCursor, JobKind, JobRun, batches

CONTENT_PERMISSIONS_TASK = "maintenance.set_content_rights"
PERMISSION_BATCH_SIZE = 500

# Triggers mark_acl_entry_insert and mark_collection_readers_insert queue the object's document. Entries of a principal
# (own and inherited) become one, hence the aggregate.
COPY_INHERITED_ENTRIES = text("""
    INSERT INTO acl_entry (object_id, object_type, principal_id, inherited_from, principal_kind, permissions)
    SELECT :object, :type, principal_id, :collection, min(principal_kind), array_agg(DISTINCT permission)
    FROM acl_entry CROSS JOIN unnest(permissions) AS permission
    WHERE object_type = 'collections' AND object_id = :collection GROUP BY principal_id
    ON CONFLICT (object_id, object_type, principal_id, inherited_from)
        DO UPDATE SET permissions = excluded.permissions, date_modified = now()
""")


def copy_inherited_permissions(
    session: Session, object_type: str, object_id: uuid.UUID, collection_id: uuid.UUID
) -> None:
    """Copy a collection's ACL entries to an object that was created inside it."""
    session.execute(COPY_INHERITED_ENTRIES, {"object": object_id, "type": object_type, "collection": collection_id})


def delete_inherited_permissions(
    session: Session, object_type: str, object_id: uuid.UUID, collection_id: uuid.UUID
) -> None:
    """Delete the entries that an object inherited from a collection it has left."""
    # Trigger mark_acl_entry_delete (or mark_collection_readers_delete) hides the document until it is reindexed.
    copies = delete(AclEntry).where(
        AclEntry.object_type == object_type, AclEntry.object_id == object_id, AclEntry.inherited_from == collection_id
    )
    session.execute(copies.execution_options(synchronize_session=False))


def propagating_entries(session: Session, actor: Actor, object_type: str, object_id: uuid.UUID) -> Sequence[AclEntry]:
    """Load the collection entries that propagate to an object, or within a collection.

    Entries of collections that the actor may not read are left out.
    """
    if object_type == COLLECTION_KIND:
        path = select(func.unnest(Collection.path)).where(Collection.id == object_id)
    else:
        path = (
            select(func.unnest(Collection.path))
            .join(CollectionAsset, CollectionAsset.collection_id == Collection.id)
            .where(
                CollectionAsset.asset_id == object_id,
                CollectionAsset.carries_rights,
                Collection.status == CollectionStatus.ACTIVE,
            )
        )
    above = select(Collection.id).where(
        Collection.id.in_(path),
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(actor, COLLECTION_KIND, Collection.id),
    )
    query = select(AclEntry).where(
        AclEntry.object_type == COLLECTION_KIND, AclEntry.propagates, AclEntry.object_id.in_(above)
    )
    return session.scalars(query.order_by(AclEntry.object_id, AclEntry.principal_id)).all()


def request_content_permissions(
    session: Session,
    collection_ids: Sequence[uuid.UUID],
    kinds: Sequence[str],
    principals: Sequence[Principal],
    rights: Mapping[str, Any],
    actor: Actor,
) -> Job:
    """Create a job that sets permissions on everything in these collections that the actor may read and administer.

    `rights` is `{"permissions", "adds"}`, or empty to revoke.
    """
    for key in collection_ids:
        find_collection(session, actor, key)
    for permission in rights.get("permissions", ()):
        parse_permission(permission)
    names = principal_names(session, principals)
    if actor.user_id is None:
        raise PermissionDenied("only users set rights on what is inside collections")
    arguments = {
        "collections": [str(key) for key in collection_ids],
        "kinds": list(kinds),
        "principals": [[each.kind.value, str(each.id)] for each in principals],
        **rights,
    }
    about = {"object_type": COLLECTION_KIND, "object_id": collection_ids[0] if collection_ids else None}
    title = f"Set rights of {len(names)} on what is inside collections"
    return add_job(session, CONTENT_PERMISSIONS_TASK, "ACL", title, actor, arguments=arguments, **about)


def set_permissions_batch(session: Session, run: JobRun, place: BatchCursor) -> tuple[int, BatchCursor | None]:
    """Set the permissions of the next objects, with the requesting user's current permissions."""
    asked = run.claim.arguments
    # Permissions may have changed since the request: the job must not do what the user may no longer do.
    actor = run.find_requester(session)
    kinds = asked["kinds"]
    kind = place.get("kind") or next(iter(kinds), None)
    if kind is None:
        return 0, None
    ids = _next_object_ids(session, actor, kind, [uuid.UUID(key) for key in asked["collections"]], place.get("after"))
    principals = [Principal(PrincipalKind(kind_), uuid.UUID(key)) for kind_, key in asked["principals"]]
    if "permissions" in asked:
        grant_permissions(session, kind, ids, principals, asked["permissions"], actor, adds=asked["adds"])
    elif ids:
        revoke_permissions(session, kind, ids, principals, actor)
    if len(ids) == PERMISSION_BATCH_SIZE:
        return len(ids), {"kind": kind, "after": str(ids[-1])}
    later = kinds[kinds.index(kind) + 1 :]
    return len(ids), {"kind": later[0]} if later else None


def _next_object_ids(
    session: Session, actor: Actor, kind: str, collections: list[uuid.UUID], after: str | None
) -> Sequence[uuid.UUID]:
    """Return the next contained objects by id, of those that the actor may read and change the ACL of."""
    within = Collection.path.overlap(literal(collections, ARRAY(Uuid))), Collection.status == CollectionStatus.ACTIVE
    key: InstrumentedAttribute[uuid.UUID] = Collection.id if kind == COLLECTION_KIND else Asset.id
    if kind == COLLECTION_KIND:
        query = select(key).where(*within, Collection.id.not_in(collections))
    else:
        held = select(CollectionAsset.asset_id).join(Collection, Collection.id == CollectionAsset.collection_id)
        query = select(key).where(key.in_(held.where(*within)), Asset.status == AssetStatus.ACTIVE)
    if after:
        query = query.where(key > uuid.UUID(after))
    rights = (has_permission(actor, kind, key, each) for each in (Permission.READ, Permission.CHANGE_ACL))
    return session.scalars(query.where(*rights).order_by(key).limit(PERMISSION_BATCH_SIZE)).all()


CONTENT_PERMISSIONS_JOBS = JobKind(
    CONTENT_PERMISSIONS_TASK, batches(set_permissions_batch, "objects have other rights")
)
