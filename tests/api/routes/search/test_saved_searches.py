"""Saved searches and search history, each visible only to its user."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from models.catalog.saved_search import SearchHistory
from services.searching.saved_searches import MAX_RECENT_SEARCH_BYTES, MAX_RECENT_SEARCHES, record_recent_search
from tests.api.conftest import Api, Caller
from tests.api.routes.search.test_search import URL

SAVED, HISTORY = "/search/v1/search/saved/", "/search/v1/search/history/"
TREE = {"operator": "AND", "terms": [{"name": "status", "value_in": ["ACTIVE"]}], "filters": []}


def save(caller: Caller, name: str, **more: Any) -> dict[str, Any]:
    answer = caller.http.post(SAVED, json={"name": name, "criteria": {"query": name}, **more})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def names(caller: Caller, **params: Any) -> list[str]:
    return [one["name"] for one in caller.http.get(SAVED, params=params).json()["objects"]]


def history(caller: Caller) -> list[dict[str, Any]]:
    return [one["criteria"] for one in caller.http.get(HISTORY).json()["objects"]]


def search(caller: Caller, criteria: dict[str, Any], **params: Any) -> int:
    return caller.http.post(URL, json=criteria, params={"save_search_history": "true", **params}).status_code


def test_a_search_is_saved_as_it_was_sent_and_seen_by_its_user_alone(
    admin: Caller, owner: Caller, stranger: Caller
) -> None:
    criteria = {"query": "plate*", "filter": TREE, "doc_types": ["assets"], "search_after": [], "planet": 1}
    saved = save(owner, "plates", criteria=criteria, id=str(uuid4()), group_id=None)
    assert saved["criteria"] == {"query": "plate*", "filter": TREE, "doc_types": ["assets"]}
    assert (saved["favoured"], saved["group_id"]) == (False, None)
    assert owner.http.get(SAVED).json()["objects"] == [saved]
    assert owner.http.post(URL, json=saved["criteria"]).status_code == 200
    for caller in (admin, stranger):
        assert caller.http.get(SAVED, params={"ids": saved["id"]}).json()["total"] == 0


def test_saved_searches_are_found_by_name_id_and_favour_and_paged(owner: Caller) -> None:
    ids = {name: save(owner, name, favoured=name == "b plates")["id"] for name in ("c takes", "b plates", "a 100%")}
    assert names(owner, sort="name,asc") == ["a 100%", "b plates", "c takes"]
    assert names(owner, query="PLATE") == names(owner, favorites="true") == ["b plates"]
    assert names(owner, query="%") == ["a 100%"]
    assert names(owner, ids=f"{ids['c takes']},{uuid4()}") == ["c takes"]
    assert names(owner, group_id=str(uuid4())) == []
    page = owner.http.get(SAVED, params={"per_page": 2, "page": 2, "sort": "name"}).json()
    assert ([one["name"] for one in page["objects"]], page["pages"], page["total"]) == (["c takes"], 2, 3)
    assert owner.http.get(SAVED, params={"page": 2}).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"criteria": {}}, "name"),
        ({"name": "x"}, "criteria"),
        ({"name": "x", "criteria": "plates"}, "criteria"),
        ({"name": "x", "criteria": {"query": 7}}, "criteria.query"),
        ({"name": "x", "criteria": {"filter": {"operator": "XOR", "terms": []}}}, "criteria.filter.operator"),
        ({"name": "x", "criteria": {}, "group_id": str(uuid4())}, "group_id"),
    ],
)
def test_what_could_not_be_searched_is_not_saved(owner: Caller, body: dict[str, Any], field: str) -> None:
    answer = owner.http.post(SAVED, json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert names(owner) == []


def test_a_search_is_remembered_for_its_user_where_that_is_asked_for(owner: Caller, stranger: Caller) -> None:
    assert owner.http.post(URL, json={"query": "unasked"}).status_code == 200
    for word in ("one", "two", "one"):
        assert search(owner, {"query": word, "search_after": [], "metadata_view_id": ""}) == 200
    newer = {"save_search_history": "true"}
    assert owner.http.post("/search/v2/search/", json={"filter": TREE}, params=newer).status_code == 200
    assert history(owner) == [{"filter": TREE}, {"query": "one"}, {"query": "two"}]
    assert history(stranger) == []


def test_a_search_that_fails_or_is_too_large_is_not_remembered(owner: Caller) -> None:
    assert search(owner, {"query": 7}) == 400
    assert search(owner, {"query": "x"}, page=9) == 404
    ids = [str(uuid4()) for _ in range(MAX_RECENT_SEARCH_BYTES // 36)]
    assert search(owner, {"filter": {"operator": "AND", "terms": [{"name": "id", "value_in": ids}]}}) == 200
    assert history(owner) == []


def test_the_newest_searches_alone_are_kept(api: Api, owner: Caller, stranger: Caller) -> None:
    assert search(stranger, {"query": "theirs"}) == 200
    with api.sessions.begin() as session:
        for number in range(MAX_RECENT_SEARCHES + 3):
            record_recent_search(session, owner.actor, {"query": f"{number}"})
    kept = history(owner)
    assert [kept[0], kept[-1], len(kept)] == [
        {"query": f"{MAX_RECENT_SEARCHES + 2}"},
        {"query": "3"},
        MAX_RECENT_SEARCHES,
    ]
    with api.sessions() as session:
        mine = select(func.count()).select_from(SearchHistory).where(SearchHistory.user_id == owner.id)
        assert session.scalar(mine) == MAX_RECENT_SEARCHES
    assert history(stranger) == [{"query": "theirs"}]
