"""Searching over HTTP: the user's permissions apply to every hit, total and facet, as soon as they change."""

from typing import Any
from uuid import uuid4

import pytest

from models.access.acl import Actor
from models.core.timing import Timing
from search.engine import FacetBucket, SearchHit
from search.postgres.engine import PostgresEngine
from services.indexing.drain import drain_index_queue
from services.searching.asset_terms import filter_hit_assets
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset

URL = "/search/v1/search/"


def drain_all(api: Api) -> None:
    drain_index_queue(api.sessions, PostgresEngine(api.sessions), Timing())


def find(caller: Caller, criteria: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    answer = caller.http.post(URL, json=criteria or {}, params=params)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_only_what_the_asker_reads_is_in_hits_totals_and_facets(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    shown, hidden = make_asset(owner, f"{word} one"), make_asset(owner, f"{word} two", type="LINK")
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{shown['id']}/", json={"permissions": ["read"]})
    drain_all(api)
    criteria = {"query": word, "facets": ["type"]}
    mine, theirs = find(owner, criteria), find(stranger, criteria)
    assert {hit["id"] for hit in mine["objects"]} == {shown["id"], hidden["id"]}
    assert [hit["id"] for hit in theirs["objects"]] == [shown["id"]]
    assert (mine["total"], theirs["total"]) == (2, 1)
    assert theirs["facets"] == {"type": {"buckets": [{"key": "ASSET", "doc_count": 1}]}}
    assert find(admin, criteria)["total"] == 2


def test_ids_of_assets_that_the_asker_may_not_read_are_in_no_hit_facet_term_or_order(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    shown, known, hidden = (make_asset(owner, title)["id"] for title in (word, "known", "hidden"))
    for one in (known, hidden):
        relation = {"related_to_asset_id": one, "relation_type": "promo"}
        owner.http.post(f"/assets/v1/assets/{shown}/relations/", json=relation)
    for one in (shown, known):
        owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{one}/", json={"permissions": ["read"]})
    drain_all(api)
    name = "related_to_asset_id"
    for caller, readable in ((owner, {known, hidden}), (stranger, {known})):
        found = find(caller, {"query": word, "facets": [name]})
        assert set(found["objects"][0][name]) == readable
        assert {bucket["key"]: bucket["doc_count"] for bucket in found["facets"][name]["buckets"]} == dict.fromkeys(
            readable, 1
        )
        for asked in (known, hidden):
            term = {"name": name, "value_in": [asked, str(uuid4())]}
            for criteria in ({"filter": {"terms": [term]}}, {"facets_filters": [term]}):
                assert find(caller, {"query": word, **criteria})["total"] == (asked in readable), criteria
    for criteria in (
        {"filter": {"terms": [{"name": name, "range": {"min": hidden}}]}},
        {"sort": [{"name": name, "order": "asc"}]},
    ):
        assert stranger.http.post(URL, json=criteria).status_code == 400
    actor = Actor("stranger", stranger.id)
    hit = SearchHit("assets", uuid4(), "copy", None, {"duplicate_of": [hidden]}, [])
    with api.sessions() as session:
        facets = {"duplicate_of": [FacetBucket(hidden, 1), FacetBucket(known, 1)], "type": [FacetBucket("ASSET", 1)]}
        (seen,), counted = filter_hit_assets(session, actor, [hit], facets)
    assert (seen.body, counted) == ({}, {"duplicate_of": [(known, 1)], "type": [("ASSET", 1)]})


def test_what_was_narrowed_or_deleted_is_gone_before_the_index_is_drained(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    one, other = make_asset(owner, f"{word} one"), make_asset(owner, f"{word} two")
    rights = f"/acls/v1/users/{stranger.id}/acl/assets/{one['id']}/"
    owner.http.put(rights, json={"permissions": ["read"]})
    drain_all(api)
    assert find(stranger, {"query": word})["total"] == 1
    owner.http.delete(rights)
    owner.http.delete(f"/assets/v1/assets/{other['id']}/")
    found = find(stranger, {"query": word, "facets": ["type"]})
    assert (found["objects"], found["total"], found["facets"]["type"]["buckets"]) == ([], 0, [])
    assert find(owner, {"query": word})["total"] == 0
    drain_all(api)
    assert [hit["id"] for hit in find(owner, {"query": word})["objects"]] == [one["id"]]


def test_a_group_opens_documents_without_touching_them(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    asset = make_asset(owner, word)
    group = admin.http.post("/users/v1/groups/", json={"name": f"g {uuid4()}"}).json()["id"]
    owner.http.put(f"/acls/v1/groups/{group}/acl/assets/{asset['id']}/", json={"permissions": ["read"]})
    drain_all(api)
    assert find(stranger, {"query": word})["total"] == 0
    admin.http.post(f"/users/v1/groups/{group}/users/{stranger.id}/")
    assert find(stranger, {"query": word})["total"] == 1
    admin.http.delete(f"/users/v1/groups/{group}/users/{stranger.id}/")
    assert find(stranger, {"query": word})["total"] == 0


def test_pages_and_search_after_go_through_all_hits(api: Api, owner: Caller) -> None:
    for number in range(5):
        make_asset(owner, f"clip {number}")
    drain_all(api)
    blank = {"query": "", "search_after": [], "metadata_view_id": "", "sort": [{"name": "title", "order": "asc"}]}
    first = find(owner, blank, per_page=2)
    assert (first["total"], first["pages"], first["page"]) == (5, 3, 1)
    assert first["next_url"] == f"/API{URL}?page=2&per_page=2"
    titles, after = [], []
    while page := find(owner, {**blank, "search_after": after}, per_page=2)["objects"]:
        titles += [hit["title"] for hit in page]
        after = page[-1]["_sort"]
    assert titles == [f"clip {number}" for number in range(5)]
    beyond = owner.http.post(URL, json=blank, params={"page": 9, "per_page": 2})
    assert beyond.status_code == 404


def test_hits_keep_what_clients_require_whatever_is_left_out(api: Api, owner: Caller) -> None:
    make_asset(owner, "kept")
    drain_all(api)
    hit = find(owner, {"include_fields": ["status"]})["objects"][0]
    assert (hit["object_type"], hit["title"], hit["status"]) == ("assets", "kept", "ACTIVE")
    assert "media_type" not in hit


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"filter": {"operator": "XOR", "terms": [{"name": "status", "value": "x"}]}}, "filter.operator"),
        ({"query": 7}, "query"),
        ({"sort": [{"name": "title", "order": "sideways"}]}, "sort[0].order"),
        ({"doc_types": ["planets"]}, "doc_types"),
        ({"query": "a\0b"}, "body"),
    ],
)
def test_criteria_that_read_wrong_name_their_field(owner: Caller, criteria: dict[str, Any], field: str) -> None:
    answer = owner.http.post(URL, json=criteria)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_nobody_searches(api: Api) -> None:
    assert api.client().post(URL, json={}).status_code == 401


def test_the_newer_address_answers_alike(api: Api, owner: Caller) -> None:
    make_asset(owner, "both")
    drain_all(api)
    newer = owner.http.post("/search/v2/search/", json={}).json()
    assert newer["objects"] == find(owner)["objects"]


def test_a_document_is_made_anew_on_request(api: Api, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)["id"]
    assert owner.http.post(f"/assets/v1/assets/{asset}/reindex/", json={}).status_code == 201
    assert stranger.http.post(f"/assets/v1/assets/{asset}/reindex/", json={}).status_code == 404
