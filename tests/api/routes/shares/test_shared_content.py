"""What a share opens: its formats and no later ones, downloads, a collection's content; and concurrent changes."""

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from models.catalog.asset import Component, Format
from tests.api.conftest import Api, Caller
from tests.api.held import row_held
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.files.test_downloads import address_of, store
from tests.api.routes.shares.sharing import FLAGS, guest_of, log_in, share_url, shares_of, uncounted  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("uncounted")


def test_a_share_opens_the_formats_it_was_made_for_and_no_later_one(api: Api, owner: Caller, tmp_path: Path) -> None:
    first = store(api, owner, tmp_path / "a", {b"a.mov": b"first"})
    made = share_url(owner, first.asset_id, allow_download=True)
    guest = guest_of(api, made["url"])
    later = store(api, owner, tmp_path / "b", {b"b.mov": b"later"}, asset_id=first.asset_id)
    files = f"/files/v1/assets/{first.asset_id}"
    assert [one["id"] for one in guest.get(f"{files}/formats/").json()["objects"]] == [first.format_id]
    seen = guest.get(f"{files}/files/").json()["objects"]
    assert [(one["id"], one["directory_path"], one["storage_id"]) for one in seen] == [(first.file_ids[0], "", None)]
    for path in (
        f"formats/{later.format_id}/",
        f"files/{later.file_ids[0]}/",
        f"files/{later.file_ids[0]}/download_url/",
        f"formats/{later.format_id}/download_url/",
    ):
        assert guest.get(f"{files}/{path}").status_code == 404
    path = f"{shares_of(first.asset_id)}{made['id']}/"
    both = [first.format_id, later.format_id]
    assert owner.http.put(path, json={**FLAGS, "allow_download": True, "format_ids": both}).status_code == 200
    assert guest.get(f"{files}/files/{later.file_ids[0]}/download_url/").status_code == 200


