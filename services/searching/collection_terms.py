"""Translate collection terms of a search into what documents contain: the ids of the collections that directly hold an
object.

`ancestor_collections` is expanded to all collections at or below the requested ones when the search runs, so that
moving a collection does not require its content to be indexed again. Collections that are deleted or not readable
appear in no term, facet or hit: for this actor they do not exist.
"""

import dataclasses
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from sqlalchemy import Select, Uuid, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from models.access.acl import Actor, Permission, readable_by
from models.catalog.collection import COLLECTION_KIND, Collection, CollectionStatus
from models.core.base import parse_id
from models.core.statements import in_array
from search.engine import FacetBucket, SearchHit
from search.query.criteria import Criteria, FilterNode, SearchTerm
from services.core.errors import Conflict, ValidationFailed

DIRECT_TERM, ANCESTOR_TERM = "in_collections", "ancestor_collections"
MAX_SEARCH_COLLECTIONS = 10_000
"""Collections that one search may name. More are slow in both engines, and OpenSearch accepts 65,536 values."""
MAX_COLLECTION_TERMS = 20
"""Each of them may mean that many collections."""


def find_propagated_collections(session: Session, actor: Actor) -> frozenset[str]:
    """Return the ids of collections that the actor may read directly held content of, by rights that propagate to
    it."""
    roots = actor.reaching(Permission.READ)
    if not roots or actor.is_admin:
        return frozenset()
    below = select(Collection.id).where(
        Collection.path.overlap(literal(roots, ARRAY(Uuid))), Collection.status == CollectionStatus.ACTIVE
    )
    found = session.scalars(below.limit(MAX_SEARCH_COLLECTIONS + 1)).all()
    if len(found) > MAX_SEARCH_COLLECTIONS:
        raise Conflict(
            f"rights of more than {MAX_SEARCH_COLLECTIONS} collections reach you by propagating, "
            "too many to search within: have what is inside given to a group of yours "
            "with acl/collections/content/ instead"
        )
    return frozenset(map(str, found))


def resolve_collection_terms(session: Session, criteria: Criteria, actor: Actor) -> Criteria:
    """Return criteria that name direct collections only, limited to those that the actor may read. At most two
    queries."""
    terms = [*iterate_terms(criteria.filter), *criteria.facets_filters]
    _refuse_disclosing_terms(criteria, terms, actor)
    if sum(term.name in (DIRECT_TERM, ANCESTOR_TERM) for term in terms) > MAX_COLLECTION_TERMS:
        raise ValidationFailed("filter", f"at most {MAX_COLLECTION_TERMS} terms of collections; name several in one")
    direct = _ids_in(term for term in terms if term.name == DIRECT_TERM)
    above = _ids_in(term for term in terms if term.name == ANCESTOR_TERM)
    if not any(term.name in (DIRECT_TERM, ANCESTOR_TERM) for term in terms):
        return criteria
    known = {str(key) for key in session.scalars(_select_readable_ids(actor).where(in_array(Collection.id, direct)))}
    below = _readable_descendants(session, actor, above) if above else {}
    all_readable = cache(lambda: _all_readable(session, actor))

    def resolve(term: SearchTerm) -> SearchTerm:
        if term.name not in (DIRECT_TERM, ANCESTOR_TERM):
            return term
        if term.values is None:
            # "Is in any collection": limited to the readable ones, except for administrators, who read all.
            if actor.is_admin:
                return dataclasses.replace(term, name=DIRECT_TERM)
            return SearchTerm(DIRECT_TERM, all_readable())
        asked = [value.lower() for value in term.values]
        if term.name == DIRECT_TERM:
            return dataclasses.replace(term, values=tuple(value for value in asked if value in known))
        values = tuple(dict.fromkeys(each for value in asked for each in below.get(value, ())))
        return dataclasses.replace(term, name=DIRECT_TERM, values=values)

    return dataclasses.replace(
        criteria,
        filter=map_terms(_negate_missing_terms(criteria.filter, actor), resolve),
        facets_filters=tuple(map(resolve, criteria.facets_filters)),
    )


def _refuse_disclosing_terms(criteria: Criteria, terms: Iterable[SearchTerm], actor: Actor) -> None:
    """Reject terms that would disclose unreadable collections: a range or a sort order reveals their ids."""
    for term in terms:
        if term.name in (DIRECT_TERM, ANCESTOR_TERM) and term.within:
            raise ValidationFailed(
                term.name, f"{term.name} holds ids, which have no range; name them in value or value_in"
            )
    for key in criteria.sort:
        if key.name in (DIRECT_TERM, ANCESTOR_TERM):
            raise ValidationFailed("sort", f"{key.name} holds ids, which have no order; sort by another field")
    if any(_asks_missing(term, actor) for term in criteria.facets_filters):
        raise ValidationFailed(
            "facets_filters", "what is in no collection is asked for in filter, and not in facets_filters"
        )


def _asks_missing(term: SearchTerm, actor: Actor) -> bool:
    return (
        term.name in (DIRECT_TERM, ANCESTOR_TERM) and (term.values, term.exists) == (None, False) and not actor.is_admin
    )


