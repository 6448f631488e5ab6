"""Saved searches and search history; every user, administrators too, sees only its own."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy import false, select

from api.routes.search.search import SearchCriteriaBody, normalize_criteria, parse_search_body
from asgi.pagination import (
    PageNumber,
    PerPage,
    SortParam,
    apply_sort,
    filter_by_values,
    paginate,
    query_columns,
    serialize_each,
)
from asgi.request_context import Body, Call, ShortText, format_datetime
from asgi.routing import RouteGroup
from models.access.acl import ALL_PERMISSIONS
from models.catalog.saved_search import SavedSearch, SearchHistory
from services.core.errors import ValidationFailed
from services.searching.metadata_terms import make_range_kind_reader
from services.searching.saved_searches import MAX_RECENT_SEARCHES, save_search

routes = RouteGroup("search")
SAVED_SEARCH_QUERY_COLUMNS = query_columns(
    SavedSearch.id, SavedSearch.name, SavedSearch.favoured, SavedSearch.date_created, SavedSearch.date_modified
)


class SavedSearchBody(Body):
    name: ShortText
    criteria: SearchCriteriaBody
    favoured: bool | None = None
    group_id: UUID | None = None


def serialize_saved_search(saved: SavedSearch) -> dict[str, Any]:
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


def serialize_recent_search(one: SearchHistory) -> dict[str, Any]:
    """Serialise an entry of the search history."""
    return {"id": str(one.id), "criteria": one.criteria, "date_created": format_datetime(one.date_created)}


@routes.post("/search/saved/")
def post_saved_search(call: Call, body: SavedSearchBody) -> dict[str, Any]:
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
) -> dict[str, Any]:
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
) -> dict[str, Any]:
    """List the caller's search history, newest first."""
    mine = select(SearchHistory).where(SearchHistory.user_id == call.actor.user_id)
    return paginate(
        call, mine.order_by(SearchHistory.id.desc()), page, per_page, serialize_each(serialize_recent_search)
    )
