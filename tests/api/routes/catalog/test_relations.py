"""Relations over HTTP: created once, shown from both ends to readers of both, and recorded in both histories."""

from uuid import uuid4

from tests.api.conftest import Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset


def test_the_system_has_seven_types_that_nobody_changes(admin: Caller) -> None:
    system, page, pages = [], 1, 1
    while page <= pages:
        listed = admin.http.get("/assets/v1/assets/relation_types/", params={"per_page": 1000, "page": page}).json()
        system += [kind["name"] for kind in listed["objects"] if kind["is_system"]]
        page, pages = page + 1, listed["pages"]
    assert len(system) == 7
    body = {"name": system[0], "source_label": "a", "destination_label": "b"}
    assert admin.http.put(f"/assets/v1/assets/relation_types/{system[0]}/", json=body).status_code == 403
    assert admin.http.delete(f"/assets/v1/assets/relation_types/{system[0]}/").status_code == 403


def test_administrators_make_own_types_and_remove_unused_ones(admin: Caller, owner: Caller) -> None:
    name = f"own_{uuid4().hex}"
    body = {"name": name, "source_label": "Cut from", "destination_label": "Cut into"}
    assert owner.http.post("/assets/v1/assets/relation_types/", json=body).status_code == 403
    assert admin.http.post("/assets/v1/assets/relation_types/", json=body).status_code == 201
    url = f"/assets/v1/assets/relation_types/{name}/"
    changed = admin.http.put(url, json={**body, "description": "by hand"}).json()
    assert (changed["description"], changed["is_system"]) == ("by hand", False)
    one, other = make_asset(owner)["id"], make_asset(owner)["id"]
    owner.http.post(f"/assets/v1/assets/{one}/relations/{name}/{other}/")
    assert admin.http.delete(url).status_code == 409
    owner.http.delete(f"/assets/v1/assets/{one}/relations/{name}/{other}/")
    assert admin.http.delete(url).status_code == 204
    assert admin.http.get(url).status_code == 404


def test_a_relation_is_new_once_and_seen_from_both_ends(owner: Caller) -> None:
    film, trailer = make_asset(owner, "film")["id"], make_asset(owner, "trailer")["id"]
    body = {"related_to_asset_id": film, "relation_type": "promo", "description": "the long one"}
    made = owner.http.post(f"/assets/v1/assets/{trailer}/relations/", json=body)
    again = owner.http.post(f"/assets/v1/assets/{trailer}/relations/", json=body)
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    for here, there in ((film, trailer), (trailer, film)):
        listed = owner.http.get(f"/assets/v1/assets/{here}/relations/").json()
        assert [one["id"] for one in listed["objects"]] == [there]
        assert listed["objects"][0]["relations"][0]["relation_type"] == "promo"
        assert listed["objects"][0]["object_type"] == "assets"
    assert owner.http.get(f"/assets/v1/assets/{film}/relations/sibling/").json()["total"] == 0
    assert history_of(owner, film)[-1] == ("CUSTOM", f"related: Promo of {trailer}")
    assert history_of(owner, trailer)[-1] == ("CUSTOM", f"related: Promo for {film}")


def test_an_undirected_relation_is_the_same_from_both_ends(owner: Caller) -> None:
    one, other = make_asset(owner)["id"], make_asset(owner)["id"]
    assert owner.http.post(f"/assets/v1/assets/{one}/relations/sibling/{other}/").status_code == 201
    assert owner.http.post(f"/assets/v1/assets/{other}/relations/sibling/{one}/").status_code == 200
    assert owner.http.delete(f"/assets/v1/assets/{other}/relations/sibling/{one}/").status_code == 204


def test_a_directional_relation_turns_round(owner: Caller) -> None:
    one, other = make_asset(owner)["id"], make_asset(owner)["id"]
    owner.http.post(f"/assets/v1/assets/{one}/relations/parent_child/{other}/")
    turned = owner.http.post(f"/assets/v1/assets/{one}/relations/parent_child/{other}/reverse/")
    assert (turned.status_code, turned.json()["asset_id"]) == (200, other)
    assert owner.http.delete(f"/assets/v1/assets/{one}/relations/parent_child/{other}/").status_code == 404


def test_an_asset_is_not_related_to_itself_or_to_what_the_caller_may_not_read(owner: Caller, stranger: Caller) -> None:
    mine, other = make_asset(owner)["id"], make_asset(stranger)["id"]
    assert owner.http.post(f"/assets/v1/assets/{mine}/relations/sibling/{mine}/").status_code == 400
    assert owner.http.post(f"/assets/v1/assets/{mine}/relations/sibling/{other}/").status_code == 404
    assert owner.http.post(f"/assets/v1/assets/{mine}/relations/nonsense/{mine}/").status_code == 404


def test_related_assets_that_the_caller_may_not_read_are_left_out(owner: Caller, stranger: Caller) -> None:
    shown, hidden = make_asset(owner)["id"], make_asset(owner)["id"]
    owner.http.post(f"/assets/v1/assets/{shown}/relations/sibling/{hidden}/")
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{shown}/", json={"permissions": ["read"]})
    listed = stranger.http.get(f"/assets/v1/assets/{shown}/relations/").json()
    assert (listed["objects"], listed["total"]) == ([], 0)
