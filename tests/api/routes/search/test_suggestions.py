"""Suggestions over HTTP: prefix matches, bounded, and nothing that is hidden."""

from typing import Any
from uuid import uuid4

import pytest

from services.searching.suggestions import MAX_SUGGESTIONS
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.files.test_files import watch
from tests.api.routes.search.test_search import drain_all

URL = "/search/v1/search/suggest/"


def suggestions(caller: Caller, query: str, field: str = "title", **more: Any) -> list[str]:
    answer = caller.http.post(URL, json={"field_name": field, "query": query, **more})
    assert answer.status_code == 200, answer.text
    return [one["value"] for one in answer.json()["objects"]]


def test_titles_that_begin_as_typed_are_suggested_to_those_who_read_them(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    shown, hidden = make_asset(owner, f"{word} harbour"), make_asset(owner, f"{word} hangar")
    make_asset(owner, "something else")
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{shown['id']}/", json={"permissions": ["read"]})
    drain_all(api)
    both = {shown["title"], hidden["title"]}
    assert set(suggestions(owner, f"{word} ha")) == set(suggestions(admin, word[:20])) == both
    assert suggestions(owner, f"{word} har", doc_types=["assets"], metadata_view_id="") == [shown["title"]]
    assert suggestions(stranger, f"{word}*") == [shown["title"]]
    assert suggestions(owner, word, doc_types=["collections"]) == []
    assert suggestions(owner, " * ") == suggestions(owner, "") == []


def test_what_was_hidden_or_deleted_is_not_suggested_before_the_index_is_drained(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    word = f"w{uuid4().hex}"
    one, other = make_asset(owner, f"{word} one"), make_asset(owner, f"{word} two")
    rights = f"/acls/v1/users/{stranger.id}/acl/assets/{one['id']}/"
    owner.http.put(rights, json={"permissions": ["read"]})
    drain_all(api)
    assert suggestions(stranger, word) == [one["title"]]
    owner.http.delete(rights)
    owner.http.delete(f"/assets/v1/assets/{other['id']}/")
    assert suggestions(stranger, word) == []
    drain_all(api)
    assert (suggestions(stranger, word), suggestions(owner, word)) == ([], [one["title"]])


def test_suggestions_are_few_and_each_is_told_once(api: Api, owner: Caller) -> None:
    word = f"w{uuid4().hex}"
    for number in range(MAX_SUGGESTIONS + 2):
        make_asset(owner, f"{word} {number}")
    other = f"v{uuid4().hex}"
    for _ in range(2):
        make_asset(owner, other)
    drain_all(api)
    assert len(suggestions(owner, word)) == MAX_SUGGESTIONS
    assert suggestions(owner, other[:9]) == [other]


def test_files_are_suggested_by_their_names_and_unknown_fields_have_no_values(api: Api, owner: Caller) -> None:
    watch(api, owner)
    drain_all(api)
    assert suggestions(owner, "pla", "file_names") == ["plate"]
    assert suggestions(owner, "pla", "planets") == suggestions(owner, "pla", "metadata.planets") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": "x"}, "field_name"),
        ({"field_name": "title"}, "query"),
        ({"field_name": "title", "query": "x", "doc_types": ["planets"]}, "doc_types"),
        ({"field_name": "title", "query": "x", "doc_types": 7}, "doc_types"),
    ],
)
def test_a_wrong_question_names_its_field(owner: Caller, body: dict[str, Any], field: str) -> None:
    answer = owner.http.post(URL, json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