def test_a_share_of_a_merged_asset_opens_those_formats_of_the_survivor_alone(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    dead = store(api, owner, tmp_path / "a", {b"a.mov": b"dead"})
    survivor = store(api, owner, tmp_path / "b", {b"b.mov": b"survivor"})
    owner.http.patch(f"/assets/v1/assets/{survivor.asset_id}/", json={"title": "not for you"})
    comment = {"segment_type": "COMMENT", "segment_text": "of the survivor"}
    owner.http.post(f"/assets/v1/assets/{survivor.asset_id}/segments/", json=comment)
    allowed = {"allow_download": True, "allow_comments": True, "show_existing_comments": True}
    guest = guest_of(api, share_url(owner, dead.asset_id, title="yours", **allowed)["url"])
    merged = {"asset_ids": [dead.asset_id]}
    answer = owner.http.post(f"/assets/v1/assets/{survivor.asset_id}/grouping/merge/", json=merged)
    assert answer.status_code == 200, answer.text
    shown = guest.get(f"/assets/v1/assets/{dead.asset_id}/")
    assert (shown.json()["title"], "not for you" in shown.text) == ("yours", False)
    formats = guest.get(f"/files/v1/assets/{dead.asset_id}/formats/").json()["objects"]
    files = guest.get(f"/files/v1/assets/{dead.asset_id}/files/").json()["objects"]
    assert survivor.format_id not in [one["id"] for one in formats]
    assert survivor.file_ids[0] not in [one["id"] for one in files]
    assert guest.get(f"/assets/v1/assets/{dead.asset_id}/segments/").json()["objects"] == []
    assert guest.post(f"/assets/v1/assets/{dead.asset_id}/segments/", json=comment).status_code == 403


def test_downloads_through_a_share_are_allowed_counted_told_and_ended_with_it(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    made = store(api, owner, tmp_path / "a", {b"a.mov": b"content"})
    closed, opened = share_url(owner, made.asset_id), share_url(owner, made.asset_id, allow_download=True)
    file = f"/files/v1/assets/{made.asset_id}/files/{made.file_ids[0]}/download_url/"
    assert guest_of(api, closed["url"]).get(file).status_code == 403
    url = guest_of(api, opened["url"]).get(file).json()["url"]
    assert api.http.get(url).content == b"content"
    (user,) = owner.http.get(f"{shares_of(made.asset_id)}{opened['id']}/users/").json()["objects"]
    assert user["download_count"] == 1
    told = owner.http.get(f"/assets/v1/assets/{made.asset_id}/history/").json()["objects"][0]
    assert (told["operation_type"], told["share_user_id"]) == ("DOWNLOAD", user["id"])
    owner.http.put(f"{shares_of(made.asset_id)}{opened['id']}/", json=FLAGS)
    assert api.http.get(url).status_code == 403
    owner.http.delete(f"{shares_of(made.asset_id)}{opened['id']}/")
    assert api.http.get(url).status_code == 404


def test_a_format_is_fetched_through_a_share_as_an_archive_where_that_is_allowed(
    api: Api, owner: Caller, tmp_path: Path
) -> None:
    made = store(api, owner, tmp_path / "a", {b"a.mov": b"content", b"b.mov": b"more"})
    path = f"/files/v1/assets/{made.asset_id}/formats/{made.format_id}/download_url/"
    closed, opened = share_url(owner, made.asset_id), share_url(owner, made.asset_id, allow_download=True)
    proxies = share_url(owner, made.asset_id, allow_download_proxy=True)
    assert guest_of(api, closed["url"]).get(path).status_code == 403
    assert guest_of(api, proxies["url"]).get(path).status_code == 403  # it is the original
    url = guest_of(api, opened["url"]).get(path).json()["url"]
    with zipfile.ZipFile(io.BytesIO(api.http.get(url).content)) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {"a.mov": b"content", "b.mov": b"more"}
    (user,) = owner.http.get(f"{shares_of(made.asset_id)}{opened['id']}/users/").json()["objects"]
    assert user["download_count"] == 1
    owner.http.delete(f"{shares_of(made.asset_id)}{opened['id']}/")
    assert api.http.get(url).status_code == 404


def test_a_revoke_ends_a_download_that_runs(api: Api, owner: Caller, tmp_path: Path) -> None:
    size = 64 * 1024 * 1024  # the kernel keeps some of what was sent before
    made = store(api, owner, tmp_path / "a", {b"a.mov": size})
    share = share_url(owner, made.asset_id, allow_download=True)
    guest = guest_of(api, share["url"])
    url = guest.get(f"/files/v1/assets/{made.asset_id}/files/{made.file_ids[0]}/download_url/").json()["url"]
    got = 0
    with pytest.raises(httpx.RemoteProtocolError), api.http.stream("GET", url) as answer:  # noqa: PT012
        assert answer.headers["content-length"] == str(size)
        for number, piece in enumerate(answer.iter_bytes(1024 * 1024)):
            got += len(piece)
            if number == 0:
                owner.http.delete(f"{shares_of(made.asset_id)}{share['id']}/")
    assert got < size


def test_a_share_of_a_collection_follows_what_is_in_it(api: Api, owner: Caller, tmp_path: Path) -> None:
    made = store(api, owner, tmp_path / "a", {b"a.mov": b"content"})
    collection = owner.http.post("/assets/v1/collections/", json={"title": "reels"}).json()["id"]
    share = share_url(owner, collection, kind="collections", allow_download=True)
    guest = guest_of(api, share["url"])
    asset = f"/assets/v1/assets/{made.asset_id}/"
    contents = f"/assets/v1/collections/{collection}/contents/"
    assert guest.get(f"/assets/v1/collections/{collection}/").json()["title"] == "reels"
    assert (guest.get(asset).status_code, guest.get(contents).json()["objects"]) == (404, [])
    owner.http.post(contents, json={"object_id": made.asset_id, "object_type": "assets"})
    assert guest.get(asset).status_code == 200
    assert [one["id"] for one in guest.get(contents).json()["objects"]] == [made.asset_id]
    file = f"/files/v1/assets/{made.asset_id}/files/{made.file_ids[0]}/download_url/"
    assert api.http.get(guest.get(file).json()["url"]).content == b"content"
    owner.http.delete(f"{contents}assets/{made.asset_id}/")
    assert guest.get(asset).status_code == 404


def test_values_are_shown_through_the_views_of_the_share_alone(api: Api, admin: Caller) -> None:
    asset = make_asset(admin)["id"]
    admin.http.post("/metadata/v1/fields/", json={"name": "shown_f", "label": "F", "field_type": "string"})
    views = [
        admin.http.post("/metadata/v1/views/", json={"name": name, "view_fields": [{"name": "shown_f"}]}).json()["id"]
        for name in ("one", "two")
    ]
    body = {"metadata_values": {"shown_f": {"field_values": [{"value": "x"}]}}}
    path = f"/metadata/v1/assets/{asset}/views"
    assert admin.http.put(f"{path}/{views[0]}/", json=body).status_code == 200
    guest = guest_of(api, share_url(admin, asset, metadata_views=views[:1])["url"])
    assert [guest.get(f"{path}/{view}/").status_code for view in views] == [200, 404]
    assert guest.put(f"{path}/{views[0]}/", json=body).status_code == 403
    assert guest.get(f"/metadata/v1/assets/{asset}/").status_code == 403


@pytest.mark.parametrize("first", ["sign-in", "revoke"])
def test_a_sign_in_that_meets_a_revoke_never_outlives_it(api: Api, owner: Caller, first: str) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    (user,) = owner.http.get(f"{shares_of(asset)}{made['id']}/users/").json()["objects"]
    both: list[Callable[[], httpx.Response]] = [
        lambda: log_in(api, made["url"]),
        lambda: owner.http.delete(f"{shares_of(asset)}{made['id']}/"),
    ]
    order = (0, 1) if first == "sign-in" else (1, 0)
    with ThreadPoolExecutor(2) as threads, row_held(api, "share_user", id=user["id"]) as wait_for:
        asked = {}
        for count, which in enumerate(order, start=1):
            asked[which] = threads.submit(both[which])
            wait_for(count)
    login, gone = asked[0].result(), asked[1].result()
    assert (login.status_code, gone.status_code) == (200 if first == "sign-in" else 401, 204)
    if first == "sign-in":
        guest = api.client(**{"App-ID": login.json()["app_id"], "Auth-Token": login.json()["token"]})
        assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 401


@pytest.mark.parametrize("first", ["comment", "deletion"])
def test_a_comment_that_meets_a_deletion_is_said_before_it_or_not_at_all(api: Api, owner: Caller, first: str) -> None:
    comment, asset = {"segment_type": "COMMENT", "segment_text": "now"}, make_asset(owner)["id"]
    guest = guest_of(api, share_url(owner, asset, allow_comments=True)["url"])
    both: list[Callable[[], httpx.Response]] = [
        lambda: guest.post(f"/assets/v1/assets/{asset}/segments/", json=comment),
        lambda: owner.http.delete(f"/assets/v1/assets/{asset}/"),
    ]
    order = (0, 1) if first == "comment" else (1, 0)
    with ThreadPoolExecutor(2) as threads, row_held(api, "asset", id=asset) as wait_for:
        asked = {}
        for count, which in enumerate(order, start=1):
            asked[which] = threads.submit(both[which])
            wait_for(count)
    said, gone = asked[0].result(), asked[1].result()
    assert (said.status_code, gone.status_code) == (201 if first == "comment" else 404, 204)
    told = [text for _, text in history_of(owner, asset) if "commented" in text]
    assert len(told) == (1 if first == "comment" else 0)
    assert guest.post(f"/assets/v1/assets/{asset}/segments/", json=comment).status_code == 401


def test_a_deleted_object_is_closed_and_a_restored_one_open_again(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    guest = guest_of(api, share_url(owner, asset, allow_comments=True)["url"])
    owner.http.delete(f"/assets/v1/assets/{asset}/")
    comment = {"segment_type": "COMMENT", "segment_text": "late"}
    assert guest.post(f"/assets/v1/assets/{asset}/segments/", json=comment).status_code == 401
    owner.http.put(f"/assets/v1/assets/{asset}/restore/")
    assert guest.post(f"/assets/v1/assets/{asset}/segments/", json=comment).status_code == 201


def test_an_address_of_a_member_is_not_changed_by_the_way_of_guests(owner: Caller, api: Api, tmp_path: Path) -> None:
    made = store(api, owner, tmp_path / "a", {b"a.mov": b"content"})
    assert api.http.get(address_of(owner, made.asset_id, made.file_ids[0])).content == b"content"


def test_guests_see_what_a_file_is_and_nothing_that_is_written_into_it(api: Api, owner: Caller, tmp_path: Path) -> None:
    made = store(api, owner, tmp_path, {b"a.mov": b"a"})
    secrets = {"tags": {"location": "+59.9+010.7/", "artist": "ann"}, "reel": "A001", "owner": "ann", "title": "secret"}
    media = {"type": "VIDEO", "codec": "h264", "width": 1920, "comments": "do not show", **secrets}
    with api.sessions.begin() as session:
        part = session.get_one(Format, made.format_id)
        part.media = {"metadata": [media]}
        session.add(Component(format_id=part.id, name="Video", type="VIDEO", media=media))
    guest = guest_of(api, share_url(owner, made.asset_id)["url"])
    formats = f"/files/v1/assets/{made.asset_id}/formats/"
    for path in (formats, f"{formats}{made.format_id}/", f"{formats}{made.format_id}/components/"):
        shown, whole = guest.get(path).text, owner.http.get(path).text
        assert ("h264" in shown, "1920" in shown) == (True, True)
        for secret in ("+59.9", "ann", "A001", "do not show", "secret"):
            assert (secret in shown, secret in whole) == (False, True), f"{path}: {secret}"
