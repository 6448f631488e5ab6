"""Terms of documents that hold ids of other assets: an actor meets only those that it may read.

An asset that is readable may be related to one that is not, or a duplicate of it. For this actor the other one is in
no hit or facet, and no value, range or order of these terms finds it. That there is a relation, and of which type, is a
property of the asset itself.
"""

import dataclasses
import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.access.acl import Actor, readable_by
from models.catalog.asset import ASSET_KIND, Asset, AssetStatus
from models.core.base import parse_id
from search.engine import FacetBucket, SearchHit
from search.query.criteria import Criteria, SearchTerm
from services.core.errors import ValidationFailed
from services.searching.collection_terms import iterate_terms, map_terms

ASSET_TERMS = ("related_to_asset_id", "duplicate_of")


def select_readable_asset_ids(actor: Actor, ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Select which of these assets are active and readable by the actor."""
    return select(Asset.id).where(
        Asset.id.in_(ids),
        Asset.status == AssetStatus.ACTIVE,
        Asset.merged_into.is_(None),
        readable_by(actor, ASSET_KIND, Asset.id),
    )


def limit_asset_terms(session: Session, criteria: Criteria, actor: Actor) -> Criteria:
    """Return criteria that name readable assets only. At most one query."""
    if actor.is_admin:
        return criteria
    terms = [term for term in (*iterate_terms(criteria.filter), *criteria.facets_filters) if term.name in ASSET_TERMS]
    if any(term.within for term in terms):
        raise ValidationFailed("filter", f"{' and '.join(ASSET_TERMS)} hold ids, which have no range; name them")
    if any(key.name in ASSET_TERMS for key in criteria.sort):
        raise ValidationFailed("sort", f"{' and '.join(ASSET_TERMS)} hold ids, which have no order")
    if not terms:
        return criteria
    known = _find_readable(session, actor, (value for term in terms for value in term.values or ()))

    def limit(term: SearchTerm) -> SearchTerm:
        if term.name not in ASSET_TERMS or term.values is None:
            return term
        return dataclasses.replace(term, values=tuple(value for value in term.values if parse_id(value) in known))

    return dataclasses.replace(
        criteria,
        filter=map_terms(criteria.filter, limit),
        facets_filters=tuple(map(limit, criteria.facets_filters)),
    )


def filter_hit_assets(
    session: Session, actor: Actor, hits: Sequence[SearchHit], facets: dict[str, list[FacetBucket]]
) -> tuple[list[SearchHit], dict[str, list[FacetBucket]]]:
    """Restrict ids of other assets in hits and facets to readable assets. At most one query."""
    if actor.is_admin:
        return list(hits), facets
    named = [value for hit in hits for name in ASSET_TERMS for value in hit.body.get(name, ())]
    named += [bucket.key for name in ASSET_TERMS for bucket in facets.get(name, ())]
    if not named:
        return list(hits), facets
    known = _find_readable(session, actor, named)
    shown = {
        name: [bucket for bucket in buckets if name not in ASSET_TERMS or parse_id(bucket.key) in known]
        for name, buckets in facets.items()
    }
    return [_limit_hit(hit, known) for hit in hits], shown


def _find_readable(session: Session, actor: Actor, values: Iterable[object]) -> set[uuid.UUID]:
    ids = {key for value in values if (key := parse_id(value)) is not None}
    return set(session.scalars(select_readable_asset_ids(actor, list(ids)))) if ids else set()


def _limit_hit(hit: SearchHit, known: set[uuid.UUID]) -> SearchHit:
    if not any(name in hit.body for name in ASSET_TERMS):
        return hit
    kept = {name: [one for one in hit.body.get(name, ()) if parse_id(one) in known] for name in ASSET_TERMS}
    body = {name: kept.get(name, value) for name, value in hit.body.items() if kept.get(name, True)}
    return dataclasses.replace(hit, body=body)
