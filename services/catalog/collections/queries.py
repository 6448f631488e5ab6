"""Queries on collections and their contents, restricted to what the actor may read."""

import uuid
from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Row, Select, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, has_permission, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionAsset, CollectionStatus, Favorite
from models.core.statements import in_array


@dataclass(frozen=True, slots=True)
class CollectionMemberships:
    """Collections that contain objects, as far as the actor may read them."""

    direct: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)
    """By object: collections that contain it directly."""
    above: dict[uuid.UUID, list[uuid.UUID]] = field(default_factory=dict)
    """By object: all collections that contain it, directly or not."""


def load_memberships(session: Session, actor: Actor, asset_ids: Several[uuid.UUID]) -> CollectionMemberships:
    """Load the collections that contain these assets, in at most two queries."""
    rows = session.execute(
        select(CollectionAsset.asset_id, Collection.id, Collection.path)
        .join(Collection, Collection.id == CollectionAsset.collection_id)
        .where(
            in_array(CollectionAsset.asset_id, asset_ids),
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(actor, COLLECTION_KIND, Collection.id),
        )
        .order_by(CollectionAsset.asset_id, Collection.id)
    ).all()
    return _readable_memberships(session, actor, rows)


def _readable_memberships(
    session: Session, actor: Actor, rows: Sequence[Row[uuid.UUID, uuid.UUID, list[uuid.UUID]]]
) -> CollectionMemberships:
    """Build memberships from rows of (object, collection, path), leaving unreadable collections out of the paths."""
    places = CollectionMemberships()
    known = {row[1] for row in rows}
    known |= readable_collection_ids(session, actor, {step for row in rows for step in row[2]} - known)
    for object_id, collection_id, path in rows:
        places.direct.setdefault(object_id, []).append(collection_id)
        above = places.above.setdefault(object_id, [])
        above.extend(step for step in path if step in known and step not in above)
    return places


