"""Saved searches and search history; every user, administrators too, sees only its own."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from sqlalchemy import false, select

from api.bodies import Body, Name
from api.call import Call
from api.pages import Page, PerPage, Sort, matching, ordered, paged
from api.rendering import stamp
from api.routing import Service
from api.services.search import CriteriaBody, kept_criteria, read_criteria
from models.acl import ALL
from models.saved_search import SavedSearch, SearchHistory
from tasks.metadata_search import kind_reader
from tasks.refusals import Invalid
from tasks.saved_searches import REMEMBERED, save_search

routes = Service("search")
COLUMNS = {
    "id": SavedSearch.id,
    "name": SavedSearch.name,
    "favoured": SavedSearch.favoured,
    "date_created": SavedSearch.date_created,
    "date_modified": SavedSearch.date_modified,
}


class SavedSearchBody(Body):
    name: Name
    criteria: CriteriaBody
    favoured: bool | None = None
    group_id: UUID | None = None


def saved_body(saved: SavedSearch) -> dict[str, Any]:
    """Serialise a saved search."""
    return {
        "id": str(saved.id),
        "name": saved.name,
        "criteria": saved.criteria,
        "favoured": saved.favoured,
        "group_id": None,
        "permissions": list(ALL),
        "date_created": stamp(saved.date_created),
        "date_modified": stamp(saved.date_modified),
    }


def remembered_bodies(searches: Sequence[SearchHistory]) -> list[dict[str, Any]]:
    """Serialise entries of the search history."""
    return [{"id": str(one.id), "criteria": one.criteria, "date_created": stamp(one.date_created)} for one in searches]


@routes.post("/search/saved/")
def post_saved_search(call: Call, body: SavedSearchBody) -> dict[str, Any]:
    """Save a search under a name; invalid criteria are rejected."""
    if body.group_id is not None:
        raise Invalid("group_id", f"group {body.group_id} does not exist: saved searches have no groups here")
    read_criteria(body.criteria, kind_reader(lambda work: work(call.session)), within="criteria.")
    criteria = kept_criteria(body.criteria)
    return saved_body(save_search(call.session, call.actor, body.name, criteria, favoured=bool(body.favoured)))


@routes.get("/search/saved/")
def get_saved_searches(
    call: Call,
    page: Page = 1,
    per_page: PerPage = 50,
    sort: Sort = "",
    group_id: str = "",
    ids: str = "",
    query: str = "",
    favorites: bool = False,
) -> dict[str, Any]:
    """List the caller's saved searches; `query` matches their names."""
    mine = select(SavedSearch).where(SavedSearch.user_id == call.actor.user_id)
    found = matching(mine, COLUMNS, {"id": ids})
    if group_id:
        found = found.where(false())
    if query:
        found = found.where(SavedSearch.name.icontains(query, autoescape=True))
    if favorites:
        found = found.where(SavedSearch.favoured)
    found = ordered(found, sort, COLUMNS, SavedSearch.id)
    return paged(call, found, page, per_page, lambda rows: [saved_body(row) for row in rows])


@routes.get("/search/history/")
def get_search_history(
    call: Call, page: Page = 1, per_page: Annotated[int, Query(ge=1, le=REMEMBERED)] = REMEMBERED
) -> dict[str, Any]:
    """List the caller's search history, newest first."""
    mine = select(SearchHistory).where(SearchHistory.user_id == call.actor.user_id)
    return paged(call, mine.order_by(SearchHistory.id.desc()), page, per_page, remembered_bodies)
