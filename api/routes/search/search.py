"""Search with criteria, facets and pages; the caller's rights are part of the query."""

import math
from typing import Any
from uuid import UUID

from asgi.body_base import Body, LongText, ShortText
from asgi.pagination import PageNotFound, PageNumber, PerPage, page_envelope
from asgi.request_context import SelfCommittingCall
from asgi.routing import RouteGroup
from search.document import METADATA_TERM_PREFIX
from search.engine import SearchHit
from search.query.criteria import MAX_PAGED_HITS, Criteria, CriteriaError, ValueKindLookup, parse_criteria
from services.core.errors import ValidationFailed
from services.searching.metadata_terms import find_view_field_names, make_range_kind_reader
from services.searching.query import search_as
from services.searching.saved_searches import record_recent_search
from services.searching.suggestions import suggest

routes = RouteGroup("search")
routes_v2 = RouteGroup("search", version="v2")


class SearchCriteriaBody(Body):
    """Search criteria. `search.query.criteria` parses and validates the whole tree; here any object is accepted."""

    query: Any = None
    doc_types: Any = None
    filter: Any = None
    facets: Any = None
    facets_filters: Any = None
    sort: Any = None
    search_after: Any = None
    search_fields: Any = None
    include_fields: Any = None
    exclude_fields: Any = None
    metadata_view_id: Any = None


def parse_search_body(
    body: SearchCriteriaBody, kind_of: ValueKindLookup, page: int = 1, per_page: int = 10, within: str = ""
) -> Criteria:
    """Parse search criteria.

    Args:
        within: path of the criteria in the whole body, for error messages.

    Raises:
        ValidationFailed: names the field by its path.
    """
    try:
        return parse_criteria(body.sent(), page, per_page, kind_of)
    except CriteriaError as wrong:
        raise ValidationFailed(f"{within}{wrong.field}", wrong.problem) from None


def normalize_criteria(body: SearchCriteriaBody) -> dict[str, Any]:
    """Return the criteria for repeating the search: without empty keys, and from the first hit."""
    kept = body.sent() | {"search_after": None}
    return {name: value for name, value in kept.items() if value not in (None, "", [], {})}


@routes.post("/search/", status=200, own_transactions=True)
def post_search(
    call: SelfCommittingCall,
    body: SearchCriteriaBody,
    page: PageNumber = 1,
    per_page: PerPage = 10,
    save_search_history: bool = False,
) -> dict[str, Any]:
    """Search objects that the caller may read; `save_search_history` adds the search to the history."""
    criteria = parse_search_body(body, make_range_kind_reader(call.transact), page, per_page)
    view_id = body.metadata_view_id
    names = call.transact(lambda session: find_view_field_names(session, view_id)) if view_id else None
    results = search_as(call.context.sessions, call.context.engine, criteria, call.actor)
    reachable = min(results.total, MAX_PAGED_HITS) if not criteria.search_after else results.total
    pages = max(1, math.ceil(reachable / per_page))
    if page > pages:
        raise PageNotFound
    if save_search_history:
        call.transact(lambda session: record_recent_search(session, call.actor, normalize_criteria(body)))
    objects = [serialize_hit(hit, names) for hit in results.hits]
    facets = {
        name: {"buckets": [{"key": bucket.key, "doc_count": bucket.doc_count} for bucket in buckets]}
        for name, buckets in results.facets.items()
    }
    return {**page_envelope(call, objects, page, pages, per_page, results.total), "facets": facets, "scroll_id": None}


def serialize_hit(hit: SearchHit, names: frozenset[str] | None = None) -> dict[str, Any]:
    """Serialise a hit. The 1.x client rejects a list in `format`, so it gets the first name.

    Args:
        names: metadata fields to include; None includes all.
    """
    body = {"metadata": {}, **hit.as_object()}
    if names is not None:
        body["metadata"] = {name: values for name, values in body["metadata"].items() if name in names}
        hidden = body.get("highlight", {}).keys() - {METADATA_TERM_PREFIX + name for name in names}
        for name in hidden:
            if name.startswith(METADATA_TERM_PREFIX):
                del body["highlight"][name]
    if isinstance(body.get("format"), list):
        body["format"] = next(iter(body["format"]), None)
    return body


class SearchSuggestBody(Body):
    field_name: ShortText
    query: LongText
    doc_types: Any = None
    metadata_view_id: UUID | None = None


@routes.post("/search/suggest/", status=200, own_transactions=True)
def post_suggest(call: SelfCommittingCall, body: SearchSuggestBody) -> dict[str, Any]:
    """Suggest values of a field by prefix, from objects that the caller may read."""
    context = call.context
    try:
        found = suggest(context.sessions, context.engine, body.field_name, body.query, body.doc_types, call.actor)
    except CriteriaError as wrong:
        raise ValidationFailed(wrong.field, wrong.problem) from None
    return {"objects": [{"value": value} for value in found]}


@routes_v2.post("/search/", status=200, own_transactions=True)
def post_search_again(
    call: SelfCommittingCall,
    body: SearchCriteriaBody,
    page: PageNumber = 1,
    per_page: PerPage = 10,
    save_search_history: bool = False,
) -> dict[str, Any]:
    """Search, at the v2 URL of the same operation."""
    return post_search(call, body, page, per_page, save_search_history)