def _negate_missing_terms(node: FilterNode | None, actor: Actor) -> FilterNode | None:
    """Replace "in no collection" terms by NOT, so that a collection unknown to the actor counts as none."""
    if node is None:
        return None
    missing = [term for term in node.terms if _asks_missing(term, actor)]
    terms = tuple(term for term in node.terms if term not in missing)
    nots = (FilterNode("NOT", (dataclasses.replace(term, exists=True),)) for term in missing)
    children = (child for each in node.filters if (child := _negate_missing_terms(each, actor)) is not None)
    return dataclasses.replace(node, terms=terms, filters=(*children, *nots))


def _all_readable(session: Session, actor: Actor) -> tuple[str, ...]:
    found = session.scalars(_select_readable_ids(actor).limit(MAX_SEARCH_COLLECTIONS + 1)).all()
    if len(found) > MAX_SEARCH_COLLECTIONS:
        raise Conflict(
            f"you read more than {MAX_SEARCH_COLLECTIONS} collections, too many to ask for all at once; name some"
        )
    return tuple(map(str, found))


def _select_readable_ids(actor: Actor) -> Select[uuid.UUID]:
    return select(Collection.id).where(
        Collection.status == CollectionStatus.ACTIVE, readable_by(actor, COLLECTION_KIND, Collection.id)
    )


def _readable_descendants(session: Session, actor: Actor, above: Sequence[uuid.UUID]) -> dict[str, list[str]]:
    """Return the readable collections at or below each of these, by its id; none below one that is not readable
    itself."""
    query = _select_readable_ids(actor).add_columns(Collection.path)
    rows = session.execute(
        query.where(Collection.path.overlap(literal(list(above), ARRAY(Uuid)))).limit(MAX_SEARCH_COLLECTIONS + 1)
    ).all()
    if len(rows) > MAX_SEARCH_COLLECTIONS:
        raise Conflict(
            f"{ANCESTOR_TERM}: more than {MAX_SEARCH_COLLECTIONS} collections are inside; ask for one further down"
        )
    known = {row[0] for row in rows}
    found: dict[str, list[str]] = {}
    for key, path in rows:
        for step in path:
            if step in known:
                found.setdefault(str(step), []).append(str(key))
    return found


def iterate_terms(node: FilterNode | None) -> Iterator[SearchTerm]:
    """Yield the terms of a filter."""
    if node is not None:
        yield from node.terms
        for child in node.filters:
            yield from iterate_terms(child)


def map_terms(node: FilterNode | None, change: Callable[[SearchTerm], SearchTerm]) -> FilterNode | None:
    """Return a filter with changed terms."""
    if node is None:
        return None
    filters = tuple(child for child in (map_terms(each, change) for each in node.filters) if child is not None)
    return dataclasses.replace(node, terms=tuple(map(change, node.terms)), filters=filters)


def _ids_in(terms: Iterable[SearchTerm]) -> list[uuid.UUID]:
    """Return the values that are ids; other values occur in no document."""
    return [key for term in terms for value in term.values or () if (key := parse_id(value)) is not None]


def filter_hit_collections(
    session: Session, actor: Actor, hits: Sequence[SearchHit], facets: dict[str, list[FacetBucket]]
) -> tuple[list[SearchHit], dict[str, list[FacetBucket]]]:
    """Restrict collection ids in hits and facets to readable collections; add readable ancestors to each hit."""
    named = {key for hit in hits for value in hit.body.get(DIRECT_TERM) or () if (key := parse_id(value)) is not None}
    named |= {key for bucket in facets.get(DIRECT_TERM, ()) if (key := parse_id(bucket.key)) is not None}
    if not named:
        return list(hits), facets
    rows = session.execute(
        _select_readable_ids(actor).add_columns(Collection.path).where(in_array(Collection.id, named))
    ).all()
    paths = {row[0]: row[1] for row in rows}
    steps = {step for path in paths.values() for step in path} - paths.keys()
    known = (
        paths.keys() | set(session.scalars(_select_readable_ids(actor).where(in_array(Collection.id, steps))))
        if steps
        else paths
    )
    shown = [_with_readable_collections(hit, paths, set(known)) for hit in hits]
    if DIRECT_TERM in facets:
        kept = [bucket for bucket in facets[DIRECT_TERM] if parse_id(bucket.key) in paths]
        facets = {**facets, DIRECT_TERM: kept}
    return shown, facets


def _with_readable_collections(
    hit: SearchHit, paths: dict[uuid.UUID, list[uuid.UUID]], known: set[uuid.UUID]
) -> SearchHit:
    if DIRECT_TERM not in hit.body:
        return hit
    direct = [key for value in hit.body[DIRECT_TERM] or () if (key := parse_id(value)) in paths]
    above = dict.fromkeys(str(step) for key in direct for step in paths[key] if step in known)
    body = {**hit.body, DIRECT_TERM: list(map(str, direct)), ANCESTOR_TERM: list(above)}
    if "parent_id" in body and body["parent_id"] not in body[DIRECT_TERM]:
        body["parent_id"] = None
    return dataclasses.replace(hit, body=body)
