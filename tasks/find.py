"""Searching as somebody: what the engine finds, without what its asker may not see, then checked against the rows."""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from models.acl import Actor, readable_by
from models.asset import Asset, AssetStatus
from models.collection import Collection, CollectionStatus
from models.index_queue import DocumentKey, TooManyNarrowedError, narrowed_keys
from models.segment import Segment, SegmentStatus
from models.sessions import Sessions
from search.criteria import Criteria, Visibility
from search.engine import Hit, Results, SearchEngine
from tasks.assets import KIND
from tasks.collection_terms import reached_collections, resolve_terms, show_places
from tasks.segments import visible_to

WAIT_SECONDS, LOOK_SECONDS = 2.0, 0.2
"""How long a search waits where too much was hidden to leave it out by name; the drain takes that first."""


def find(sessions: Sessions, engine: SearchEngine, criteria: Criteria, actor: Actor) -> Results:
    """Search in three steps with no transaction open while the engine works: what is hidden, the hits, a check.

    The check is a second lock on the same door: a hit whose rows say no is left out, and the total with it.
    """
    with sessions() as session:
        criteria = resolve_terms(session, criteria, actor)
    results = engine.search(criteria, visibility_of(sessions, actor))
    with sessions() as session:
        shown = readable_keys(session, actor, results.hits)
        hits = [hit for hit in results.hits if DocumentKey(hit.object_type, hit.object_id) in shown]
        total = results.total - (len(results.hits) - len(hits))
        return Results(total, *show_places(session, actor, hits, results.facets))


def visibility_of(sessions: Sessions, actor: Actor) -> Visibility:
    """What the actor may find. Raises TooManyNarrowedError where the drain does not keep up: better no answer than one
    that shows too much."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with sessions() as session:
                excluded = narrowed_keys(session)
                collections = reached_collections(session, actor)
        except TooManyNarrowedError:
            if time.monotonic() > end:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return Visibility(
                everything=actor.is_admin,
                principals=frozenset(actor.principals),
                collections=collections,
                excluded=excluded,
            )


def readable_keys(session: Session, actor: Actor, hits: Sequence[Hit]) -> set[DocumentKey]:
    """Which of these hits are there by their rows, for this actor; one query for each type of object among them."""
    shown: set[DocumentKey] = set()
    for kind, readable in READABLE.items():
        if ids := [hit.object_id for hit in hits if hit.object_type == kind]:
            shown |= {DocumentKey(kind, key) for key in session.scalars(readable(actor, ids))}
    return shown


def readable_assets(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Those of these assets that are there and that the actor may read."""
    return select(Asset.id).where(
        Asset.id.in_(ids),
        Asset.status == AssetStatus.ACTIVE,
        Asset.merged_into.is_(None),
        readable_by(actor, KIND, Asset.id),
    )


def readable_collections(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """The same of collections."""
    return select(Collection.id).where(
        Collection.id.in_(ids),
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(actor, "collections", Collection.id),
    )


def readable_segments(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """The same of segments, which are read with their asset."""
    return (
        select(Segment.id)
        .join(Asset, Asset.id == Segment.asset_id)
        .where(
            Segment.id.in_(ids),
            Segment.status == SegmentStatus.ACTIVE,
            visible_to(actor),
            Asset.status == AssetStatus.ACTIVE,
            Asset.merged_into.is_(None),
            readable_by(actor, KIND, Asset.id),
        )
    )


READABLE: dict[str, Callable[[Actor, Sequence[uuid.UUID]], Select[tuple[uuid.UUID]]]] = {
    KIND: readable_assets,
    "collections": readable_collections,
    "segments": readable_segments,
}
"""How hits of each type are checked against the rows; a type without an entry is never shown."""


MARK = text("SELECT mark_for_index(:kind, CAST(:ids AS uuid[]))")


def mark_again(session: Session, ids: Iterable[uuid.UUID], kind: str = KIND) -> None:
    """Have documents made anew, though nothing of them changed."""
    session.execute(MARK, {"kind": kind, "ids": list(ids)})


MARK_ALL = {
    kind: text(f"SELECT mark_for_index(:kind, array_agg(id)) FROM {table}")
    for kind, table in ((KIND, "asset"), ("collections", "collection"), ("segments", "segment"))
}


def mark_all_again(session: Session, kind: str = KIND) -> None:
    """Have every document of a type made anew; one statement, which for a million assets takes its time."""
    session.execute(MARK_ALL[kind], {"kind": kind})
