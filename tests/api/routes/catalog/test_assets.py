"""Assets over HTTP: created, read, listed, changed, deleted, restored, purged, and their history."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select, update

from models.catalog.asset import Asset
from models.catalog.history import Operation
from models.queues.index_mark import IndexMark
from services.lifecycle.purge import purge_asset_batch
from tests.api.conftest import Api, Caller


def make_asset(caller: Caller, title: str = "clip", **fields: Any) -> dict[str, Any]:
    """An asset of this caller."""
    answer = caller.http.post("/assets/v1/assets/", json={"title": title, **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def history_of(caller: Caller, asset_id: str) -> list[tuple[str, str]]:
    """Operations and descriptions, oldest first."""
    listed = caller.http.get(f"/assets/v1/assets/{asset_id}/history/", params={"sort": "date_created,asc;id"}).json()
    return [(entry["operation_type"], entry["operation_description"]) for entry in listed["objects"]]


def test_an_asset_is_made_with_history_rights_and_an_index_mark(api: Api, owner: Caller) -> None:
    asset = make_asset(owner, "plate 010", external_id="shot-010", category="vfx")
    assert (asset["title"], asset["external_id"], asset["category"]) == ("plate 010", "shot-010", "vfx")
    assert asset["created_by_user"] == str(owner.id)
    assert asset["versions"][0]["id"] == asset["id"]
    assert history_of(owner, asset["id"]) == [("VERSION_CREATE", 'asset "plate 010" was created')]
    permissions = owner.http.get(f"/acls/v1/acl/assets/{asset['id']}/permissions/").json()
    assert permissions == {"permissions": ["read", "write", "delete", "change-acl"]}
    with api.sessions() as session:
        assert session.scalar(select(IndexMark.dirty_since).where(IndexMark.object_id == asset["id"])) is not None


def test_a_whole_object_read_can_be_written_back(owner: Caller) -> None:
    asset = make_asset(owner)
    url = f"/assets/v1/assets/{asset['id']}/"
    changed = owner.http.put(url, json={**asset, "title": "new", "status": "DELETED", "nonsense": 1})
    assert changed.status_code == 200
    assert (changed.json()["title"], changed.json()["status"]) == ("new", "ACTIVE")
    assert history_of(owner, asset["id"])[-1] == ("CUSTOM", 'title changed from "clip" to "new"')


def test_a_client_enters_operations_of_every_type_in_history_and_the_entry_says_so(owner: Caller) -> None:
    asset = make_asset(owner)
    url = f"/assets/v1/assets/{asset['id']}/history/"
    for operation in Operation:
        made = owner.http.post(url, json={"operation_type": operation.value, "operation_description": "sent to air"})
        assert (made.status_code, made.json()["operation_type"]) == (201, operation)
        assert made.json()["operation_description"] == "entered by a client: sent to air"
    assert owner.http.post(url, json={"operation_type": "INVENTED"}).status_code == 400


def test_a_change_to_the_same_value_is_no_change(owner: Caller) -> None:
    asset = make_asset(owner)
    owner.http.patch(f"/assets/v1/assets/{asset['id']}/", json={"title": "clip"})
    assert len(history_of(owner, asset["id"])) == 1


def test_a_deleted_asset_leaves_lists_and_can_be_restored(owner: Caller) -> None:
    asset = make_asset(owner)
    url = f"/assets/v1/assets/{asset['id']}/"
    assert owner.http.delete(url).status_code == 204
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 0
    assert owner.http.get(url).json()["status"] == "DELETED"
    assert owner.http.patch(url, json={"title": "x"}).status_code == 409
    queue = owner.http.get("/assets/v1/delete_queue/assets/").json()
    assert [one["id"] for one in queue["objects"]] == [asset["id"]]
    assert owner.http.put(f"{url}restore/").status_code == 204
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 1
    assert [operation for operation, _ in history_of(owner, asset["id"])] == ["VERSION_CREATE", "DELETE", "RESTORE"]


def test_history_outlives_a_purge_and_only_administrators_read_on(admin: Caller, owner: Caller) -> None:
    asset = make_asset(owner)
    purge = "/assets/v1/delete_queue/assets/purge/"
    assert owner.http.post(purge, json={"ids": [asset["id"]]}).status_code == 409
    owner.http.delete(f"/assets/v1/assets/{asset['id']}/")
    assert owner.http.post(purge, json={"ids": [asset["id"]]}).status_code == 204
    assert owner.http.get(f"/assets/v1/assets/{asset['id']}/").status_code == 404
    assert owner.http.get(f"/assets/v1/assets/{asset['id']}/history/").status_code == 404
    assert [operation for operation, _ in history_of(admin, asset["id"])] == ["VERSION_CREATE", "DELETE"]


def test_history_is_append_only(admin: Caller, owner: Caller) -> None:
    asset = make_asset(owner)
    url = f"/assets/v1/assets/{asset['id']}/history/"
    made = owner.http.post(url, json={"operation_type": "CUSTOM", "operation_description": "sent to the lab"})
    assert (made.status_code, made.json()["user_id"]) == (201, str(owner.id))
    assert owner.http.get(f"{url}{made.json()['id']}/").json() == made.json()
    assert admin.http.delete(f"{url}{made.json()['id']}/").status_code == 403
    found = owner.http.get(url, params={"filter": "operation_type,eq,CUSTOM"}).json()
    assert found["total"] == 1


def test_a_merged_id_answers_with_the_survivor(api: Api, owner: Caller) -> None:
    dead, survivor = make_asset(owner, "dead"), make_asset(owner, "survivor")
    with api.sessions.begin() as session:
        session.execute(update(Asset).where(Asset.id == dead["id"]).values(merged_into=survivor["id"]))
    url = f"/assets/v1/assets/{dead['id']}/"
    assert owner.http.get(url).json()["id"] == survivor["id"]
    assert owner.http.patch(url, json={"title": "renamed"}).json()["id"] == survivor["id"]
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 1
    assert ("VERSION_CREATE", 'asset "dead" was created') in history_of(owner, survivor["id"])


def test_lists_page_sort_and_filter(owner: Caller) -> None:
    for title in ("b", "a", "c"):
        make_asset(owner, title, external_id=title)
    listed = owner.http.get("/assets/v1/assets/", params={"sort": "title,desc", "per_page": 2}).json()
    assert [one["title"] for one in listed["objects"]] == ["c", "b"]
    assert (listed["page"], listed["pages"], listed["total"]) == (1, 2, 3)
    following = owner.http.get(listed["next_url"].removeprefix("/API")).json()
    assert [one["title"] for one in following["objects"]] == ["a"]
    assert following["next_url"] is None
    found = owner.http.get("/assets/v1/assets/", params={"filter": "external_id,eq,b"}).json()
    assert [one["title"] for one in found["objects"]] == ["b"]
    beyond = owner.http.get("/assets/v1/assets/", params={"page": 3, "per_page": 2})
    assert (beyond.status_code, beyond.json()["errors"]) == (404, ["Requested page does not exist"])


def test_a_purge_of_everything_is_a_job(admin: Caller, owner: Caller) -> None:
    assert owner.http.post("/assets/v1/delete_queue//purge/all/").status_code == 403
    assert admin.http.post("/assets/v1/delete_queue//purge/all/").status_code == 204


def test_restoring_and_purging_everything_leave_merged_ids_answering(api: Api, admin: Caller, owner: Caller) -> None:
    dead, survivor = make_asset(owner, "dead"), make_asset(owner, "survivor")
    with api.sessions.begin() as session:
        gone = {"merged_into": survivor["id"], "status": "DELETED", "date_deleted": func.now()}
        session.execute(update(Asset).where(Asset.id == dead["id"]).values(**gone))
        session.execute(update(Asset).where(Asset.id == dead["id"]).values(date_deleted=func.now() - timedelta(days=9)))
    assert admin.http.post("/assets/v1/delete_queue/assets/restore/all/").status_code == 204
    assert owner.http.post("/assets/v1/delete_queue/assets/purge/", json={"ids": [dead["id"]]}).status_code == 404
    with api.sessions.begin() as session:
        purge_asset_batch(session, recycle_seconds=3600)
    assert owner.http.get(f"/assets/v1/assets/{dead['id']}/").json()["id"] == survivor["id"]


def test_many_are_deleted_together_or_not_at_all(owner: Caller, stranger: Caller) -> None:
    mine, other = make_asset(owner), make_asset(stranger)
    body = {"object_ids": [mine["id"], other["id"]], "object_type": "assets", "content_only": False}
    assert owner.http.post("/assets/v1/delete_queue/bulk/", json=body).status_code == 404
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 1
    body["object_ids"] = [mine["id"]]
    assert owner.http.post("/assets/v1/delete_queue//bulk/", json=body).status_code == 202
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 0


def test_a_collection_that_does_not_exist_is_refused(owner: Caller) -> None:
    body = {"title": "x", "collection_id": str(uuid4())}
    assert owner.http.post("/assets/v1/assets/", json=body).status_code == 404
