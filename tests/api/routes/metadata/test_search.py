"""Values written through the API are searchable by type: numbers as numbers, dates as dates, words as words."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.queues.index_mark import IndexMark
from tests.api.conftest import Api, Caller
from tests.api.describing import BASE, faults, make_field, make_segment, make_view, put_well, said, values_of
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.search.test_search import URL, drain_all, find
from tests.said_strategy import VALUES


def filtered(field: str, **asked: Any) -> dict[str, Any]:
    return {"filter": {"operator": "AND", "terms": [{"name": f"metadata.{field}", **asked}]}}


def titles(caller: Caller, criteria: dict[str, Any]) -> list[str]:
    return [hit["title"] for hit in find(caller, criteria, per_page=1_000)["objects"]]


def describe(api: Api, caller: Caller, view: str, **values: dict[str, Any]) -> dict[str, str]:
    """Assets by title with values, in documents."""
    ids = {}
    for title, said_of in values.items():
        ids[title] = make_asset(caller, title)["id"]
        put_well(caller, ids[title], view, said_of)
    drain_all(api)
    return ids


def test_ranges_of_numbers_days_and_times(api: Api, admin: Caller, owner: Caller) -> None:
    size, share, day, moment = (make_field(admin, kind) for kind in ("integer", "float", "date", "datetime"))
    view = make_view(admin, size, share, day, moment)
    describe(
        api,
        owner,
        view,
        one={size: 9, share: "0.5", day: "2024-01-31", moment: "2024-01-31T23:30:00Z"},
        two={size: "10", share: 2, day: "2024-02-01", moment: "2024-02-01T12:00:00Z"},
    )
    asked = [
        (size, {"min": "10"}, ["two"]),
        (size, {"min": "9", "max": "9"}, ["one"]),
        (share, {"max": "1.5"}, ["one"]),
        (day, {"min": "2024-02-01"}, ["two"]),
        (day, {"max": "2024-01-31T12:00", "timezone": "-11:00"}, ["one"]),
        (day, {"min": "2024", "max": "2024"}, ["one", "two"]),
        (day, {"min": "2024-01", "max": "2024-01"}, ["one"]),
        (moment, {"min": "2024-01-31", "max": "2024-01-31"}, ["one"]),
        (moment, {"min": "2024-02-01", "max": "2024-02-01", "timezone": "+02:00"}, ["one", "two"]),
        (moment, {"min": "2024", "max": "2024"}, ["one", "two"]),
    ]
    for field, given_range, wanted in asked:
        assert sorted(titles(owner, filtered(field, range=given_range))) == wanted, given_range
    assert titles(owner, filtered(day, value="2024-01-31")) == ["one"]
    assert titles(owner, filtered(moment, value="2024-02-01")) == ["two"]


def test_a_range_that_its_field_cannot_have_is_refused(admin: Caller, owner: Caller) -> None:
    for kind in ("integer", "date", "datetime"):
        answer = owner.http.post(URL, json=filtered(make_field(admin, kind), range={"min": "soon"}))
        assert list(faults(answer)) == ["filter.terms[0].range"]
    saved = {"name": "x", "criteria": filtered(make_field(admin, "date"), range={"min": "soon"})}
    assert list(faults(owner.http.post("/search/v1/search/saved/", json=saved))) == ["criteria.filter.terms[0].range"]


def test_facets_count_options_tags_and_truth_values(api: Api, admin: Caller, owner: Caller) -> None:
    choice = make_field(admin, "drop_down", options=[{"value": "a", "label": "Alpha"}, {"value": "b"}])
    tags, truth = make_field(admin, "tag_cloud"), make_field(admin, "boolean")
    view = make_view(admin, choice, tags, truth)
    describe(
        api,
        owner,
        view,
        one={choice: "a", tags: ["x", "y"], truth: True},
        two={choice: "a", tags: ["y"], truth: "false"},
    )
    names = {field: f"metadata.{field}" for field in (choice, tags, truth)}
    body = find(owner, {"facets": list(names.values())})
    buckets = {name: [(b["key"], b["doc_count"]) for b in facet["buckets"]] for name, facet in body["facets"].items()}
    assert buckets == {
        names[choice]: [("a", 2)],
        names[tags]: [("y", 2), ("x", 1)],
        names[truth]: [("false", 1), ("true", 1)],
    }
    assert titles(owner, filtered(truth, value="true")) == ["one"]
    assert titles(owner, filtered(tags, value_in=["x", "z"])) == ["one"]
    assert titles(owner, filtered(tags, missing=True)) == []


def test_hits_sort_by_values_and_show_them(api: Api, admin: Caller, owner: Caller) -> None:
    size, camera, hidden = make_field(admin, "integer", sortable=True), make_field(admin), make_field(admin)
    view, narrow = make_view(admin, size, camera, hidden), make_view(admin, camera)
    describe(api, owner, view, one={size: 10}, two={size: 9, camera: "ARRI", hidden: "x"}, three={camera: "RED"})
    by_size = {"sort": [{"name": f"metadata.{size}", "order": "asc"}]}
    assert titles(owner, by_size) == ["two", "one", "three"]
    shown = {hit["title"]: hit["metadata"] for hit in find(owner, by_size)["objects"]}
    assert shown["two"] == {size: [9], camera: ["ARRI"], hidden: ["x"]}
    assert shown["one"] == {size: [10]}
    narrowed = {
        hit["title"]: hit["metadata"] for hit in find(owner, {**by_size, "metadata_view_id": narrow})["objects"]
    }
    assert narrowed == {"two": {camera: ["ARRI"]}, "one": {}, "three": {camera: ["RED"]}}
    for unknown in (str(uuid4()), "none", 7):
        assert list(faults(owner.http.post(URL, json={"metadata_view_id": unknown}))) == ["metadata_view_id"]


def test_words_find_texts_tags_addresses_and_options_by_their_labels(api: Api, admin: Caller, owner: Caller) -> None:
    kinds = ("string", "text", "tag_cloud", "email", "url", "integer")
    name, note, tag, mail, link, size = (make_field(admin, kind) for kind in kinds)
    choice = make_field(admin, "drop_down", options=[{"value": "ok_legal", "label": "Cleared by lawyers"}])
    view = make_view(admin, name, note, tag, mail, link, size, choice)
    values = {name: "Zürich", note: "long\nstory", tag: ["b roll"], mail: "ada@example.org", size: 4711}
    describe(api, owner, view, one={**values, link: "https://example.com/x", choice: "ok_legal"})
    for words in ("zurich", "STORY", "roll", "ada", "example.com", "lawyers", "ok_legal", "zür* story"):
        assert titles(owner, {"query": words}) == ["one"], words
        assert titles(owner, {"query": words, "search_fields": ["metadata"]}) == ["one"], words
        assert titles(owner, {"query": words, "search_fields": ["title"]}) == [], words
    assert titles(owner, {"query": "4711"}) == []


def test_values_of_segments_and_collections_are_found_as_theirs(api: Api, admin: Caller, owner: Caller) -> None:
    field, word = make_field(admin), f"w{uuid4().hex}"
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    collection = owner.http.post("/assets/v1/collections/", json={"title": "c"}).json()["id"]
    segment = make_segment(api, owner, asset)
    for kind, key in (("segments", segment), ("collections", collection)):
        body = {"metadata_values": {field: said(word)}}
        assert owner.http.put(f"{BASE}/{kind}/{key}/views/{view}/", json=body).status_code == 200
    drain_all(api)
    for criteria in (filtered(field, value=word), {"query": word}):
        hits = find(owner, {**criteria, "doc_types": ["segments", "collections"]})["objects"]
        found = {(hit["object_type"], hit["id"]) for hit in hits}
        assert found == {("segments", segment), ("collections", collection)}


def test_a_changed_label_of_an_option_marks_only_what_has_the_option(api: Api, admin: Caller, owner: Caller) -> None:
    options = [{"value": "a", "label": "Alpha"}, {"value": "b", "label": "Beta"}]
    field = make_field(admin, "drop_down", options=options)
    view = make_view(admin, field)
    ids = describe(api, owner, view, one={field: "a"}, two={field: "b"})
    address = f"{BASE}/fields/{field}/"
    admin.http.patch(address, json={"label": "Other", "use_as_facet": True, "options": [*options, {"value": "c"}]})
    assert dirty(api, ids) == set()
    admin.http.patch(address, json={"options": [{"value": "a", "label": "Aleph"}, options[1]]})
    assert dirty(api, ids) == {"one"}
    drain_all(api)
    assert (titles(owner, {"query": "aleph"}), titles(owner, {"query": "alpha"})) == (["one"], [])
    admin.http.delete(address)
    assert dirty(api, ids) == {"one", "two"}
    drain_all(api)
    assert titles(owner, filtered(field, exists=True)) == []
    make_field(admin, "drop_down", name=field)
    drain_all(api)
    assert sorted(titles(owner, filtered(field, exists=True))) == ["one", "two"]


def test_documents_with_a_views_fields_are_made_anew_on_request(api: Api, admin: Caller, owner: Caller) -> None:
    field, other = make_field(admin), make_field(admin)
    view = make_view(admin, field, other)
    ids = describe(api, owner, view, one={field: "x"}, two={other: "y"})
    narrow = make_view(admin, field)
    assert admin.http.post(f"{BASE}/views/{narrow}/reindex/", json={}).status_code == 201
    assert dirty(api, ids) == {"one"}
    assert admin.http.post(f"{BASE}/views/reindex/", json={}).status_code == 201
    assert dirty(api, ids) == {"one", "two"}


def dirty(api: Api, ids: dict[str, str]) -> set[str]:
    """Titles of assets with documents that differ from their rows."""
    with api.sessions() as session:
        query = select(IndexMark.object_id).where(
            IndexMark.object_id.in_(ids.values()), IndexMark.dirty_since.is_not(None)
        )
        marked = {str(key) for key in session.scalars(query)}
    return {title for title, key in ids.items() if key in marked}


def test_what_is_saved_unchanged_marks_nothing(api: Api, admin: Caller, owner: Caller) -> None:
    field = make_field(admin)
    view = make_view(admin, field)
    ids = describe(api, owner, view, one={field: "x"})
    put_well(owner, ids["one"], view, {field: "x"})
    assert dirty(api, ids) == set()


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_each_type_goes_through_the_api_into_search_and_back(
    api: Api, admin: Caller, owner: Caller, kind: str
) -> None:
    options = [{"value": value} for value in ("a", "B c", "ä", "1", "true")] if kind == "drop_down" else []
    field = make_field(admin, kind, multi=True, options=options)
    view, asset = make_view(admin, field), make_asset(owner)["id"]

    # An example is some ten requests, so a failing one is shown as it was found.
    @settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(VALUES[kind], min_size=1, max_size=3))
    def check(given_values: list[Any]) -> None:
        kept = put_well(owner, asset, view, {field: given_values})[field]
        assert put_well(owner, asset, view, {field: kept})[field] == kept == values_of(owner, asset, view)[field]
        assert len(kept) <= len(given_values)
        drain_all(api)
        for value in kept:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            (hit,) = find(owner, filtered(field, value=text))["objects"]
            shown = hit["metadata"][field]
            assert ([float(one) for one in shown] if kind == "float" else shown) == kept
            if kind in ("integer", "float", "date", "datetime"):
                assert find(owner, filtered(field, range={"min": text, "max": text}))["total"] == 1

    check()
