"""Relations on merge: each end of a relation moves on its own, because the other end may be merged too."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.relation import Relation
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
    rows = [(uuid.UUID(held), end, parting) for parting in unmerges for held, end in parting.held]
    session.execute(
        MOVE_BACK_RELATIONS,
        {
            "ids": [held for held, _, _ in rows],
            "is_source": [end == "source" for _, end, _ in rows],
            "owners": [parting.asset_id for *_, parting in rows],
            "holders": [parting.holder_id for *_, parting in rows],
        },
    )


DEPENDENT_RELATIONS = DependentKind(
    "relations",
    remove_rows(Relation.asset_id, Relation.related_to_asset_id),
    _move_relations,
    _move_relations_back,
)
