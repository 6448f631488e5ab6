"""Downloads: an address without headers opens one file, for a while, and only while its asker may read it."""

import os
from pathlib import Path
from uuid import uuid4

from models.asset import FileSet, FileSetFile, Format, FormatRole
from models.base import new_id
from models.file import File, FileStatus, Folder
from models.storage import Storage
from tests.api.conftest import Api, Caller
from tests.api.test_assets import history_of, make_asset


def put_on_disk(api: Api, owner: Caller, root: Path, name: bytes, content: bytes) -> tuple[str, str]:
    """An asset with one file in a folder of a storage; gives the ids of both."""
    (root / "reel").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(root / "reel") + b"/" + name)).write_bytes(content)
    asset_id = make_asset(owner)["id"]
    with api.sessions.begin() as session:
        storage = Storage(id=new_id(), name=uuid4().hex, root=os.fsencode(root.resolve()))
        session.add(storage)
        session.flush()
        top = Folder(storage_id=storage.id, parent_id=None, name=b"")
        session.add(top)
        session.flush()
        reel = Folder(storage_id=storage.id, parent_id=top.id, name=b"reel")
        one = Format(id=new_id(), asset_id=asset_id, version_id=asset_id, name="o", role=FormatRole.ORIGINAL)
        one.structure = "single"
        session.add_all([reel, one])
        session.flush()
        group = FileSet(id=new_id(), asset_id=asset_id, format_id=one.id, version_id=asset_id, name="x")
        file = File(id=new_id(), folder_id=reel.id, name=name, size=len(content), mtime_ns=0, device=1, inode=1)
        file.seen = file.content_seen = 1
        file.media_class, file.status = "video", FileStatus.CLOSED
        session.add_all([group, file])
        session.flush()
        session.add(FileSetFile(file_id=file.id, file_set_id=group.id))
        return asset_id, str(file.id)


def address_of(caller: Caller, asset_id: str, file_id: str) -> str:
    answer = caller.http.get(f"/files/v1/assets/{asset_id}/files/{file_id}/download_url/")
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    return url


def test_an_address_opens_the_file_whole_and_in_parts(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"clip \xff.mov", b"0123456789")
    url = address_of(owner, asset_id, file_id)
    whole = api.http.get(url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    part = api.http.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert history_of(owner, asset_id)[-1][0] == "DOWNLOAD"
    assert owner.token not in url


def test_an_address_ends_with_the_token_and_with_the_right(
    api: Api, owner: Caller, stranger: Caller, tmp_path: Path
) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x")
    rights = f"/acls/v1/users/{stranger.id}/acl/assets/{asset_id}/"
    asked = f"/files/v1/assets/{asset_id}/files/{file_id}/download_url/"
    assert stranger.http.get(asked).status_code == 404
    owner.http.put(rights, json={"permissions": ["read"]})
    theirs, mine = address_of(stranger, asset_id, file_id), address_of(owner, asset_id, file_id)
    assert api.http.get(theirs).status_code == 200
    owner.http.delete(rights)
    assert api.http.get(theirs).status_code == 404
    assert api.http.get(mine).status_code == 200
    owner.http.delete("/auth/v1/auth/token/")
    assert api.http.get(mine).status_code == 404


def test_an_address_opens_nothing_else_and_no_longer_than_it_says(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x")
    other_asset, other_file = put_on_disk(api, owner, tmp_path / "t", b"b.mov", b"y")
    url = address_of(owner, asset_id, file_id)
    until = url.split("/")[-3]
    for changed in (
        url.replace(file_id, other_file),
        url.replace(asset_id, other_asset).replace(file_id, other_file),
        url.replace(until, str(int(until) + 1)),
        url[:-3] + "00/",
    ):
        assert api.http.get(changed).status_code == 404


def test_a_link_out_of_the_storage_and_a_file_that_is_gone_are_refused(api: Api, owner: Caller, tmp_path: Path) -> None:
    asset_id, file_id = put_on_disk(api, owner, tmp_path / "s", b"a.mov", b"x")
    url = address_of(owner, asset_id, file_id)
    secret, seen = tmp_path / "secret", tmp_path / "s" / "reel" / "a.mov"
    secret.write_text("secret")
    seen.unlink()
    assert api.http.get(url).status_code == 409
    seen.symlink_to(secret)
    assert api.http.get(url).status_code == 409
