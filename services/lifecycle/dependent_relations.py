"""Relations and collection memberships on merge, of which the survivor may have an equal one already.

1. Each end of a relation moves on its own, because the other end may be merged too.
2. The survivor joins the collections of the merged asset, without inheriting rights. The triggers
   mark_collection_asset_* and mark_segments_of_places_* mark the documents.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.collection import CollectionAsset
from models.catalog.relation import Relation
from models.core.statements import bind_columns
from services.lifecycle.dependents import (
    DependentKind,
    DependentUnmerge,
    MergePairs,
    MovedByAsset,
    bind_merge_pairs,
    remove_rows,
)

# Relations that the survivor would have twice, or to itself, stay with the merged asset until it is unmerged. Of two
# that would become equal, the older one moves. FOR UPDATE in id order: two merges cannot deadlock.
MOVE_RELATIONS = text("""
    WITH pair AS (
        SELECT * FROM unnest(CAST(:dead AS uuid[]), CAST(:survivors AS uuid[])) AS t (dead, survivor)
    ), touched AS (
        SELECT relation.id, relation_type, is_directional,
            source.dead AS source_before, coalesce(source.survivor, asset_id) AS source,
            target.dead AS target_before, coalesce(target.survivor, related_to_asset_id) AS target
        FROM relation JOIN relation_type ON relation_type.name = relation_type
        LEFT JOIN pair AS source ON source.dead = asset_id
        LEFT JOIN pair AS target ON target.dead = related_to_asset_id
        WHERE asset_id = ANY(CAST(:dead AS uuid[])) OR related_to_asset_id = ANY(CAST(:dead AS uuid[]))
        ORDER BY relation.id FOR UPDATE OF relation
    ), ends AS (
        SELECT *, CASE WHEN is_directional THEN source ELSE least(source, target) END AS one,
            CASE WHEN is_directional THEN target ELSE greatest(source, target) END AS other
        FROM touched WHERE source <> target
    ), numbered AS (
        SELECT *, row_number() OVER (PARTITION BY relation_type, one, other ORDER BY id) AS number FROM ends
    ), moves AS (
        SELECT * FROM numbered WHERE number = 1 AND NOT EXISTS (
            SELECT FROM relation AS same WHERE same.relation_type = numbered.relation_type
                AND same.id NOT IN (SELECT id FROM touched)
                AND ((same.asset_id = source AND same.related_to_asset_id = target)
                    OR (NOT is_directional AND same.asset_id = target AND same.related_to_asset_id = source)))
    )
    UPDATE relation SET asset_id = source, related_to_asset_id = target, date_modified = now()
    FROM moves WHERE relation.id = moves.id
    RETURNING relation.id, source_before, target_before
""")

# Moves an end only if it is still at the survivor, and not where that would duplicate a relation made since.
MOVE_BACK_RELATIONS = text("""
    WITH back AS (
        SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:is_source AS boolean[]), CAST(:owners AS uuid[]),
            CAST(:holders AS uuid[])) AS t (id, is_source, owner, holder)
    ), held AS (
        SELECT relation.id, relation_type, is_directional, coalesce(source.owner, asset_id) AS source,
            coalesce(target.owner, related_to_asset_id) AS target
        FROM relation JOIN relation_type ON relation_type.name = relation_type
        LEFT JOIN back AS source ON source.id = relation.id AND source.is_source AND source.holder = asset_id
        LEFT JOIN back AS target
            ON target.id = relation.id AND NOT target.is_source AND target.holder = related_to_asset_id
        WHERE relation.id = ANY(CAST(:ids AS uuid[]))
        ORDER BY relation.id FOR UPDATE OF relation
    )
    UPDATE relation SET asset_id = source, related_to_asset_id = target, date_modified = now()
    FROM held WHERE relation.id = held.id AND source <> target AND NOT EXISTS (
        SELECT FROM relation AS same WHERE same.relation_type = held.relation_type AND same.id <> held.id
            AND ((same.asset_id = source AND same.related_to_asset_id = target)
                OR (NOT is_directional AND same.asset_id = target AND same.related_to_asset_id = source)))
""")


def _move_relations(session: Session, pairs: MergePairs) -> MovedByAsset:
    """Move relations; return [id, "source" or "target"] of each moved end by merged asset."""
    held: MovedByAsset = {}
    for relation_id, source, target in session.execute(MOVE_RELATIONS, bind_merge_pairs(pairs)):
        for asset_id, end in ((source, "source"), (target, "target")):
            if asset_id is not None:
                held.setdefault(asset_id, []).append([str(relation_id), end])
    return held


def _move_relations_back(session: Session, unmerges: Sequence[DependentUnmerge]) -> None:
    rows = [
        (uuid.UUID(held), end == "source", parting.asset_id, parting.holder_id)
        for parting in unmerges
        for held, end in parting.held
    ]
    session.execute(MOVE_BACK_RELATIONS, bind_columns(("ids", "is_source", "owners", "holders"), rows))


DEPENDENT_RELATIONS = DependentKind(
    "relations",
    remove_rows(Relation.asset_id, Relation.related_to_asset_id),
    _move_relations,
    _move_relations_back,
)


# A merge grants no access, so propagated permissions need a person with the right to grant them to add it manually.
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

MEMBERSHIP_PARAMETERS = ("collections", "assets", "carries", "mirrors", "positions", "adders", "since")
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
    came = {
        tuple(row) for row in session.execute(INSERT_COLLECTION_MEMBERSHIPS, bind_columns(MEMBERSHIP_PARAMETERS, rows))
    }
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
    session.execute(INSERT_COLLECTION_MEMBERSHIPS, bind_columns(MEMBERSHIP_PARAMETERS, rows))
    left = [(uuid.UUID(held[0]), parting.holder_id) for parting in unmerges for held in parting.held if held[4]]
    session.execute(DELETE_SURVIVOR_MEMBERSHIPS, bind_columns(("collections", "assets"), left))


DEPENDENT_COLLECTIONS = DependentKind(
    "collections", remove_rows(CollectionAsset.asset_id), _move_memberships, _move_memberships_back
)
