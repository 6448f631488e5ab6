"""Collections that assets are in, when they end in others: the survivor is put where the other was, but rights that
propagate there do not reach it. A merge opens nothing; whoever may give rights on the survivor puts it in by hand."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from models.bulk import among
from models.collection import CollectionAsset
from tasks.holding import Held, Holding, Pairs, Parting, unnest_pairs

# Rows of the asset that ends go, so that its documents and lists are in no collection; what they were is handed back.
TAKE = text("""
    DELETE FROM collection_asset AS place USING unnest(CAST(:dead AS uuid[])) AS dead (id)
    WHERE place.asset_id = dead.id
    RETURNING place.asset_id, place.collection_id, place.carries_rights, place.mirrors_folder, place.position,
        place.added_by_user, place.date_created
""")

PUT = text("""
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

REMOVE = text("""
    DELETE FROM collection_asset AS place
    USING unnest(CAST(:collections AS uuid[]), CAST(:assets AS uuid[])) AS t (collection, asset)
    WHERE place.collection_id = t.collection AND place.asset_id = t.asset AND NOT place.carries_rights
""")


def _move(session: Session, pairs: Pairs) -> Held:
    """What each asset had, and whether the survivor was put there for it: [collection, carried, mirrored, position,
    came to the survivor, who put it there, when]."""
    survivor_of = dict(pairs)
    taken = session.execute(TAKE, {"dead": unnest_pairs(pairs)["dead"]}).all()
    if not taken:
        return {}
    rows = [
        (row.collection_id, survivor_of[row.asset_id], False, row.mirrors_folder, row.position, row.added_by_user, None)
        for row in taken
    ]
    came = {tuple(row) for row in session.execute(PUT, _columns(rows))}
    held: Held = {}
    for row in taken:
        is_new = (row.collection_id, survivor_of[row.asset_id]) in came
        added = [None if row.added_by_user is None else str(row.added_by_user), row.date_created.isoformat()]
        said = [str(row.collection_id), row.carries_rights, row.mirrors_folder, row.position, is_new, *added]
        held.setdefault(row.asset_id, []).append(said)
    return held


def _give_back(session: Session, partings: Sequence[Parting]) -> None:
    """Each is again where it was; the holder leaves what it came to by the merge, unless somebody put it in since."""
    rows = [
        (uuid.UUID(held[0]), parting.asset_id, *held[1:4], *held[5:7]) for parting in partings for held in parting.held
    ]
    session.execute(PUT, _columns(rows))
    left = [(uuid.UUID(held[0]), parting.holder_id) for parting in partings for held in parting.held if held[4]]
    session.execute(REMOVE, {"collections": [row[0] for row in left], "assets": [row[1] for row in left]})


def _columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, list[Any]]:
    names = ("collections", "assets", "carries", "mirrors", "positions", "adders", "since")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _remove(session: Session, ids: Collection[uuid.UUID]) -> None:
    gone = delete(CollectionAsset).where(among(CollectionAsset.asset_id, ids))
    session.execute(gone.execution_options(synchronize_session=False))


COLLECTIONS = Holding("collections", _move, _give_back, _remove)
