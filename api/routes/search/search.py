"""Search with criteria, facets and pages, where the caller's rights are part of the query; saved searches and search
history, of which every user, administrators too, sees only its own."""

import math
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Query
from pydantic import WithJsonSchema
from sqlalchemy import false, select

from api.routes.search.answers import (
    FacetAnswer,
    RecentSearchAnswer,
    SavedSearchAnswer,
    SearchHitAnswer,
    SearchPageAnswer,
    SuggestionAnswer,
)
from asgi.answers import ObjectListAnswer, PageAnswer
from asgi.body_base import Body, LongText, ShortText
from asgi.limits.bodies import DEFAULT_BODY_BYTES
from asgi.pagination import (
    PageNotFound,
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    page_envelope,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.rendering import format_datetime
from asgi.request_context import Call, SelfCommittingCall
from asgi.routing import RouteGroup, SharedEndpoint
from models.access.acl import ALL_PERMISSIONS
from models.catalog.saved_search import SavedSearch, SearchHistory
from search.document import METADATA_TERM_PREFIX
from search.engine import SearchHit
from search.query.budget import (
    MAX_FIELD_NAMES,
    MAX_LIST_VALUES,
    MAX_SEARCH_AFTER,
    MAX_SORT_KEYS,
    MAX_TERM_NAME_CHARACTERS,
    MAX_TERM_VALUE_CHARACTERS,
    CriteriaError,
)
from search.query.criteria import MAX_PAGED_HITS, Criteria, ValueKindLookup, parse_criteria
from services.core.errors import ValidationFailed
from services.searching.metadata_terms import find_view_field_names, make_range_kind_reader
from services.searching.query import search_as
from services.searching.saved_searches import MAX_RECENT_SEARCHES, record_recent_search, save_search
from services.searching.suggestions import suggest

routes = RouteGroup("search")
routes_v2 = RouteGroup("search", version="v2")


MAX_QUERY_CHARACTERS = 10_000
SEARCH_TREE_SCHEMA = {"type": ["object", "null"], "maxProperties": 20, "x-max-bytes": DEFAULT_BODY_BYTES}
SEARCH_VALUE_SCHEMA = {"type": ["string", "number", "boolean", "null"], "maxLength": MAX_TERM_VALUE_CHARACTERS}


def _list_schema(items: dict[str, Any], most: int) -> WithJsonSchema:
    return WithJsonSchema({"type": ["array", "null"], "maxItems": most, "items": items})


SearchTextList = Annotated[
    Any, _list_schema({"type": "string", "maxLength": MAX_TERM_NAME_CHARACTERS}, MAX_FIELD_NAMES)
]


class SearchCriteriaBody(Body):
    """Search criteria. `search.query.criteria` parses, validates and limits the whole tree, and names the place of an
    error in it; here any value is accepted."""

    query: Annotated[Any, WithJsonSchema({"type": ["string", "null"], "maxLength": MAX_QUERY_CHARACTERS})] = None
    doc_types: SearchTextList = None
    filter: Annotated[Any, WithJsonSchema(SEARCH_TREE_SCHEMA)] = None
    facets: SearchTextList = None
    facets_filters: Annotated[Any, _list_schema(SEARCH_TREE_SCHEMA, MAX_LIST_VALUES)] = None
    sort: Annotated[Any, _list_schema(SEARCH_TREE_SCHEMA, MAX_SORT_KEYS)] = None
    search_after: Annotated[Any, _list_schema(SEARCH_VALUE_SCHEMA, MAX_SEARCH_AFTER)] = None
    search_fields: SearchTextList = None
    include_fields: SearchTextList = None
    exclude_fields: SearchTextList = None
    metadata_view_id: Annotated[Any, WithJsonSchema({"type": ["string", "null"], "format": "uuid"})] = None


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


@routes_v2.post(
    "/search/",
    SharedEndpoint("post_search_again", "Search, at the v2 URL of the same operation."),
    status=200,
    own_transactions=True,
    is_search=True,
)
@routes.post("/search/", status=200, own_transactions=True, is_search=True)
def post_search(
    call: SelfCommittingCall,
    body: SearchCriteriaBody,
    page: PageNumber = 1,
    per_page: PerPage = 10,
    save_search_history: bool = False,
) -> SearchPageAnswer:
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
    facets: dict[str, FacetAnswer] = {
        name: {"buckets": [{"key": bucket.key, "doc_count": bucket.doc_count} for bucket in buckets]}
        for name, buckets in results.facets.items()
    }
    return {**page_envelope(call, objects, page, pages, per_page, results.total), "facets": facets, "scroll_id": None}


def serialize_hit(hit: SearchHit, names: frozenset[str] | None = None) -> SearchHitAnswer:
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
    return cast(SearchHitAnswer, body)


class SearchSuggestBody(Body):
    field_name: ShortText
    query: LongText
    doc_types: SearchTextList = None
    metadata_view_id: UUID | None = None


@routes.post("/search/suggest/", status=200, own_transactions=True, is_search=True, never_gives=(404,))
def post_suggest(call: SelfCommittingCall, body: SearchSuggestBody) -> ObjectListAnswer[SuggestionAnswer]:
    """Suggest values of a field by prefix, from objects that the caller may read."""
    context = call.context
    try:
        found = suggest(context.sessions, context.engine, body.field_name, body.query, body.doc_types, call.actor)
    except CriteriaError as wrong:
        raise ValidationFailed(wrong.field, wrong.problem) from None
    return {"objects": [{"value": value} for value in found]}


SAVED_SEARCH_QUERY_COLUMNS = query_columns(
    SavedSearch.id, SavedSearch.name, SavedSearch.favoured, SavedSearch.date_created, SavedSearch.date_modified
)


class SavedSearchBody(Body):
    name: ShortText
    criteria: SearchCriteriaBody
    favoured: bool | None = None
    group_id: UUID | None = None


def serialize_saved_search(saved: SavedSearch) -> SavedSearchAnswer:
    """Serialise a saved search."""
    return {
        "id": str(saved.id),
        "name": saved.name,
        "criteria": saved.criteria,
        "favoured": saved.favoured,
        "group_id": None,
        "permissions": list(ALL_PERMISSIONS),
        "date_created": format_datetime(saved.date_created),
        "date_modified": format_datetime(saved.date_modified),
    }


def serialize_recent_search(one: SearchHistory) -> RecentSearchAnswer:
    """Serialise an entry of the search history."""
    return {"id": str(one.id), "criteria": one.criteria, "date_created": format_datetime(one.date_created)}


@routes.post("/search/saved/", never_gives=(404,))
def post_saved_search(call: Call, body: SavedSearchBody) -> SavedSearchAnswer:
    """Save a search under a name; invalid criteria are rejected."""
    if body.group_id is not None:
        raise ValidationFailed("group_id", f"group {body.group_id} does not exist: saved searches have no groups here")
    parse_search_body(body.criteria, make_range_kind_reader(lambda work: work(call.session)), within="criteria.")
    criteria = normalize_criteria(body.criteria)
    return serialize_saved_search(
        save_search(call.session, call.actor, body.name, criteria, favoured=bool(body.favoured))
    )


@routes.get("/search/saved/")
def get_saved_searches(
    call: Call,
    page: PageNumber = 1,
    per_page: PerPage = 50,
    sort: SortParam = "",
    group_id: str = "",
    ids: str = "",
    query: str = "",
    favorites: bool = False,
) -> PageAnswer[SavedSearchAnswer]:
    """List the caller's saved searches; `query` matches their names."""
    mine = select(SavedSearch).where(SavedSearch.user_id == call.actor.user_id)
    found = filter_by_values(mine, SAVED_SEARCH_QUERY_COLUMNS, {"id": ids})
    if group_id:
        found = found.where(false())
    if query:
        found = found.where(SavedSearch.name.icontains(query, autoescape=True))
    if favorites:
        found = found.where(SavedSearch.favoured)
    found = apply_sort(found, sort, SAVED_SEARCH_QUERY_COLUMNS, SavedSearch.id)
    return paginate(call, found, page, per_page, serialize_each(serialize_saved_search))


@routes.get("/search/history/")
def get_search_history(
    call: Call,
    page: PageNumber = 1,
    per_page: Annotated[int, Query(ge=1, le=MAX_RECENT_SEARCHES)] = MAX_RECENT_SEARCHES,
) -> PageAnswer[RecentSearchAnswer]:
    """List the caller's search history, newest first."""
    mine = select(SearchHistory).where(SearchHistory.user_id == call.actor.user_id)
    return paginate(
        call, mine.order_by(SearchHistory.id.desc()), page, per_page, serialize_each(serialize_recent_search)
    )
