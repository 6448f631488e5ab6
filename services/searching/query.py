"""Search as an actor: ask the engine for what the actor may see, then check every hit against the rows."""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Select, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.catalog.collection import Collection, CollectionStatus
from models.catalog.segment import Segment, SegmentStatus
from models.core.sessions import Sessions, limit_statements
from models.queues.index_queue import DocumentKey, TooManyAccessReducedError, access_reduced_keys
from search.engine import SearchEngine, SearchHit, SearchResults
from search.query.criteria import Criteria, Visibility
from services.catalog.segments.access import segment_visible_to
from services.searching.asset_terms import filter_hit_assets, limit_asset_terms, select_readable_asset_ids
from services.searching.collection_terms import (
    filter_hit_collections,
    find_propagated_collections,
    resolve_collection_terms,
)

MAX_VISIBILITY_WAIT_SECONDS, VISIBILITY_POLL_SECONDS = 2.0, 0.2
"""How long a search waits while more objects are hidden than a query can exclude by id. The drain handles those
first."""


def search_as(sessions: Sessions, engine: SearchEngine, criteria: Criteria, actor: Actor) -> SearchResults:
    """Search as `actor` and return hits and facets that the actor may read.

    No transaction is open while the engine works: resolve visibility, search, check the hits. The final check is a
    second barrier: a hit that the rows do not permit is dropped, and subtracted from the total.

    Raises TooManyAccessReducedError if too many objects were hidden since the last drain to exclude them by id.
    """
    with sessions() as session:
        criteria = limit_asset_terms(session, resolve_collection_terms(session, criteria, actor), actor)
    results = engine.search(criteria, load_visibility(sessions, actor))
    with sessions() as session:
        shown = filter_readable_keys(session, actor, results.hits)
        # The index lags behind the rows by a drain: a right that was revoked a moment ago is enforced here.
        hits = [hit for hit in results.hits if DocumentKey(hit.object_type, hit.object_id) in shown]
        total = results.total - (len(results.hits) - len(hits))
        hits, facets = filter_hit_assets(session, actor, hits, results.facets)
        return SearchResults(total, *filter_hit_collections(session, actor, hits, facets))


def load_visibility(sessions: Sessions, actor: Actor) -> Visibility:
    """Return the filters that limit a search to what the actor may find.

    Raises TooManyAccessReducedError if the drain does not catch up in time: no answer is better than one that shows too
    much.
    """
    end = time.monotonic() + MAX_VISIBILITY_WAIT_SECONDS
    while True:
        try:
            with sessions() as session:
                excluded = access_reduced_keys(session)
                collections = find_propagated_collections(session, actor)
        except TooManyAccessReducedError:
            if time.monotonic() > end:
                raise
            time.sleep(VISIBILITY_POLL_SECONDS)
        else:
            return Visibility(
                everything=actor.is_admin,
                principals=frozenset(actor.principals),
                collections=collections,
                excluded=excluded,
            )


def filter_readable_keys(session: Session, actor: Actor, hits: Sequence[SearchHit]) -> set[DocumentKey]:
    """Return the keys of those hits that the actor may read according to the rows, with one query for each object
    type."""
    shown: set[DocumentKey] = set()
    for kind, readable in READABLE_SELECTS.items():
        if ids := [hit.object_id for hit in hits if hit.object_type == kind]:
            shown |= {DocumentKey(kind, key) for key in session.scalars(readable(actor, ids))}
    return shown


def select_readable_collection_ids(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Select which of these collections are active and readable by the actor."""
    return select(Collection.id).where(
        Collection.id.in_(ids),
        Collection.status == CollectionStatus.ACTIVE,
        readable_by(actor, "collections", Collection.id),
    )


def select_readable_segment_ids(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Select which of these segments the actor may read; a segment is read with its asset."""
    return (
        select(Segment.id)
        .join(Asset, Asset.id == Segment.asset_id)
        .where(
            Segment.id.in_(ids),
            Segment.status == SegmentStatus.ACTIVE,
            segment_visible_to(actor),
            Asset.status == AssetStatus.ACTIVE,
            Asset.merged_into.is_(None),
            readable_by(actor, ASSET_KIND, Asset.id),
        )
    )


READABLE_SELECTS: dict[str, Callable[[Actor, Sequence[uuid.UUID]], Select[uuid.UUID]]] = {
    ASSET_KIND: select_readable_asset_ids,
    "collections": select_readable_collection_ids,
    "segments": select_readable_segment_ids,
}
"""Row check for the hits of each object type; hits of a type without an entry are dropped."""


# The function that the mark_* triggers of asset, collection and segment call: no row changes here that could fire them.
REINDEX_OBJECTS = text("SELECT mark_for_index(:kind, CAST(:ids AS uuid[]))")


def reindex_objects(session: Session, ids: Iterable[uuid.UUID], kind: str = ASSET_KIND) -> None:
    """Mark documents to be rebuilt though their rows did not change."""
    session.execute(REINDEX_OBJECTS, {"kind": kind, "ids": list(ids)})


REINDEX_ALL_OBJECTS = {
    kind: text(f"SELECT mark_for_index(:kind, array_agg(id)) FROM {table}")
    for kind, table in ((ASSET_KIND, "asset"), ("collections", "collection"), ("segments", "segment"))
}


def reindex_all_objects(session: Session, kind: str = ASSET_KIND) -> None:
    """Mark every document of a type to be rebuilt, in one statement. A million assets take noticeable time."""
    limit_statements(session, 0)
    session.execute(REINDEX_ALL_OBJECTS[kind], {"kind": kind})
