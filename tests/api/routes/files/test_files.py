"""Formats, file sets, files and storages over HTTP: recorded by the watcher or declared by a client, shown alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from models.catalog.asset import FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File, FileStatus, Folder
from models.catalog.sidecar_results import FileChecksum
from models.catalog.storage import Storage
from models.core.base import new_id
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset


@dataclass(frozen=True, slots=True)
class Watched:
    """A storage with one folder `reel`, in which a watcher saw files that were grouped into an asset."""

    storage_id: UUID
    asset_id: str
    file_set_id: UUID
    file_ids: list[UUID]


def make_result(file: File, list_id: UUID, found: str, size: int) -> FileChecksum:
    """What verifying a list beside the file found, when it had this size."""
    result = FileChecksum(file_id=file.id, list_name="x.md5", list_id=list_id, algorithm="md5", expected=found)
    result.found, result.matches, result.size, result.mtime_ns = found, True, size, file.mtime_ns
    return result


def watch(api: Api, caller: Caller, count: int = 3) -> Watched:
    """Rows as the watcher and the grouping write them."""
    asset_id = make_asset(caller, "plate")["id"]
    with api.sessions.begin() as session:
        storage = Storage(id=new_id(), name=f"storage {uuid4()}", root=f"/mnt/{uuid4()}".encode())
        session.add(storage)
        session.flush()
        root = Folder(storage_id=storage.id, parent_id=None, name=b"")
        session.add(root)
        session.flush()
        reel = Folder(storage_id=storage.id, parent_id=root.id, name=b"reel")
        one = Format(id=new_id(), asset_id=asset_id, version_id=asset_id, name="o", role=FormatRole.ORIGINAL)
        one.structure = "image_sequence"
        session.add_all([reel, one])
        session.flush()
        group = FileSet(id=new_id(), asset_id=asset_id, format_id=one.id, version_id=asset_id, name="plate")
        group.storage_id, group.base_dir, group.file_count = storage.id, "reel", count
        files = [
            File(
                **{"id": new_id(), "folder_id": reel.id, "name": f"plate.{frame:04d}.exr".encode(), "size": frame},
                **{"mtime_ns": 1_700_000_000_123_456_789, "device": 1, "inode": frame, "seen": 1, "content_seen": 1},
                **{"media_class": "image", "status": FileStatus.CLOSED},
            )
            for frame in range(1, count + 1)
        ]
        session.add_all([group, *files])
        session.flush()
        session.add_all(FileSetFile(file_id=file.id, file_set_id=group.id) for file in files)
        # The second file was written to after its list was verified.
        session.add_all(make_result(file, group.id, f"sum-{asset_id}", file.size) for file in files[:1])
        session.add_all(make_result(file, group.id, f"old-{asset_id}", file.size + 1) for file in files[1:2])
        return Watched(storage.id, asset_id, group.id, [file.id for file in files])


def test_a_client_declares_a_format_its_files_and_closes_them(owner: Caller) -> None:
    base = f"/files/v1/assets/{make_asset(owner)['id']}"
    body = {"name": "PROXY", "components": [{"name": "v", "type": "VIDEO"}], "metadata": [{"codec": "h264"}]}
    one = owner.http.post(f"{base}/formats/", json=body).json()
    assert (one["metadata"], one["components"][0]["metadata"]) == ([{"codec": "h264"}], {})
    sound = owner.http.post(f"{base}/formats/{one['id']}/components", json={"name": "a", "type": "AUDIO"})
    assert sound.status_code == 200
    group = owner.http.post(
        f"{base}/file_sets/",
        json={"name": "x.mp4", "base_dir": "out", "format_id": one["id"], "component_ids": [sound.json()["id"]]},
    )
    assert (group.status_code, group.json()["component_ids"]) == (201, [sound.json()["id"]])
    file = owner.http.post(
        f"{base}/files/",
        json={"original_name": "x.mp4", "directory_path": "out", "file_set_id": group.json()["id"], "type": "FILE"},
    )
    assert (file.status_code, file.json()["status"]) == (201, "OPEN")
    closed = owner.http.patch(f"{base}/files/{file.json()['id']}/", json={"status": "CLOSED", "size": 7})
    assert (closed.status_code, closed.json()["status"]) == (200, "CLOSED")
    sets = owner.http.get(f"{base}/file_sets/").json()["objects"]
    assert [(one["file_count"], one["size"]) for one in sets] == [(1, 7)]
    assert owner.http.get(f"{base}/files/").json()["objects"] == [closed.json()]
    assert owner.http.delete(f"{base}/files/{file.json()['id']}/").status_code == 204
    assert owner.http.delete(f"{base}/file_sets/{group.json()['id']}/").status_code == 204
    assert owner.http.delete(f"{base}/formats/{one['id']}/").status_code == 204
    assert owner.http.get(f"{base}/formats/").json()["objects"] == []


def test_files_that_a_watcher_saw_are_read_with_their_paths_and_paged_by_cursor(api: Api, owner: Caller) -> None:
    seen = watch(api, owner)
    first = owner.http.get(f"/files/v1/assets/{seen.asset_id}/files/", params={"per_page": 2}).json()
    second = owner.http.get(first["next_url"].removeprefix("/API")).json()
    files = first["objects"] + second["objects"]
    assert [UUID(file["id"]) for file in files] == seen.file_ids
    assert (first["total"], second["next_url"]) == (3, None)
    assert (files[0]["directory_path"], files[0]["original_name"]) == ("reel", "plate.0001.exr")
    assert files[0]["file_date_modified"] == "2023-11-14T22:13:20.123456+00:00"
    assert owner.http.get(f"/files/v1/assets/{seen.asset_id}/files/{files[0]['id']}/").json() == files[0]
    in_set = f"/files/v1/assets/{seen.asset_id}/file_sets/{seen.file_set_id}/files/"
    assert owner.http.get(in_set).json()["total"] == 3


def test_what_is_on_a_watched_storage_is_not_changed_over_http(api: Api, owner: Caller) -> None:
    seen = watch(api, owner)
    base = f"/files/v1/assets/{seen.asset_id}"
    assert owner.http.patch(f"{base}/files/{seen.file_ids[0]}/", json={"status": "CLOSED"}).status_code == 403
    assert owner.http.delete(f"{base}/files/{seen.file_ids[0]}/").status_code == 403
    one = owner.http.get(f"{base}/formats/").json()["objects"][0]
    assert owner.http.delete(f"{base}/formats/{one['id']}/").status_code == 409


def test_strangers_find_no_file_by_checksum(api: Api, owner: Caller, stranger: Caller) -> None:
    seen = watch(api, owner)
    url = f"/files/v1/files/checksum/sum-{seen.asset_id}/"
    (found,) = owner.http.get(url).json()["objects"]
    assert (found["id"], found["checksum"]) == (str(seen.file_ids[0]), f"sum-{seen.asset_id}")
    assert owner.http.get(f"/files/v1/files/checksum/old-{seen.asset_id}/").json()["total"] == 0
    assert stranger.http.get(url).json()["total"] == 0
    assert stranger.http.get(f"/files/v1/assets/{seen.asset_id}/files/").status_code == 404


def test_files_of_a_storage_are_found_by_path_and_hidden_like_their_assets(
    api: Api, admin: Caller, owner: Caller, stranger: Caller
) -> None:
    seen = watch(api, owner)
    url = f"/files/v1/storages/{seen.storage_id}/files/"
    found = admin.http.get(url, params={"path": "reel/plate.0002.exr"}).json()
    assert [UUID(file["id"]) for file in found["objects"]] == [seen.file_ids[1]]
    assert admin.http.get(url, params={"directory_path": "reel"}).json()["total"] == 3
    assert admin.http.get(url, params={"directory_path": ""}).json()["total"] == 0
    assert admin.http.get(url, params={"path": "reel/none"}).json()["total"] == 0
    for caller in (owner, stranger):
        assert caller.http.get(url).status_code == 404
        rights = f"/acls/v1/users/{caller.id}/acl/storages/{seen.storage_id}/"
        assert admin.http.put(rights, json={"permissions": ["read"]}).status_code == 201
    assert owner.http.get(url).json()["total"] == 3
    assert stranger.http.get(url).json()["total"] == 0
    question = {"directory_path": "reel", "file_name": "plate.0003.exr"}
    asked = f"/files/v1/files/storages/{seen.storage_id}/"
    assert owner.http.post(asked, json=question).json()["file_size"] == 3
    assert stranger.http.post(asked, json=question).status_code == 404


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "x/" * 100 + "y"])
def test_paths_that_leave_the_root_are_refused(api: Api, admin: Caller, path: str) -> None:
    seen = watch(api, admin, 1)
    for name in ("path", "directory_path"):
        answer = admin.http.get(f"/files/v1/storages/{seen.storage_id}/files/", params={name: path})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


def make_storage(admin: Caller, folder: Path, **settings: Any) -> Any:
    """POST a storage."""
    return admin.http.post(
        "/files/v1/storages/",
        json={"name": folder.name, "method": "FILE", "purpose": "FILES", "settings": _settings(folder, settings)},
    )


def _settings(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    return {"mount_point": str(folder), **settings}


def test_administrators_make_storages_under_allowed_roots_alone(api: Api, admin: Caller, owner: Caller) -> None:
    folder = api.log.parent / f"storage-{uuid4()}"
    folder.mkdir()
    assert make_storage(owner, folder).status_code == 403
    for outside in (Path("/etc"), Path("/nonexistent"), Path("relative"), folder / ".." / ".." / ".."):
        refused = make_storage(admin, outside)
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["settings.mount_point"])
    made = make_storage(admin, folder, growing_files_threshold=0.5, scan_ignore=["*.tmp"])
    assert made.status_code == 201
    storage = made.json()
    assert storage["settings"]["growing_files_threshold"] == 1
    assert storage["owner_id"] == str(admin.id)
    url = f"/files/v1/storages/{storage['id']}/"
    assert admin.http.put(url, json=storage).json()["settings"] == storage["settings"]
    with api.sessions() as session:
        assert session.get_one(Storage, storage["id"]).settings["growing_files_threshold"] == 0.5
    changed = admin.http.patch(url, json={"name": f"new {folder.name}", "settings": {"scan_interval_seconds": 60}})
    assert changed.json()["settings"]["scan_interval_seconds"] == 60
    assert changed.json()["settings"]["scan_ignore"] == ["*.tmp"]
    wrong = admin.http.patch(url, json={"settings": {"scan_interval_seconds": "often"}})
    assert list(wrong.json()["errors"]) == ["settings.scan_interval_seconds"]
    assert admin.http.post(f"{url}scan/", json={}).status_code == 201
    assert owner.http.get(url).status_code == 404
    listed = admin.http.get("/files/v1/storages/", params={"name": f"new {folder.name}"}).json()
    assert [one["id"] for one in listed["objects"]] == [storage["id"]]
    assert owner.http.get("/files/v1/storages/").json()["total"] == 0
    assert admin.http.get("/files/v1/storages/matching/FILES/", params={"storage_id": storage["id"]}).status_code == 200
    assert admin.http.delete(url).status_code == 204
    assert admin.http.get(url).status_code == 404


def test_a_removed_storage_is_shown_nowhere(api: Api, admin: Caller) -> None:
    url = f"/files/v1/storages/{watch(api, admin, 1).storage_id}/"
    assert admin.http.delete(url).status_code == 204
    assert [admin.http.get(url).status_code, admin.http.delete(url).status_code] == [404, 404]
    assert url.split("/")[-2] not in str(admin.http.get("/files/v1/storages/", params={"per_page": 500}).json())


def test_declaring_is_told_in_history(owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    owner.http.post(f"/files/v1/assets/{asset}/formats/", json={"name": "ORIGINAL"})
    assert history_of(owner, asset)[-1] == ("ADD_FORMAT", 'format "ORIGINAL" was added')
