"""Removing for good the collections that were deleted long enough ago. What they held stays where it is."""

import uuid
from collections.abc import Collection as Several
from collections.abc import Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from models.acl import AclEntry, Actor, Permission
from models.approval import Approval
from models.bulk import among
from models.collection import Collection, CollectionStatus, Favorite
from models.share import Share
from tasks.audit import note
from tasks.collections import HOLD_TREE, KIND, find_collection
from tasks.metadata_values import forget_values
from tasks.refusals import Conflict


def purge_collections(session: Session, ids: Sequence[uuid.UUID], actor: Actor) -> None:
    """Purge these deleted collections with those below them; all or none."""
    session.execute(HOLD_TREE)
    for key in sorted(set(ids)):
        collection = find_collection(session, actor, key, Permission.DELETE, lock=True)
        if collection.status != CollectionStatus.DELETED:
            raise Conflict(f'the collection "{collection.title}" is not deleted; delete it first')
        note(session, KIND, key, f'collection "{collection.title}" was purged', actor)
    _remove(session, ids)


# Leaves first: what is above goes with a later batch.
DUE = text("""
    SELECT id FROM collection
    WHERE status = 'DELETED' AND date_deleted < now() - make_interval(secs => :seconds)
        AND NOT EXISTS (SELECT FROM collection AS child WHERE child.parent_id = collection.id)
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""")


def purge_collection_batch(session: Session, recycle_seconds: float, limit: int = 500) -> int:
    """Purge up to `limit` collections that were deleted `recycle_seconds` ago; returns how many."""
    ids = session.scalars(DUE, {"seconds": recycle_seconds, "limit": limit}).all()
    if ids:
        _forget(session, ids)
    return len(ids)


def _remove(session: Session, roots: Sequence[uuid.UUID]) -> None:
    below = session.scalars(
        select(Collection.id).where(Collection.path.overlap(list(roots))).order_by(Collection.id)
    ).all()
    _forget(session, below)


def _forget(session: Session, ids: Several[uuid.UUID]) -> None:
    """Remove the rows of collections and what names them; the assets' rows in them go by their foreign key."""
    options = {"synchronize_session": False}
    entries = delete(AclEntry).where(AclEntry.object_type == KIND, among(AclEntry.object_id, ids))
    session.execute(entries.execution_options(**options))
    copies = delete(AclEntry).where(among(AclEntry.inherited_from, ids))
    session.execute(copies.execution_options(**options))
    approvals = delete(Approval).where(Approval.object_type == KIND, among(Approval.object_id, ids))
    session.execute(approvals.execution_options(**options))
    shares = delete(Share).where(Share.object_type == KIND, among(Share.object_id, ids))
    session.execute(shares.execution_options(**options))
    marks = delete(Favorite).where(Favorite.object_type == KIND, among(Favorite.object_id, ids))
    session.execute(marks.execution_options(**options))
    forget_values(session, ids)
    session.execute(delete(Collection).where(among(Collection.id, ids)).execution_options(**options))
