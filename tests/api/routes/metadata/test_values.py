"""Values over HTTP: written through a view or directly, all or none, and recorded in history."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Api, Caller
from tests.api.describing import (
    BASE,
    faults,
    make_field,
    make_segment,
    make_view,
    plain,
    put,
    put_well,
    said,
    values_of,
)
from tests.api.routes.catalog.test_assets import history_of, make_asset


def told(caller: Caller, asset: str) -> list[str]:
    return [description for operation, description in history_of(caller, asset) if operation == "METADATA"]


def test_values_come_back_as_they_were_said(admin: Caller, owner: Caller) -> None:
    title, tags, size = make_field(admin), make_field(admin, "tag_cloud"), make_field(admin, "integer")
    view, asset = make_view(admin, title, tags, size), make_asset(owner)["id"]
    assert put_well(owner, asset, view, {title: "Größe", tags: ["a", "b", "a"]}) == {
        title: ["Größe"],
        tags: ["a", "b"],
        size: [],
    }
    body = owner.http.get(f"{BASE}/assets/{asset}/views/{view}/").json()
    assert (body["object_id"], body["object_type"], body["version_id"]) == (asset, "assets", asset)
    assert body["date_modified"] >= body["date_created"] == body["metadata_values"][title]["date_created"]
    assert owner.http.get(f"{BASE}/assets/{asset}/versions/{asset}/views/{view}/").json() == body
    assert owner.http.get(f"{BASE}/assets/{asset}/versions/{uuid4()}/views/{view}/").status_code == 404


def test_fields_that_are_not_sent_stay(admin: Caller, owner: Caller) -> None:
    one, other = make_field(admin), make_field(admin)
    view, asset = make_view(admin, one, other), make_asset(owner)["id"]
    put_well(owner, asset, view, {one: "a", other: "b"})
    assert put_well(owner, asset, view, {other: "c"}) == {one: ["a"], other: ["c"]}


def test_an_object_without_any_value_has_no_metadata(admin: Caller, owner: Caller) -> None:
    one, other = make_field(admin), make_field(admin)
    view, elsewhere, asset = make_view(admin, one), make_view(admin, other), make_asset(owner)["id"]
    addresses = [f"{BASE}/assets/{asset}/views/{view}/", f"{BASE}/assets/{asset}/"]
    assert [owner.http.get(address).status_code for address in addresses] == [404, 404]
    put_well(owner, asset, view, {one: "a"})
    assert [owner.http.get(address).status_code for address in addresses] == [200, 200]
    assert values_of(owner, asset, elsewhere) == {other: []}
    assert put_well(owner, asset, view, {one: said([])}) == {one: []}
    assert [owner.http.get(address).status_code for address in addresses] == [404, 404]


def test_values_are_appended_and_deleted(admin: Caller, owner: Caller) -> None:
    tags, once = make_field(admin, "tag_cloud"), make_field(admin, "integer")
    view, asset = make_view(admin, tags, once), make_asset(owner)["id"]
    put_well(owner, asset, view, {tags: said(["a", "b"], "append"), once: said(1, "append")})
    put_well(owner, asset, view, {tags: said(["c", "a"], "append"), once: said(1, "append")})
    assert values_of(owner, asset, view) == {tags: ["a", "b", "c"], once: [1]}
    second = put(owner, asset, view, {tags: said("d", "append"), once: said(2, "append")})
    assert faults(second) == {once: 'takes one value, and has "1" already'}
    put_well(owner, asset, view, {tags: said(["b", "x"], "delete"), once: said("1", "delete")})
    assert values_of(owner, asset, view) == {tags: ["a", "c"], once: []}


def test_numbers_and_truth_values_are_texts_for_who_asks(admin: Caller, owner: Caller) -> None:
    whole, part, truth = (make_field(admin, kind) for kind in ("integer", "float", "boolean"))
    view, asset = make_view(admin, whole, part, truth), make_asset(owner)["id"]
    put_well(owner, asset, view, {whole: "5", part: "2.50", truth: "true"})
    assert values_of(owner, asset, view) == {whole: [5], part: [2.5], truth: [True]}
    texts = values_of(owner, asset, view, reencode_values_to_string=True)
    assert texts == {whole: ["5"], part: ["2.5"], truth: ["true"]}


BAD = [
    ("integer", {"min_value": 1, "max_value": 9}, 0, "0 is less than 1"),
    ("integer", {"min_value": 1, "max_value": 9}, "10", "10 is more than 9"),
    ("float", {"max_value": 0.5}, 0.6, "0.6 is more than 0.5"),
    ("drop_down", {"options": [{"value": "a", "label": "A"}]}, "A", '"A" is none of its options'),
    ("drop_down", {}, "a", '"a" is none of its options'),
    ("string", {"required": True}, [], "is required"),
    ("string", {"required": True}, "", "is required"),
    ("string", {"read_only": True}, "a", "is read-only"),
    ("string", {}, ["a", "b"], "takes one value, not 2"),
    ("tag_cloud", {}, [str(number) for number in range(1_001)], "takes at most 1,000 values, not 1,001"),
    ("email", {}, "ada", '"ada" is not an e-mail address'),
    ("date", {}, "2024-02-30", '"2024-02-30" is no day such as 2024-01-31'),
    ("datetime", {}, "soon", '"soon" is no time such as 2024-01-31T18:30:00+02:00'),
    ("string", {}, "x" * 10_001, "takes at most 10,000 characters, not 10,001"),
    ("string", {}, "a\0b", "holds a NUL, which no text may"),
    ("string", {}, "a\ud800b", "holds half a surrogate pair, which no text may"),
    ("integer", {}, 2**70, "takes a whole number of at most 64 bits"),
    ("float", {}, float("nan"), "takes a number with an end"),
    ("string", {}, {"a": 1}, "takes a text, not an object"),
    ("boolean", {}, 1, "takes true or false, not a number"),
]


@pytest.mark.parametrize(("kind", "settings", "value", "message"), BAD)
def test_a_value_that_its_field_does_not_take_is_refused(
    admin: Caller, owner: Caller, kind: str, settings: dict[str, Any], value: Any, message: str
) -> None:
    good, bad = make_field(admin), make_field(admin, kind, **settings)
    view, asset = make_view(admin, good, bad), make_asset(owner)["id"]
    known = {good: said("x"), bad: said(value)}
    if message != "is read-only":  # a fault of what would be there, which is looked at where all else reads well
        assert faults(send(owner, asset, view, {**known, "none": said("y")})) == {
            bad: message,
            "none": 'the view "View" has no such field',
        }
    assert faults(send(owner, asset, view, known)) == {bad: message}
    assert owner.http.get(f"{BASE}/assets/{asset}/").status_code == 404
    assert told(owner, asset) == []


def send(caller: Caller, asset: str, view: str, values: Any) -> httpx.Response:
    """A body that httpx itself would not write: with NaN, or half of a surrogate pair."""
    content = json.dumps({"metadata_values": values}).encode()
    headers = {"Content-Type": "application/json"}
    return caller.http.put(f"{BASE}/assets/{asset}/views/{view}/", content=content, headers=headers)


def test_a_read_only_field_is_written_back_as_it_is_and_not_otherwise(admin: Caller, owner: Caller) -> None:
    closed, opened = make_field(admin, read_only=True), make_field(admin)
    view, asset = make_view(admin, closed, opened), make_asset(owner)["id"]
    assert faults(put(owner, asset, view, {closed: "a", opened: "b"})) == {closed: "is read-only"}
    assert put_well(admin, asset, None, {closed: "a"}) == {closed: ["a"]}
    assert put_well(owner, asset, view, {closed: "a", opened: "b"}) == {closed: ["a"], opened: ["b"]}
    assert faults(put(owner, asset, view, {closed: said([])})) == {closed: "is read-only"}


def test_a_required_field_may_not_be_left_without_a_value(admin: Caller, owner: Caller) -> None:
    needed, other = make_field(admin, "tag_cloud", required=True), make_field(admin)
    view, asset = make_view(admin, needed, other), make_asset(owner)["id"]
    assert faults(put(owner, asset, view, {other: "x"})) == {needed: "is required"}
    put_well(owner, asset, view, {other: "x", needed: ["a"]})
    put_well(owner, asset, view, {other: "y"})
    assert faults(put(owner, asset, view, {needed: said("a", "delete")})) == {needed: "is required"}
    free = make_view(admin, {"name": needed, "required": False})
    assert put_well(owner, asset, free, {needed: said([])}) == {needed: []}


def test_a_view_offers_its_own_options(admin: Caller, owner: Caller) -> None:
    field = make_field(admin, "drop_down", options=[{"value": "a"}, {"value": "b"}])
    view, asset = make_view(admin, {"name": field, "options": [{"value": "b"}]}), make_asset(owner)["id"]
    assert faults(put(owner, asset, view, {field: "a"})) == {field: '"a" is none of its options'}
    assert put_well(owner, asset, view, {field: "b"}) == {field: ["b"]}


def test_a_value_whose_option_is_gone_may_be_written_back(admin: Caller, owner: Caller) -> None:
    field = make_field(admin, "drop_down", multi=True, options=[{"value": "a"}, {"value": "b"}])
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    put_well(owner, asset, view, {field: ["a"]})
    admin.http.patch(f"{BASE}/fields/{field}/", json={"options": [{"value": "b"}]})
    assert put_well(owner, asset, view, {field: ["a", "b"]}) == {field: ["a", "b"]}
    assert faults(put(owner, make_asset(owner)["id"], view, {field: "a"})) == {field: '"a" is none of its options'}


def test_a_drop_down_whose_options_are_elsewhere_takes_any_value(admin: Caller, owner: Caller) -> None:
    field = make_field(admin, "drop_down", source_url="https://example.org/options")
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    assert put_well(owner, asset, view, {field: "anything"}) == {field: ["anything"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "metadata_values"),
        ({"metadata_values": []}, "metadata_values"),
        ({"metadata_values": {"f": "x"}}, "f"),
        ({"metadata_values": {"f": {"field_values": "x"}}}, "f"),
        ({"metadata_values": {"f": {"field_values": ["x"]}}}, "f"),
        ({"metadata_values": {"f": {"field_values": [{"values": "x"}]}}}, "f"),
        ({"metadata_values": {"f": {"field_values": [], "mode": "replace"}}}, "f"),
        ({"metadata_values": {"f": {"field_values": [], "mode": []}}}, "f"),
        ({"metadata_values": {"a\0b": {"field_values": []}}}, "a\ufffdb"),
        ({"metadata_values": {"a\ud800b": {"field_values": []}}}, "a?b"),
        ({"metadata_values": {f"f{number}": {} for number in range(1_001)}}, "metadata_values"),
    ],
)
def test_a_body_of_another_shape_names_what_is_wrong(admin: Caller, owner: Caller, body: Any, field: str) -> None:
    view, asset = make_view(admin, make_field(admin)), make_asset(owner)["id"]
    answer = owner.http.put(
        f"{BASE}/assets/{asset}/views/{view}/",
        content=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert list(faults(answer)) == [field]


def test_unknown_views_objects_and_kinds_are_told_apart(admin: Caller, owner: Caller, stranger: Caller) -> None:
    field = make_field(admin)
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    assert put(owner, asset, str(uuid4()), {field: "x"}).status_code == 404
    assert put(owner, str(uuid4()), view, {field: "x"}).status_code == 404
    assert put(stranger, asset, view, {field: "x"}).status_code == 404
    answer = owner.http.put(f"{BASE}/planets/{asset}/views/{view}/", json={"metadata_values": {}})
    assert list(faults(answer)) == ["object_type"]
    owner.http.delete(f"/assets/v1/assets/{asset}/")
    assert put(owner, asset, view, {field: "x"}).status_code == 409


def test_administrators_write_without_a_view_what_fields_take(admin: Caller, owner: Caller) -> None:
    closed = make_field(admin, "integer", read_only=True, required=True, max_value=5)
    asset = make_asset(owner)["id"]
    assert put(owner, asset, None, {closed: 1}).status_code == 403
    assert faults(put(admin, asset, None, {closed: 6, "none": 1})) == {
        closed: "6 is more than 5",
        "none": "there is no such field",
    }
    assert put_well(admin, asset, None, {closed: 5}) == {closed: [5]}
    direct = owner.http.get(f"{BASE}/assets/{asset}/").json()
    assert direct == {closed: {"name": closed, "type": "integer", "values": [{"value": 5}]}}


def test_through_a_closed_view_administrators_alone_write(admin: Caller, owner: Caller) -> None:
    field = make_field(admin)
    view, asset = make_view(admin, field, write_access_for_everyone=False), make_asset(owner)["id"]
    assert put(owner, asset, view, {field: "x"}).status_code == 403
    put_well(admin, asset, view, {field: "x"})
    assert values_of(owner, asset, view) == {field: ["x"]}


def test_history_says_what_changed_and_who_did_it(admin: Caller, owner: Caller) -> None:
    camera, tags = make_field(admin, label="Camera"), make_field(admin, "tag_cloud", label="Tags")
    view, asset = make_view(admin, camera, {"name": tags, "label": "Keywords"}), make_asset(owner)["id"]
    put_well(owner, asset, view, {camera: "ARRI", tags: ["a", "b"]})
    put_well(owner, asset, view, {camera: "ARRI", tags: said("b", "delete")})
    put_well(owner, asset, view, {camera: said("x" * 5_000)})
    put_well(owner, asset, view, {tags: "a"})
    put_well(owner, asset, view, {tags: "a"}, ignore_unchanged=True)
    sentences = told(owner, asset)
    assert sentences[0] == (
        'metadata changed: Camera from nothing to "ARRI"; Keywords from nothing to "a, b" (2 values)'
    )
    assert sentences[1] == 'metadata changed: Keywords from "a, b" (2 values) to "a"'
    assert sentences[2].startswith('metadata changed: Camera from "ARRI" to "xxx')
    assert len(sentences[2]) < 300
    assert sentences[3:] == ["metadata was saved; nothing changed"]


def test_what_is_unchanged_keeps_its_date_where_that_is_asked_for(admin: Caller, owner: Caller) -> None:
    field = make_field(admin)
    view, asset = make_view(admin, field), make_asset(owner)["id"]

    def modified(**params: bool) -> str:
        return str(put(owner, asset, view, {field: "a"}, **params).json()["date_modified"])

    first = modified()
    assert modified(ignore_unchanged=True) == first
    assert modified() > first


def test_a_removed_field_keeps_its_values_out_of_sight_until_it_is_made_again(admin: Caller, owner: Caller) -> None:
    gone, stays = make_field(admin, "integer"), make_field(admin)
    view, asset = make_view(admin, gone, stays), make_asset(owner)["id"]
    put_well(owner, asset, view, {gone: 5, stays: "x"})
    admin.http.delete(f"{BASE}/fields/{gone}/")
    address = f"{BASE}/assets/{asset}/"
    assert list(owner.http.get(address).json()) == [stays]
    assert faults(put(owner, asset, view, {gone: 6})) == {gone: 'the view "View" has no such field'}
    kept = owner.http.get(address, params={"include_values_for_deleted_fields": True}).json()
    assert kept[gone]["values"] == [{"value": 5}]
    make_field(admin, "text", name=gone)
    assert gone not in owner.http.get(address).json()
    admin.http.delete(f"{BASE}/fields/{gone}/")
    make_field(admin, "integer", name=gone, label="Again")
    assert owner.http.get(address).json()[gone]["values"] == [{"value": 5}]


def test_values_on_segments_and_collections(api: Api, admin: Caller, owner: Caller) -> None:
    field = make_field(admin, label="Mood")
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    segment = make_segment(api, owner, asset)
    values = {"metadata_values": {field: said("grim")}}
    on_asset = f"{BASE}/assets/{asset}/segments/{segment}/views/{view}/"
    assert plain(owner.http.put(on_asset, json=values).json()) == {field: ["grim"]}
    assert plain(owner.http.get(f"{BASE}/segments/{segment}/views/{view}/").json()) == {field: ["grim"]}
    other = make_asset(owner)["id"]
    assert owner.http.get(on_asset.replace(asset, other)).status_code == 404
    assert told(owner, asset) == ['segments "COMMENT of clip": metadata changed: Mood from nothing to "grim"']
    collection = owner.http.post("/assets/v1/collections/", json={"title": "Dailies"}).json()["id"]
    answer = owner.http.put(f"{BASE}/collections/{collection}/views/{view}/", json=values)
    assert (answer.status_code, answer.json()["version_id"]) == (200, None)


def test_at_the_same_time_no_append_is_lost(api: Api, admin: Caller, owner: Caller) -> None:
    from_many = [f"tag{number}" for number in range(8)]
    field = make_field(admin, "tag_cloud")
    view, asset = make_view(admin, field), make_asset(owner)["id"]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda tag: put(owner, asset, view, {field: said(tag, "append")}), from_many))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(values_of(owner, asset, view)[field]) == from_many
