"""Collections over HTTP: a tree with assets, of which each user sees the readable part."""

from typing import Any

from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.search.test_search import drain_all

URL = "/assets/v1/collections/"


def make(caller: Caller, title: str = "c", parent: str | None = None, **more: Any) -> str:
    answer = caller.http.post(URL, json={"title": title, "parent_id": parent, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def put(caller: Caller, collection: str, key: str, kind: str = "assets") -> int:
    return caller.http.post(f"{URL}{collection}/contents/", json={"object_id": key, "object_type": kind}).status_code


def contents(caller: Caller, collection: str, **params: Any) -> list[str]:
    answer = caller.http.get(f"{URL}{collection}/contents/", params=params)
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["objects"]]


def give(owner: Caller, who: Caller, collection: str, *permissions: str, propagating: bool | None = None) -> int:
    params = {} if propagating is None else {"propagating": str(propagating).lower()}
    url = f"/acls/v1/users/{who.id}/acl/collections/{collection}/"
    return owner.http.put(url, json={"permissions": list(permissions)}, params=params).status_code


def search(caller: Caller, **body: Any) -> dict[str, Any]:
    answer = caller.http.post("/search/v1/search/", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def titles(found: dict[str, Any]) -> set[str]:
    return {one["title"] for one in found["objects"]}


def term(name: str, value: str) -> dict[str, Any]:
    return {"operator": "AND", "terms": [{"name": name, "value": value}]}


def test_an_asset_is_in_none_one_or_many_and_leaves_alone(owner: Caller) -> None:
    one, two, asset = make(owner), make(owner), make_asset(owner, "clip")
    assert [put(owner, key, asset["id"]) for key in (one, two, one)] == [201, 201, 201]
    url = f"/assets/v1/assets/{asset['id']}/"
    assert owner.http.get(url).json()["in_collections"] == []
    found = owner.http.get(url, params={"include_collections": "true"}).json()["in_collections"]
    assert sorted(found) == sorted([one, two])
    assert owner.http.delete(f"{URL}{one}/contents/assets/{asset['id']}/").status_code == 204
    assert owner.http.delete(f"{URL}{one}/contents/assets/{asset['id']}/").status_code == 404
    assert (contents(owner, one), contents(owner, two)) == ([], ["clip"])
    told = [text for _, text in history_of(owner, asset["id"])]
    assert sum(f"put into the collection {one}" in text for text in told) == 1
    assert any(f"taken out of the collection {one}" in text for text in told)


def test_contents_are_sorted_filtered_and_paged_and_have_an_order_of_their_own(owner: Caller) -> None:
    holder = make(owner, "holder")
    make(owner, "sub b", holder)
    for name in ("clip c", "clip a"):
        owner.http.post("/assets/v1/assets/", json={"title": name, "collection_id": holder, "external_id": name})
    assert contents(owner, holder) == ["sub b", "clip a", "clip c"]
    assert contents(owner, holder, sort="title,desc") == ["sub b", "clip c", "clip a"]
    assert contents(owner, holder, object_types="assets", per_page=1, page=2) == ["clip c"]
    assert contents(owner, holder, external_id="clip a") == ["clip a"]
    assert contents(owner, holder, filter="title,eq,sub b") == ["sub b"]
    last = owner.http.get(f"{URL}{holder}/contents/", params={"sort": "title"}).json()["objects"][1]["id"]
    assert owner.http.put(f"{URL}{holder}/contents/assets/{last}/", json={"position": 1}).status_code == 200
    assert contents(owner, holder)[0] == "clip c"
    assert owner.http.put(f"{URL}{holder}/contents/nonsense/{last}/", json={"position": 1}).status_code == 400


def test_paths_ancestors_and_counts_go_through_the_tree_and_count_each_once(owner: Caller, stranger: Caller) -> None:
    root = make(owner, "root")
    middle = make(owner, "middle", root)
    leaf = make(owner, "leaf", middle)
    asset = make_asset(owner)
    for key in (root, middle, leaf):
        put(owner, key, asset["id"])
    assert owner.http.get(f"{URL}{leaf}/full/path/").json() == "root/middle/leaf"
    above = owner.http.get(f"{URL}{leaf}/ancestors/").json()["objects"]
    assert [one["id"] for one in above] == [root, middle]
    info = owner.http.get(f"{URL}{root}/content/info/", params={"include_subcollections": "true"}).json()
    assert (info["assets_count"], info["collections_count"]) == (1, 2)
    info = owner.http.get(f"{URL}{root}/content/info/").json()
    assert (info["assets_count"], info["collections_count"]) == (1, 1)
    give(owner, stranger, leaf, "read")
    assert stranger.http.get(f"{URL}{leaf}/full/path/").json() == "leaf"
    assert stranger.http.get(f"{URL}{leaf}/ancestors/").json()["total"] == 0
    seen = stranger.http.get(f"{URL}{leaf}/").json()
    assert (seen["parent_id"], seen["parents"], seen["in_collections"]) == (None, [], [])
    info = stranger.http.get(f"{URL}{leaf}/content/info/").json()
    assert info["assets_count"] == 0


def test_a_collection_moves_with_all_inside_and_never_into_itself(owner: Caller) -> None:
    root, other = make(owner, "root"), make(owner, "other")
    middle = make(owner, "middle", root)
    leaf = make(owner, "leaf", middle)
    answer = owner.http.patch(f"{URL}{middle}/", json={"title": "middle", "parent_id": other})
    assert (answer.status_code, answer.json()["parents"]) == (200, [other])
    assert owner.http.get(f"{URL}{leaf}/full/path/").json() == "other/middle/leaf"
    for inside in (other, middle, leaf):
        assert owner.http.patch(f"{URL}{other}/", json={"title": "o", "parent_id": inside}).status_code == 409
    assert put(owner, leaf, other, "collections") == 409
    kept = owner.http.get(f"{URL}{middle}/").json() | {"parent_id": None}
    assert owner.http.put(f"{URL}{middle}/", json=kept).json()["parents"] == [other]
    moved = owner.http.patch(f"{URL}{middle}/", json={"title": "middle", "is_root": True}).json()
    assert (moved["parents"], moved["is_root"]) == ([], True)


def test_collections_are_nested_fifty_levels_and_no_deeper(owner: Caller) -> None:
    parent, chain = None, []
    for level in range(50):
        parent = make(owner, f"level {level}", parent)
        chain.append(parent)
    answer = owner.http.post(URL, json={"title": "too deep", "parent_id": parent})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["parent_id"])
    two = make(owner, "two")
    make(owner, "levels", two)
    assert owner.http.patch(f"{URL}{two}/", json={"title": "t", "parent_id": chain[-2]}).status_code == 400


def test_a_deleted_collection_leaves_its_assets_and_comes_back_whole(api: Api, owner: Caller) -> None:
    root = make(owner, "zebra root")
    leaf, gone = make(owner, "zebra leaf", root), make(owner, "zebra gone", root)
    asset = owner.http.post("/assets/v1/assets/", json={"title": "zebra clip", "collection_id": leaf}).json()["id"]
    assert owner.http.delete(f"{URL}{gone}/").status_code == 204
    drain_all(api)
    assert titles(search(owner, query="zebra")) == {"zebra root", "zebra leaf", "zebra clip"}
    assert owner.http.delete(f"{URL}{root}/").status_code == 204
    assert titles(search(owner, query="zebra")) == {"zebra clip"}
    assert search(owner, filter=term("in_collections", leaf))["total"] == 0
    assert owner.http.get(f"/assets/v1/assets/{asset}/?include_collections=true").json()["in_collections"] == []
    assert owner.http.get(f"{URL}{leaf}/").json()["status"] == "DELETED"
    queue = owner.http.get("/assets/v1/delete_queue/collections/").json()["objects"]
    assert {one["id"] for one in queue} >= {root, leaf, gone}
    assert owner.http.put(f"{URL}{leaf}/restore/").status_code == 409
    assert owner.http.put(f"{URL}{root}/restore/").status_code == 202
    assert contents(owner, root) == ["zebra leaf"]
    assert contents(owner, leaf) == ["zebra clip"]
    assert owner.http.post("/assets/v1/delete_queue/collections/purge/", json={"ids": [gone]}).status_code == 204
    assert owner.http.get(f"{URL}{gone}/").status_code == 404


def test_a_copy_holds_what_its_maker_reads(owner: Caller, stranger: Caller) -> None:
    source, target = make(owner, "source"), make(stranger, "target")
    seen, hidden = make(owner, "seen", source), make(owner, "hidden", source)
    clip = make_asset(owner, "clip")["id"]
    for key in (source, hidden):
        put(owner, key, clip)
    put(owner, seen, make_asset(owner, "other")["id"])
    for key in (source, seen):
        give(owner, stranger, key, "read")
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{clip}/", json={"permissions": ["read"]})
    body = {"object_id": source, "object_type": "collections"}
    copy = stranger.http.post(f"{URL}{target}/subcollections/", json=body)
    assert copy.status_code == 201
    assert contents(stranger, copy.json()["id"]) == ["seen", "clip"]
    assert contents(owner, source) == ["hidden", "seen", "clip"]


def test_rights_that_propagate_open_what_is_inside_in_rows_and_search_alike(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    root = make(owner, "okapi root")
    leaf = make(owner, "okapi leaf", root)
    clip = owner.http.post("/assets/v1/assets/", json={"title": "okapi clip", "collection_id": leaf}).json()["id"]
    url = f"/assets/v1/assets/{clip}/"
    assert give(owner, stranger, root, "read", "write", propagating=False) == 201
    drain_all(api)
    assert stranger.http.get(url).status_code == 404
    assert titles(search(stranger, query="okapi")) == {"okapi root"}

    assert give(owner, stranger, root, "read", "write", propagating=True) == 200
    assert stranger.http.patch(url, json={"title": "okapi clip"}).status_code == 200
    assert stranger.http.delete(url).status_code == 403
    assert stranger.http.get("/assets/v1/assets/").json()["total"] == 1
    found = search(stranger, query="okapi", facets=["in_collections", "object_type"])
    assert titles(found) == {"okapi root", "okapi leaf", "okapi clip"}
    hit = next(one for one in found["objects"] if one["id"] == clip)
    assert (hit["in_collections"], hit["ancestor_collections"]) == ([leaf], [root, leaf])
    assert titles(search(stranger, filter=term("ancestor_collections", root))) == {"okapi leaf", "okapi clip"}
    acl = stranger.http.get(f"/acls/v1/acl/assets/{clip}/").json()
    assert [(one["user_id"], one["object_key"]) for one in acl["propagating_users_acl"]] == [(str(stranger.id), root)]
    held = stranger.http.get(f"/acls/v1/acl/assets/{clip}/permissions/").json()["permissions"]
    assert held == ["read", "write"]
    assert owner.http.delete(f"{URL}{leaf}/").status_code == 204
    assert stranger.http.get(url).status_code == 404
    assert titles(search(stranger, query="okapi")) == {"okapi root"}
    assert owner.http.put(f"{URL}{leaf}/restore/").status_code == 202
    assert stranger.http.get(url).status_code == 200
    drain_all(api)

    assert owner.http.delete(f"{URL}{leaf}/contents/assets/{clip}/").status_code == 204
    assert stranger.http.get(url).status_code == 404
    assert titles(search(stranger, query="okapi")) == {"okapi root", "okapi leaf"}
    drain_all(api)
    assert titles(search(stranger, query="okapi")) == {"okapi root", "okapi leaf"}
    put(owner, leaf, clip)
    drain_all(api)
    assert titles(search(stranger, query="okapi")) == {"okapi root", "okapi leaf", "okapi clip"}
    assert owner.http.patch(f"{URL}{leaf}/", json={"title": "okapi leaf", "is_root": True}).status_code == 200
    found = search(stranger, query="okapi", facets=["object_type"])
    assert (titles(found), found["facets"]["object_type"]["buckets"]) == (
        {"okapi root"},
        [{"key": "collections", "doc_count": 1}],
    )
    assert stranger.http.get(url).status_code == 404


def test_nobody_opens_an_asset_by_a_collection_of_their_own(owner: Caller, stranger: Caller, api: Api) -> None:
    asset, trap, third = make_asset(owner)["id"], make(stranger, "trap"), api.user()
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{asset}/", json={"permissions": ["read"]})
    assert put(stranger, trap, asset) == 201
    give(stranger, stranger, trap, "read", "write", "delete", "change-acl", propagating=True)
    give(stranger, third, trap, "read", propagating=True)
    assert stranger.http.patch(f"/assets/v1/assets/{asset}/", json={"title": "mine"}).status_code == 403
    assert third.http.get(f"/assets/v1/assets/{asset}/").status_code == 404
    assert contents(third, trap) == []
    give(stranger, owner, trap, "read", "write")
    assert put(owner, trap, asset) == 201
    assert third.http.get(f"/assets/v1/assets/{asset}/").status_code == 200


def test_a_collection_that_the_asker_may_not_read_is_in_no_facet_hit_or_term(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    secret, asset = make(owner, "secret"), make_asset(owner, "lemur")["id"]
    put(owner, secret, asset)
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{asset}/", json={"permissions": ["read"]})
    drain_all(api)
    found = search(stranger, query="lemur", facets=["in_collections"])
    assert found["total"] == 1
    assert secret not in str(found)
    assert search(stranger, filter=term("in_collections", secret))["total"] == 0
    assert search(stranger, filter=term("ancestor_collections", secret))["total"] == 0
    assert search(owner, filter=term("in_collections", secret))["total"] == 1
    assert secret not in stranger.http.get("/assets/v1/assets/").text


def test_no_question_tells_of_a_collection_that_the_asker_may_not_read(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    secret, shown = make(owner, "secret"), make(owner, "shown")
    hidden, seen = make_asset(owner, "tapir hidden")["id"], make_asset(owner, "tapir seen")["id"]
    put(owner, secret, hidden)
    put(owner, shown, seen)
    give(owner, stranger, shown, "read")
    for key in (hidden, seen):
        owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{key}/", json={"permissions": ["read"]})
    drain_all(api)
    for name in ("in_collections", "ancestor_collections"):
        between = {"name": name, "range": {"min": "0", "max": "z"}}
        asked: tuple[dict[str, Any], ...] = (
            {"filter": {"operator": "AND", "terms": [between]}},
            {"facets_filters": [between]},
            {"sort": [{"name": name}]},
            {"facets_filters": [{"name": name, "missing": True}]},
        )
        for body in asked:
            assert stranger.http.post("/search/v1/search/", json=body).status_code == 400, body
        for words, title in (({"exists": True}, "tapir seen"), ({"missing": True}, "tapir hidden")):
            tree = {"operator": "AND", "terms": [{"name": name, **words}]}
            assert titles(search(stranger, query="tapir", filter=tree)) == {title}
            opposite = {"operator": "NOT", "terms": [{"name": name, **words}]}
            assert titles(search(stranger, query="tapir", filter=opposite)) == {"tapir seen", "tapir hidden"} - {title}
        there = [{"name": name, "exists": True}]
        assert titles(search(stranger, query="tapir", facets_filters=there)) == {"tapir seen"}


def test_a_copy_takes_the_rights_of_its_source_own_and_inherited_as_one(owner: Caller, stranger: Caller) -> None:
    holder, target = make(owner, "holder"), make(owner, "target")
    give(owner, stranger, holder, "read", "write")
    inheriting = {"apply_collection_acls": "true"}
    source = owner.http.post(URL, json={"title": "source", "parent_id": holder}, params=inheriting).json()["id"]
    give(owner, stranger, source, "read", "delete", propagating=True)
    body = {"object_id": source, "object_type": "collections"}
    copy = owner.http.post(f"{URL}{target}/subcollections/", json=body, params={"copy_acl": "true"})
    assert copy.status_code == 201, copy.text
    held = stranger.http.get(f"/acls/v1/acl/collections/{copy.json()['id']}/permissions/").json()["permissions"]
    assert held == ["read", "write", "delete"]
    asset = owner.http.post("/assets/v1/assets/", json={"title": "in", "collection_id": copy.json()["id"]}).json()["id"]
    assert stranger.http.get(f"/assets/v1/assets/{asset}/").status_code == 200


def test_what_is_made_in_a_collection_may_take_its_rights_and_loses_them_when_it_leaves(
    owner: Caller, stranger: Caller
) -> None:
    holder = make(owner)
    give(owner, stranger, holder, "read")
    asset = owner.http.post(
        "/assets/v1/assets/", json={"title": "x", "collection_id": holder}, params={"apply_collection_acls": "true"}
    ).json()["id"]
    assert stranger.http.get(f"/assets/v1/assets/{asset}/").status_code == 200
    acl = owner.http.get(f"/acls/v1/acl/assets/{asset}/").json()["inherited_users_acl"]
    assert {
        "user_id": str(stranger.id),
        "permissions": ["read"],
        "object_type": "collections",
        "object_key": holder,
    } in acl
    assert owner.http.delete(f"{URL}{holder}/contents/assets/{asset}/").status_code == 204
    assert stranger.http.get(f"/assets/v1/assets/{asset}/").status_code == 404
    sub = owner.http.post(URL, json={"title": "s", "parent_id": holder}, params={"apply_collection_acls": "true"})
    assert stranger.http.get(f"{URL}{sub.json()['id']}/").status_code == 200


def test_favorites_are_ones_own_and_hide_what_is_no_longer_readable(owner: Caller, stranger: Caller) -> None:
    asset, holder = make_asset(owner)["id"], make(owner)
    for kind, key in (("assets", asset), ("collections", holder)):
        body = {"object_ids": [key], "object_type": kind}
        assert owner.http.post("/assets/v1/favorites/", json=body).status_code == 200
        assert stranger.http.post("/assets/v1/favorites/", json=body).status_code == 404
    found = owner.http.get("/assets/v1/favorites/").json()["objects"]
    assert [one["id"] for one in found] == [holder, asset]
    assert all(one["favoured"] for one in found)
    assert owner.http.get("/assets/v1/assets/", params={"favoured_by": str(owner.id)}).json()["total"] == 1
    assert stranger.http.get("/assets/v1/assets/", params={"favoured_by": str(owner.id)}).status_code == 404
    owner.http.delete(f"{URL}{holder}/")
    assert [one["id"] for one in owner.http.get("/assets/v1/favorites/").json()["objects"]] == [asset]
    body = {"object_ids": [asset], "object_type": "assets"}
    assert owner.http.request("DELETE", "/assets/v1/favorites/", json=body).status_code == 200
    assert owner.http.get("/assets/v1/favorites/").json()["total"] == 0
