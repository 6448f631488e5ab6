"""Permissions over HTTP: users without read access see nothing at all, readers cannot write."""

from uuid import uuid4

from sqlalchemy import select

from models.queues.index_mark import IndexMark
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset


def entry(caller: Caller, asset_id: str) -> str:
    return f"/acls/v1/users/{caller.id}/acl/assets/{asset_id}/"


def test_strangers_see_nothing_and_readers_may_not_write(owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)
    url = f"/assets/v1/assets/{asset['id']}/"
    for method, path, body in (
        ("GET", url, None),
        ("PATCH", url, {"title": "x"}),
        ("DELETE", url, None),
        ("GET", f"{url}history/", None),
        ("GET", f"/acls/v1/acl/assets/{asset['id']}/", None),
        ("PUT", entry(stranger, asset["id"]), {"permissions": ["read"]}),
    ):
        assert stranger.http.request(method, path, json=body).status_code == 404, path
    assert stranger.http.get("/assets/v1/assets/").json()["total"] == 0

    assert owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["read"]}).status_code == 201
    assert stranger.http.get(url).status_code == 200
    assert stranger.http.get("/assets/v1/assets/").json()["total"] == 1
    assert stranger.http.patch(url, json={"title": "x"}).status_code == 403
    assert stranger.http.delete(url).status_code == 403
    assert stranger.http.put(entry(stranger, asset["id"]), json={"permissions": ["write"]}).status_code == 403


def test_an_entry_is_new_once_and_can_be_taken_away(owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)
    url = entry(stranger, asset["id"])
    assert owner.http.get(url).status_code == 404
    assert owner.http.put(url, json={"permissions": ["read", "write"]}).status_code == 201
    again = owner.http.put(url, json={"permissions": ["read"]})
    assert (again.status_code, again.json()["permissions"]) == (200, ["read"])
    assert owner.http.delete(url).status_code == 204
    assert owner.http.delete(url).status_code == 404
    assert stranger.http.get(f"/assets/v1/assets/{asset['id']}/").status_code == 404


def test_taking_read_away_narrows_the_search_document_and_giving_write_marks_nothing(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    asset = make_asset(owner)

    def mark() -> tuple[int, bool]:
        with api.sessions() as session:
            query = select(IndexMark.revision, IndexMark.narrowed).where(IndexMark.object_id == asset["id"])
            revision, narrowed = session.execute(query).one()
            return revision, narrowed

    first = mark()
    owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["read"]})
    given = mark()
    assert given[0] > first[0]
    assert not given[1]
    owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["read", "write"]})
    assert mark() == given
    owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["write"]})
    assert mark()[0] > given[0]
    assert mark()[1]


def test_rights_of_a_group_and_of_the_user_add_up(admin: Caller, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)
    group = admin.http.post("/users/v1/groups/", json={"name": f"g {uuid4()}"}).json()
    admin.http.post(f"/users/v1/groups/{group['id']}/users/{stranger.id}/")
    url = f"/acls/v1/groups/{group['id']}/acl/assets/{asset['id']}/"
    assert owner.http.put(url, json={"permissions": ["read"]}).status_code == 201
    owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["write"]})
    held = stranger.http.get(f"/acls/v1/acl/assets/{asset['id']}/permissions/").json()
    assert held == {"permissions": ["read", "write"]}
    assert stranger.http.patch(f"/assets/v1/assets/{asset['id']}/", json={"title": "y"}).status_code == 200
    listed = stranger.http.get(f"/acls/v1/acl/assets/{asset['id']}/").json()
    assert listed["groups_acl"] == [{"group_id": group["id"], "permissions": ["read"]}]
    assert len(listed["users_acl"]) == 2


def test_a_check_answers_the_same_for_unreadable_and_unknown(owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)
    for key in (asset["id"], str(uuid4())):
        assert stranger.http.get(f"/acls/v1/acl/assets/{key}/read/").status_code == 403
    assert owner.http.get(f"/acls/v1/acl/assets/{asset['id']}/change-acl/").status_code == 200


