"""Collection memberships on merge: the survivor joins the collections of the merged asset, without inheriting rights.

A merge grants no access, so propagated permissions need a person with the right to grant them to add it manually.
The triggers mark_collection_asset_* and mark_segments_of_places_* mark the documents.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.collection import CollectionAsset
from services.lifecycle.dependents import (
    DependentKind,
    DependentUnmerge,
    MergePairs,
    MovedByAsset,
    bind_merge_pairs,
    remove_rows,
)

# Memberships of the merged asset are deleted, so that no collection lists it; an unmerge inserts them again.
TAKE_COLLECTION_MEMBERSHIPS = text("""
    DELETE FROM collection_asset AS place USING unnest(CAST(:dead AS uuid[])) AS dead (id)
    WHERE place.asset_id = dead.id
    RETURNING place.asset_id, place.collection_id, place.carries_rights, place.mirrors_folder, place.position,
        place.added_by_user, place.date_created
""")

# Ordered by key, so that two merges lock rows in the same order. Existing memberships win: they may carry rights.
INSERT_COLLECTION_MEMBERSHIPS = text("""
    INSERT INTO collection_asset
        (collection_id, asset_id, carries_rights, mirrors_folder, position, added_by_user, date_created)
    SELECT DISTINCT ON (collection, asset) collection, asset, carries, mirrors, position, adder, coalesce(since, now())
    FROM unnest(CAST(:collections AS uuid[]), CAST(:assets AS uuid[]), CAST(:carries AS boolean[]),
        CAST(:mirrors AS boolean[]), CAST(:positions AS integer[]),
        CAST(:adders AS uuid[]), CAST(:since AS timestamptz[]))
        AS t (collection, asset, carries, mirrors, position, adder, since)
    WHERE EXISTS (SELECT FROM collection WHERE id = collection)
    ORDER BY collection, asset
    ON CONFLICT (collection_id, asset_id) DO NOTHING
    RETURNING collection_id, asset_id
""")

DELETE_SURVIVOR_MEMBERSHIPS = text("""
    DELETE FROM collection_asset AS place
    USING unnest(CAST(:collections AS uuid[]), CAST(:assets AS uuid[])) AS t (collection, asset)
    WHERE place.collection_id = t.collection AND place.asset_id = t.asset AND NOT place.carries_rights
""")


def _move_memberships(session: Session, pairs: MergePairs) -> MovedByAsset:
    """Move memberships; return those of each merged asset, for history.

    A membership is [collection id, carries rights, mirrors folder, position, survivor was added, added by user, date].
    """
    survivor_of = dict(pairs)
    taken = session.execute(TAKE_COLLECTION_MEMBERSHIPS, {"dead": bind_merge_pairs(pairs)["dead"]}).all()
    if not taken:
        return {}
    rows = [
        (row.collection_id, survivor_of[row.asset_id], False, row.mirrors_folder, row.position, row.added_by_user, None)
        for row in taken
    ]
    came = {tuple(row) for row in session.execute(INSERT_COLLECTION_MEMBERSHIPS, _membership_columns(rows))}
    held: MovedByAsset = {}
    for row in taken:
        is_new = (row.collection_id, survivor_of[row.asset_id]) in came
        added = [None if row.added_by_user is None else str(row.added_by_user), row.date_created.isoformat()]
        said = [str(row.collection_id), row.carries_rights, row.mirrors_folder, row.position, is_new, *added]
        held.setdefault(row.asset_id, []).append(said)
    return held


def _move_memberships_back(session: Session, unmerges: Sequence[DependentUnmerge]) -> None:
    """Restore memberships; remove the survivor from collections that it joined by the merge.

    A membership that carries rights was added by a user since, and stays.
    """
    rows = [
        (uuid.UUID(held[0]), parting.asset_id, *held[1:4], *held[5:7]) for parting in unmerges for held in parting.held
    ]
    session.execute(INSERT_COLLECTION_MEMBERSHIPS, _membership_columns(rows))
    left = [(uuid.UUID(held[0]), parting.holder_id) for parting in unmerges for held in parting.held if held[4]]
    session.execute(
        DELETE_SURVIVOR_MEMBERSHIPS, {"collections": [row[0] for row in left], "assets": [row[1] for row in left]}
    )


def _membership_columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    names = ("collections", "assets", "carries", "mirrors", "positions", "adders", "since")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


DEPENDENT_COLLECTIONS = DependentKind(
    "collections", remove_rows(CollectionAsset.asset_id), _move_memberships, _move_memberships_back
)
