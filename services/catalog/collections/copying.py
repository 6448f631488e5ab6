"""Copy a collection into another: the subcollections and assets that the actor may read."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.access.acl import ALL_PERMISSIONS, AclEntry, Actor, Permission, has_permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset, CollectionStatus
from models.catalog.history import Operation
from models.core.base import new_id
from models.core.statements import copy_rows, in_array
from services.access.permissions import Principal, acl_entries_of, refuse_excess_propagation
from services.catalog.assets.assets import creator_acl_entry
from services.catalog.collections.collections import (
    LOCK_TREE,
    find_collection,
    get_collection_for_update,
    refuse_deleted_collection,
    refuse_too_deep,
)
from services.core.audit_log import record_audit
from services.core.errors import Conflict
from services.core.history import HistoryEntry, copy_history

MAX_COPIED_COLLECTIONS = 1_000
MAX_COPIED_ASSETS = 50_000
COPIED_MEMBERSHIP_COLUMNS = ("collection_id", "asset_id", "carries_rights", "position", "added_by_user")


def copy_collection(
    session: Session, source_id: uuid.UUID, parent_id: uuid.UUID, actor: Actor, *, with_rights: bool
) -> Collection:
    """Copy a collection into another; the copy belongs to the actor, and `with_rights` copies ACL entries too."""
    session.execute(LOCK_TREE)
    source = find_collection(session, actor, source_id)
    refuse_deleted_collection(source)
    parent = get_collection_for_update(session, actor, parent_id)
    rows = _readable_below(session, source, actor)
    refuse_too_deep(parent, max(len(row.path) for row in rows) - len(source.path) + 1)
    # Triggers mark_collection_insert and mark_collection_readers_insert queue the documents of the copies.
    copies = {row.id: new_id() for row in rows}
    for row in rows:
        path = [*parent.path, *(copies[step] for step in row.path[len(source.path) - 1 :])]
        # Without external id and folder, which are unique to the original.
        made = Collection(id=path[-1], title=row.title, parent_id=path[-2], path=path, position=row.position)
        made.details, made.created_by_user = dict(row.details), actor.user_id
        session.add(made)
    session.flush()
    if actor.user_id is not None:
        session.add_all(creator_acl_entry(copy, actor.user_id, COLLECTION_KIND) for copy in copies.values())
    session.flush()
    if with_rights:
        _copy_acl_entries(session, copies, actor)
    _copy_memberships(session, copies, actor)
    top = session.get_one(Collection, copies[source.id])
    record_audit(session, COLLECTION_KIND, top.id, f"was created as a copy of {source.id}", actor)
    return top


def _readable_below(session: Session, source: Collection, actor: Actor) -> Sequence[Collection]:
    """Return the collection and the descendants that the actor can reach by reading, parents before children."""
    found = session.scalars(
        select(Collection)
        .where(
            Collection.path.contains([source.id]),
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(actor, COLLECTION_KIND, Collection.id),
        )
        .limit(MAX_COPIED_COLLECTIONS + 1)
    ).all()
    if len(found) > MAX_COPIED_COLLECTIONS:
        raise Conflict(f'"{source.title}" holds more than {MAX_COPIED_COLLECTIONS} collections; copy its parts')
    reached, kept = {source.id}, [source]
    for row in sorted(found, key=lambda row: len(row.path)):
        if row.id != source.id and row.parent_id in reached:
            reached.add(row.id)
            kept.append(row)
    return kept


def _copy_acl_entries(session: Session, copies: Mapping[uuid.UUID, uuid.UUID], actor: Actor) -> None:
    rows = [
        row
        for source, copy in copies.items()
        for row in _merge_entries(copy, acl_entries_of(session, COLLECTION_KIND, source))
        if row["principal_id"] != actor.user_id
    ]
    propagating: dict[Principal, list[uuid.UUID]] = {}
    for row in rows:
        if row["propagates"]:
            who = Principal(row["principal_kind"], row["principal_id"])
            propagating.setdefault(who, []).append(row["object_id"])
    for who, ids in propagating.items():
        refuse_excess_propagation(session, ids, [who])
    if rows:
        # Trigger mark_collection_readers_insert queues the documents of collections that get readers.
        session.execute(insert(AclEntry), rows)


def _merge_entries(copy: uuid.UUID, entries: Sequence[AclEntry]) -> list[dict[str, Any]]:
    """Build ACL rows for a copy; a principal's own and inherited entries are merged."""
    together: dict[uuid.UUID, list[AclEntry]] = {}
    for entry in entries:
        together.setdefault(entry.principal_id, []).append(entry)
    return [
        {
            "object_id": copy,
            "object_type": COLLECTION_KIND,
            "principal_id": principal_id,
            "principal_kind": several[0].principal_kind,
            "permissions": [each for each in ALL_PERMISSIONS if any(each in entry.permissions for entry in several)],
            "propagates": any(entry.propagates for entry in several),
        }
        for principal_id, several in together.items()
    ]


def _copy_memberships(session: Session, copies: Mapping[uuid.UUID, uuid.UUID], actor: Actor) -> None:
    """Add the originals' readable assets to the copies, recorded in each asset's history."""
    places = session.execute(
        select(
            CollectionAsset.collection_id,
            Asset.id,
            CollectionAsset.position,
            has_permission(actor, ASSET_KIND, Asset.id, Permission.CHANGE_ACL),
        )
        .join(Asset, Asset.id == CollectionAsset.asset_id)
        .where(
            in_array(CollectionAsset.collection_id, copies),
            Asset.status == AssetStatus.ACTIVE,
            readable_by(actor, ASSET_KIND, Asset.id),
        )
        .limit(MAX_COPIED_ASSETS + 1)
    ).all()
    if len(places) > MAX_COPIED_ASSETS:
        raise Conflict(f"the collections hold more than {MAX_COPIED_ASSETS} assets; copy them in parts")
    # Trigger mark_collection_asset_insert queues the assets' documents.
    copied = ((copies[row[0]], row[1], row[3], row[2], actor.user_id) for row in places)
    copy_rows(session, CollectionAsset, COPIED_MEMBERSHIP_COLUMNS, copied)
    said = (HistoryEntry(row[1], Operation.CUSTOM, added_to_collection_text(copies[row[0]])) for row in places)
    copy_history(session, said, actor)


def added_to_collection_text(collection_id: uuid.UUID) -> str:
    """Return the history text, without the collection's title: readers of the asset may not read the collection."""
    return f"put into the collection {collection_id}"
