"""Search as an actor: ask the engine for what the actor may see, then check every hit against the rows."""

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
"""How long a search waits while more objects are hidden than a query can exclude by id. The drain handles those
first."""


def find(sessions: Sessions, engine: SearchEngine, criteria: Criteria, actor: Actor) -> Results:
    """Search as `actor` and return hits and facets that the actor may read.

    No transaction is open while the engine works: resolve visibility, search, check the hits. The final check is a
    second barrier: a hit that the rows do not permit is dropped, and subtracted from the total.

    Raises TooManyNarrowedError if too many objects were hidden since the last drain to exclude them by id.
    """
    with sessions() as session:
        criteria = resolve_terms(session, criteria, actor)
    results = engine.search(criteria, visibility_of(sessions, actor))
    with sessions() as session:
        shown = readable_keys(session, actor, results.hits)
        # The index lags behind the rows by a drain: a right that was revoked a moment ago is enforced here.
        hits = [hit for hit in results.hits if DocumentKey(hit.object_type, hit.object_id) in shown]
        total = results.total - (len(results.hits) - len(hits))
        return Results(total, *show_places(session, actor, hits, results.facets))


def visibility_of(sessions: Sessions, actor: Actor) -> Visibility:
    """Return the filters that limit a search to what the actor may find.

    Raises TooManyNarrowedError if the drain does not catch up in time: no answer is better than one that shows too
    much.
    """
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
    """Return the keys of those hits that the actor may read according to the rows, with one query for each object
    type."""
    shown: set[DocumentKey] = set()
    for kind, readable in READABLE.items():
        if ids := [hit.object_id for hit in hits if hit.object_type == kind]:
            shown |= {DocumentKey(kind, key) for key in session.scalars(readable(actor, ids))}
    return shown


def readable_assets(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Select which of these assets are active and readable by the actor."""
    return select(Asset.id).where(
        Asset.id.in_(ids),
        Asset.status == AssetStatus.ACTIVE,
        Asset.merged_into.is_(None),
        readable_by(actor, KIND, Asset.id),
    )


def readable_collections(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Select which of these collections are active and readable by the actor."""
    return select(Collection.id).where(
        Collection.id.in_(ids),
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(actor, "collections", Collection.id),
    )


def readable_segments(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[tuple[uuid.UUID]]:
    """Select which of these segments the actor may read; a segment is read with its asset."""
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
"""Row check for the hits of each object type; hits of a type without an entry are dropped."""


# The function that the mark_* triggers of asset, collection and segment call: no row changes here that could fire them.
MARK = text("SELECT mark_for_index(:kind, CAST(:ids AS uuid[]))")


def mark_again(session: Session, ids: Iterable[uuid.UUID], kind: str = KIND) -> None:
    """Mark documents to be rebuilt though their rows did not change."""
    session.execute(MARK, {"kind": kind, "ids": list(ids)})


MARK_ALL = {
    kind: text(f"SELECT mark_for_index(:kind, array_agg(id)) FROM {table}")
    for kind, table in ((KIND, "asset"), ("collections", "collection"), ("segments", "segment"))
}


def mark_all_again(session: Session, kind: str = KIND) -> None:
    """Mark every document of a type to be rebuilt, in one statement. A million assets take noticeable time."""
    session.execute(MARK_ALL[kind], {"kind": kind})