def readable_collection_ids(session: Session, actor: Actor, ids: Several[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these collections that are active and readable by the actor."""
    if not ids:
        return set()
    return set(
        session.scalars(
            select(Collection.id).where(
                in_array(Collection.id, ids),
                Collection.status == CollectionStatus.ACTIVE,
                readable_by(actor, COLLECTION_KIND, Collection.id),
            )
        )
    )


def favorite_ids(session: Session, actor: Actor, object_type: str, ids: Several[uuid.UUID]) -> set[uuid.UUID]:
    """Return those of these objects that are favorites of the actor."""
    return set(
        session.scalars(
            select(Favorite.object_id).where(
                Favorite.user_id == actor.user_id,
                Favorite.object_type == object_type,
                in_array(Favorite.object_id, ids),
            )
        )
    )


def collection_permissions(session: Session, actor: Actor, ids: Several[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """Load the actor's permissions on these collections, in one query."""
    held = [has_permission(actor, COLLECTION_KIND, Collection.id, permission) for permission in Permission]
    rows = session.execute(select(Collection.id, *held).where(in_array(Collection.id, ids)))
    return {row[0]: [each.value for each, may in zip(Permission, row[1:], strict=True) if may] for row in rows}


def select_readable_subtree(actor: Actor, collection_id: uuid.UUID, *, deep: bool = True) -> Select[uuid.UUID]:
    """Select the collection and, with `deep`, its readable descendants."""
    which = Collection.path.contains([collection_id]) if deep else Collection.id == collection_id
    return select(Collection.id).where(
        which, Collection.status == CollectionStatus.ACTIVE, readable_by(actor, COLLECTION_KIND, Collection.id)
    )


def select_assets_in(actor: Actor, collections: Select[uuid.UUID]) -> Select[uuid.UUID]:
    """Select the readable assets in these collections, each once."""
    return (
        select(CollectionAsset.asset_id)
        .join(Asset, Asset.id == CollectionAsset.asset_id)
        .where(
            CollectionAsset.collection_id.in_(collections),
            Asset.status == AssetStatus.ACTIVE,
            readable_by(actor, ASSET_KIND, Asset.id),
        )
        .distinct()
    )


@dataclass(frozen=True, slots=True)
class StorageContent:
    """Content that is on one storage."""

    storage_id: uuid.UUID | None
    assets: int
    files: int
    size_bytes: int
    duration_ms: int


@dataclass(frozen=True, slots=True)
class ContentInfo:
    """Counts and sizes of a collection's content."""

    assets: int
    collections: int
    size_bytes: int
    proxy_bytes: int
    duration_ms: int
    storages: tuple[StorageContent, ...]


# The first row is the total, the others are per storage. An asset's duration is that of its longest format, counted
# once; renditions (`transcode`) are summed separately as proxy bytes. Ids are passed instead of the permission query,
# so that permissions are evaluated once.
SUM_CONTENT_SIZES = text("""
    WITH content AS (SELECT unnest(CAST(:ids AS uuid[])) AS asset_id),
    long AS (
        SELECT asset_id, max(CASE WHEN jsonb_typeof(format.media -> 'duration_milliseconds') = 'number'
            THEN CAST(format.media -> 'duration_milliseconds' AS numeric) END) AS duration
        FROM format JOIN content USING (asset_id)
        WHERE role <> 'sidecar' AND (CAST(:format AS text) IS NULL OR format.name = :format) GROUP BY asset_id
    ), sets AS (
        SELECT file_set.asset_id, file_set.storage_id, format.role, sum(size_bytes) AS size, sum(file_count) AS files
        FROM file_set JOIN content USING (asset_id) JOIN format ON format.id = file_set.format_id
        WHERE file_set.status <> 'DELETED' AND (CAST(:format AS text) IS NULL OR format.name = :format)
            AND (CAST(:storage AS uuid) IS NULL OR file_set.storage_id = :storage)
        GROUP BY file_set.asset_id, file_set.storage_id, format.role
    )
    SELECT NULL AS storage_id, 0 AS assets, 0 AS files, coalesce(sum(size) FILTER (WHERE role <> 'transcode'), 0),
        coalesce(sum(size) FILTER (WHERE role = 'transcode'), 0),
        (SELECT coalesce(sum(duration), 0) FROM long)
    FROM sets
    UNION ALL
    SELECT storage_id, count(DISTINCT sets.asset_id), sum(files), sum(size), 0,
        (SELECT coalesce(sum(duration), 0) FROM long
            WHERE asset_id IN (SELECT asset_id FROM sets AS here WHERE here.storage_id = sets.storage_id))
    FROM sets WHERE storage_id IS NOT NULL GROUP BY storage_id ORDER BY storage_id NULLS FIRST
""")


def summarize_content(
    session: Session,
    actor: Actor,
    collection_id: uuid.UUID,
    *,
    deep: bool = False,
    format_name: str | None = None,
    storage_id: uuid.UUID | None = None,
    types: Sequence[str] = (),
) -> ContentInfo:
    """Count the content that the actor may read, each asset and collection once.

    Args:
        deep: whether to include descendants.
        types: asset types; empty means all.
    """
    inside = select_readable_subtree(actor, collection_id, deep=deep)
    if deep:
        collections = len(session.scalars(inside).all()) - 1
    else:
        children = select(Collection.id).where(
            Collection.parent_id == collection_id,
            Collection.status == CollectionStatus.ACTIVE,
            readable_by(actor, COLLECTION_KIND, Collection.id),
        )
        collections = len(session.scalars(children).all())
    held = select_assets_in(actor, inside)
    if types:
        held = held.where(Asset.type.in_(types))
    ids = list(session.scalars(held))
    values = {"ids": ids, "format": format_name, "storage": storage_id}
    whole, *parts = session.execute(SUM_CONTENT_SIZES, values).all()
    storages = tuple(StorageContent(row[0], *map(int, (*row[1:4], row[5]))) for row in parts)
    return ContentInfo(len(ids), collections, int(whole[3]), int(whole[4]), int(whole[5]), storages)
