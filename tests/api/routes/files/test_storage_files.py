"""Files that clients declare on a storage: rows beside those of the watcher, with the same access control."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.files.test_files import make_storage, watch


def allow(admin: Caller, who: Caller, storage_id: object, *permissions: str) -> None:
    rights = f"/acls/v1/users/{who.id}/acl/storages/{storage_id}/"
    assert admin.http.put(rights, json={"permissions": list(permissions)}).status_code < 300


def declare(caller: Caller, on: object, name: str, **more: Any) -> dict[str, Any]:
    body = {"original_name": name, "directory_path": "reel/", "type": "FILE", **more}
    answer = caller.http.post(f"/files/v1/storages/{on}/files/", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ids(caller: Caller, storage_id: object, **params: Any) -> list[str]:
    found = caller.http.get(f"/files/v1/storages/{storage_id}/files/", params=params).json()
    assert found["total"] == len(found["objects"])
    return [one["id"] for one in found["objects"]]


def file_set_of(owner: Caller, asset_id: str) -> str:
    base = f"/files/v1/assets/{asset_id}"
    one = owner.http.post(f"{base}/formats/", json={"name": "PROXY"}).json()["id"]
    made: str = owner.http.post(f"{base}/file_sets/", json={"name": "x", "format_id": one}).json()["id"]
    return made


def test_a_declared_file_is_found_beside_those_that_the_watcher_saw(api: Api, admin: Caller) -> None:
    seen = watch(api, admin, 2)
    told = declare(admin, seen.storage_id, "notes.mov", size=7, checksum=f"c{uuid4().hex}", status="CLOSED")
    assert (told["directory_path"], told["asset_id"], told["file_set_id"]) == ("reel", None, None)
    assert (told["storage_id"], told["user_id"], told["status"]) == (str(seen.storage_id), str(admin.id), "CLOSED")
    watched = [str(one) for one in seen.file_ids]
    assert ids(admin, seen.storage_id) == ids(admin, seen.storage_id, directory_path="reel") == [*watched, told["id"]]
    assert ids(admin, seen.storage_id, sort="size,desc")[0] == told["id"]
    for params in (
        {"path": "reel/notes.mov"},
        {"name": "notes.mov"},
        {"checksum": told["checksum"]},
        {"id": told["id"]},
    ):
        assert ids(admin, seen.storage_id, **params) == [told["id"]]
    assert ids(admin, seen.storage_id, checksum=f"SUM-{seen.asset_id},other".lower()) == watched[:1]
    wrong = {"sort": "planet,desc", "status": "LOST", "id": "7"}
    for name, value in wrong.items():
        answer = admin.http.get(f"/files/v1/storages/{seen.storage_id}/files/", params={name: value})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])
    assert ids(admin, seen.storage_id, path="notes.mov") == ids(admin, seen.storage_id, directory_path="") == []


def empty_storage(api: Api, admin: Caller) -> tuple[Path, str]:
    folder = api.log.parent / f"storage-{uuid4()}"
    folder.mkdir()
    return folder, make_storage(admin, folder).json()["id"]


def test_declaring_writes_nothing_to_the_watched_root(api: Api, admin: Caller) -> None:
    folder, storage = empty_storage(api, admin)
    declare(admin, storage, "x.mov")
    assert list(folder.iterdir()) == []


def test_declared_files_of_assets_outlive_their_storage_and_others_do_not(api: Api, admin: Caller) -> None:
    _, storage = empty_storage(api, admin)
    declare(admin, storage, "x.mov")
    asset = make_asset(admin)["id"]
    told = declare(admin, storage, "y.mov", asset_id=asset, file_set_id=file_set_of(admin, asset))
    assert admin.http.delete(f"/files/v1/storages/{storage}/").status_code == 204
    listed = admin.http.get(f"/files/v1/assets/{asset}/files/").json()["objects"]
    assert [each["id"] for each in listed] == [told["id"]]


def test_a_file_in_no_asset_is_seen_by_its_declarer_and_administrators(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    seen = watch(api, admin, 1)
    url = f"/files/v1/storages/{seen.storage_id}/files/"
    body = {"original_name": "x.mov", "type": "FILE"}
    assert owner.http.post(url, json=body).status_code == 404
    allow(admin, owner, seen.storage_id, "read")
    assert owner.http.post(url, json=body).status_code == 403
    allow(admin, owner, seen.storage_id, "read", "write")
    allow(admin, stranger, seen.storage_id, "read", "write")
    told = declare(owner, seen.storage_id, "x.mov")
    assert ids(owner, seen.storage_id) == [told["id"]]
    assert ids(stranger, seen.storage_id) == []
    assert told["id"] in ids(admin, seen.storage_id)


def test_a_file_of_an_asset_needs_rights_on_both_and_is_told_in_its_history(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    seen = watch(api, owner, 1)
    group = file_set_of(owner, seen.asset_id)
    for caller in (owner, stranger):
        allow(admin, caller, seen.storage_id, "read", "write")
    of_asset = {"asset_id": seen.asset_id, "file_set_id": group}
    told = declare(owner, seen.storage_id, "x.mov", storage_id=str(uuid4()), **of_asset)
    assert (told["asset_id"], told["file_set_id"]) == (seen.asset_id, group)
    assert told["storage_id"] == str(seen.storage_id)
    assert owner.http.get(f"/files/v1/assets/{seen.asset_id}/files/{told['id']}/").json() == told
    assert history_of(owner, seen.asset_id)[-1] == ("MODIFY_FILESET", 'file "x.mov" was added to "x"')
    assert told["id"] in ids(owner, seen.storage_id)
    assert ids(stranger, seen.storage_id) == []
    url = f"/files/v1/storages/{seen.storage_id}/files/"
    hidden = stranger.http.post(url, json={"original_name": "y.mov", "type": "FILE", **of_asset})
    assert hidden.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "original_name"),
        ({"original_name": "a/b"}, "original_name"),
        ({"original_name": ".."}, "original_name"),
        ({"original_name": "a", "directory_path": "../x"}, "directory_path"),
        ({"original_name": "a", "directory_path": "/etc"}, "directory_path"),
        ({"original_name": "a", "type": "MOVIE"}, "type"),
        ({"original_name": "a", "size": -1}, "size"),
        ({"original_name": "a", "asset_id": str(uuid4())}, "file_set_id"),
        ({"original_name": "a", "file_set_id": str(uuid4())}, "asset_id"),
    ],
)
def test_what_is_no_file_is_refused(api: Api, admin: Caller, body: dict[str, Any], field: str) -> None:
    seen = watch(api, admin, 1)
    answer = admin.http.post(f"/files/v1/storages/{seen.storage_id}/files/", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