def test_many_objects_get_rights_at_once_where_the_caller_may(owner: Caller, stranger: Caller) -> None:
    mine = [make_asset(owner)["id"], make_asset(owner)["id"]]
    other = make_asset(stranger)["id"]
    body = {"object_keys": [*mine, other, "x"], "permissions": ["read"], "user_ids": [str(stranger.id)]}
    assert owner.http.put("/acls/v1/acl/assets/", json=body).json() == {"updated_object_keys": mine}
    question = {"objects": [{"object_keys": [*mine, other], "object_type": "assets", "permissions": ["read"]}]}
    assert owner.http.post("/acls/v1/acl/", json=question).json() == {"access_granted": mine, "access_denied": [other]}
    asked = stranger.http.post("/acls/v1/acl/assets/write/", json={"object_keys": [*mine, other]}).json()
    assert asked == {"access_granted": [other], "access_denied": mine}
    gone = owner.http.delete("/acls/v1/acl/assets/", json={"object_keys": mine, "user_ids": [str(stranger.id)]})
    assert gone.status_code == 204
    assert stranger.http.get(f"/assets/v1/assets/{mine[0]}/").status_code == 404


def test_appending_adds_and_overwriting_replaces(owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)["id"]
    body = {"object_keys": [asset], "permissions": ["read"], "user_ids": [str(stranger.id)]}
    owner.http.put("/acls/v1/acl/assets/", json=body)
    owner.http.put("/acls/v1/acl/assets/", json={**body, "permissions": ["write"], "mode": "APPEND"})
    assert owner.http.get(entry(stranger, asset)).json()["permissions"] == ["read", "write"]
    owner.http.put("/acls/v1/acl/assets/bulk/", json={"objects": [{**body, "mode": "OVERWRITE"}]})
    assert owner.http.get(entry(stranger, asset)).json()["permissions"] == ["read"]


def test_a_template_gives_its_own_rights(admin: Caller, owner: Caller, stranger: Caller) -> None:
    template = admin.http.post("/acls/v1/acl/templates/", json={"name": f"t {uuid4()}"}).json()
    rights = f"/acls/v1/users/{stranger.id}/acl/acl_templates/{template['id']}/"
    assert stranger.http.put(rights, json={"permissions": ["read"]}).status_code == 403
    assert admin.http.put(rights, json={"permissions": ["read"]}).status_code == 201
    asset = owner.http.post(
        "/assets/v1/assets/", params={"apply_acl_template_id": template["id"]}, json={"title": "t"}
    ).json()
    assert stranger.http.get(f"/assets/v1/assets/{asset['id']}/").status_code == 200
    other = make_asset(owner)
    apply = f"/acls/v1/acl/templates/{template['id']}/assets/{other['id']}/"
    assert stranger.http.post(apply).status_code == 404
    assert owner.http.post(apply).status_code == 200
    assert stranger.http.get(f"/assets/v1/assets/{other['id']}/").status_code == 200
    assert admin.http.delete(f"/acls/v1/acl/templates/{template['id']}/").status_code == 204
    assert stranger.http.get(f"/assets/v1/assets/{other['id']}/").status_code == 200


def test_history_tells_who_gave_what_to_whom(owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)
    owner.http.put(entry(stranger, asset["id"]), json={"permissions": ["read"]})
    owner.http.delete(entry(stranger, asset["id"]))
    told = [text for _, text in history_of(owner, asset["id"])]
    assert told[1:] == [f"access: {stranger.actor.name} may read", f"access: taken away from {stranger.actor.name}"]


def test_rights_on_content_are_refused_where_there_is_none_and_where_they_read_wrong(
    owner: Caller, stranger: Caller
) -> None:
    asset = make_asset(owner)["id"]
    base = {"include_assets": True, "include_collections": True, "object_ids": [asset], "user_ids": [str(stranger.id)]}
    gift = {**base, "permissions": ["read"]}
    for object_type, status in (("collections", 404), ("assets", 400)):
        for method, body in (("PUT", gift), ("DELETE", base)):
            answer = owner.http.request(method, f"/acls/v1/acl/{object_type}/content/", json=body)
            assert answer.status_code == status
    assert stranger.http.get(f"/assets/v1/assets/{asset}/").status_code == 404
    wrong = [
        owner.http.put("/acls/v1/acl/planets/content/", json=gift),
        owner.http.put("/acls/v1/acl/collections/content/", json={**gift, "object_ids": [], "permissions": ["fly"]}),
        owner.http.put("/acls/v1/acl/collections/content/", json={**gift, "include_assets": "perhaps"}),
    ]
    assert [answer.status_code for answer in wrong] == [400, 400, 400]
    assert [list(answer.json()["errors"]) for answer in wrong] == [["object_type"], ["permission"], ["include_assets"]]
