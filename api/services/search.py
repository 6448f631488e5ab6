"""Search with criteria, facets and pages; the caller's rights are part of the query."""

import math
from typing import Any
from uuid import UUID

from api.bodies import Body, Name, Text
from api.call import OpenCall
from api.pages import NoSuchPage, PerPage, envelope
from api.pages import Page as PageNumber
from api.routing import Service
from search.criteria import MAX_WINDOW, Criteria, CriteriaError, KindOf, parse_criteria
from search.documents import METADATA
from search.engine import Hit
from tasks.find import find
from tasks.metadata_search import kind_reader, shown_names
from tasks.refusals import Invalid
from tasks.saved_searches import remember_search
from tasks.suggestions import suggest

routes = Service("search")
second = Service("search", version="v2")


class CriteriaBody(Body):
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


def read_criteria(body: CriteriaBody, kind_of: KindOf, page: int = 1, per_page: int = 10, within: str = "") -> Criteria:
    """Parse search criteria.

    Args:
        within: path of the criteria in the whole body, for error messages.

    Raises:
        ValidationFailed: names the field by its path.
    """
    try:
        return parse_criteria(body.sent(), page, per_page, kind_of)
    except CriteriaError as wrong:
        raise Invalid(f"{within}{wrong.field}", wrong.problem) from None


def kept_criteria(body: CriteriaBody) -> dict[str, Any]:
    """Return the criteria for repeating the search: without empty keys, and from the first hit."""
    kept = body.sent() | {"search_after": None}
    return {name: value for name, value in kept.items() if value not in (None, "", [], {})}


@routes.post("/search/", status=200, own_transactions=True)
def post_search(
    call: OpenCall,
    body: CriteriaBody,
    page: PageNumber = 1,
    per_page: PerPage = 10,
    save_search_history: bool = False,
) -> dict[str, Any]:
    """Search objects that the caller may read; `save_search_history` adds the search to the history."""
    criteria = read_criteria(body, kind_reader(call.transact), page, per_page)
    view_id = body.metadata_view_id
    names = call.transact(lambda session: shown_names(session, view_id)) if view_id else None
    results = find(call.context.sessions, call.context.engine, criteria, call.actor)
    reachable = min(results.total, MAX_WINDOW) if not criteria.search_after else results.total
    pages = max(1, math.ceil(reachable / per_page))
    if page > pages:
        raise NoSuchPage
    if save_search_history:
        call.transact(lambda session: remember_search(session, call.actor, kept_criteria(body)))
    objects = [hit_body(hit, names) for hit in results.hits]
    facets = {
        name: {"buckets": [{"key": bucket.key, "doc_count": bucket.doc_count} for bucket in buckets]}
        for name, buckets in results.facets.items()
    }
    return {**envelope(call, objects, page, pages, per_page, results.total), "facets": facets, "scroll_id": None}


def hit_body(hit: Hit, names: frozenset[str] | None = None) -> dict[str, Any]:
    """Serialise a hit. The 1.x client rejects a list in `format`, so it gets the first name.

    Args:
        names: metadata fields to include; None includes all.
    """
    body = {"metadata": {}, **hit.as_object()}
    if names is not None:
        body["metadata"] = {name: values for name, values in body["metadata"].items() if name in names}
        hidden = body.get("highlight", {}).keys() - {METADATA + name for name in names}
        for name in hidden:
            if name.startswith(METADATA):
                del body["highlight"][name]
    if isinstance(body.get("format"), list):
        body["format"] = next(iter(body["format"]), None)
    return body


class SuggestBody(Body):
    field_name: Name
    query: Text
    doc_types: Any = None
    metadata_view_id: UUID | None = None


@routes.post("/search/suggest/", status=200, own_transactions=True)
def post_suggest(call: OpenCall, body: SuggestBody) -> dict[str, Any]:
    """Suggest values of a field by prefix, from objects that the caller may read."""
    context = call.context
    try:
        found = suggest(context.sessions, context.engine, body.field_name, body.query, body.doc_types, call.actor)
    except CriteriaError as wrong:
        raise Invalid(wrong.field, wrong.problem) from None
    return {"objects": [{"value": value} for value in found]}


@second.post("/search/", status=200, own_transactions=True)
def post_search_again(
    call: OpenCall,
    body: CriteriaBody,
    page: PageNumber = 1,
    per_page: PerPage = 10,
    save_search_history: bool = False,
) -> dict[str, Any]:
    """Search, at the v2 URL of the same operation."""
    return post_search(call, body, page, per_page, save_search_history)
