"""Shares: made by whoever may, opened by their links alone, and closed at their end or at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tasks.share_ends import end_shares, sweep_tokens
from tests.api.conftest import Api, Caller
from tests.api.sharing import (
    FLAGS,
    LOGIN,
    forget_tries,
    guest_of,
    hash_of,
    let_end,
    log_in,
    share_url,
    share_with,
    shares_of,
    uncounted,  # noqa: F401 - a fixture
)
from tests.api.test_assets import history_of, make_asset
from tests.api.test_downloads import address_of, store

pytestmark = pytest.mark.usefixtures("uncounted")


def test_a_link_opens_its_object_and_nothing_beside_it(api: Api, owner: Caller) -> None:
    shared, other = make_asset(owner, "shared", external_id="secret-number")["id"], make_asset(owner, "other")["id"]
    guest = guest_of(api, share_url(owner, shared)["url"])
    seen = guest.get(f"/assets/v1/assets/{shared}/")
    assert (seen.status_code, seen.json()["title"], seen.json()["versions"]) == (200, "shared", [])
    assert "secret-number" not in seen.text
    assert str(owner.id) not in seen.text
    assert guest.get(f"/assets/v1/assets/{other}/").status_code == 404
    for closed in ("/assets/v1/assets/", f"/assets/v1/assets/{shared}/history/", "/users/v1/users/current/"):
        assert guest.get(closed).status_code == 403
    assert guest.patch(f"/assets/v1/assets/{shared}/", json={"title": "x"}).status_code == 403
    assert guest.post("/search/v1/search/", json={}).status_code == 403


def test_each_recipient_has_a_link_of_its_own_that_whoever_may_share_sees_again(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "Ann@example.org", "bob@example.org", "ann@example.org", message="look")
    assert made["url"] is None
    assert [user["email"] for user in made["users"]] == ["ann@example.org", "bob@example.org"]
    links = {user["email"]: user["url"] for user in made["users"]}
    assert len(set(links.values())) == 2
    token = log_in(api, links["ann@example.org"]).json()
    assert (token["email"], token["is_internal_user"], token["object_id"]) == ("ann@example.org", False, asset)
    users = f"{shares_of(asset)}{made['id']}/users/"
    again = {user["email"]: user["url"] for user in owner.http.get(users).json()["objects"]}
    assert again == links
    owner.http.put(f"/acls/v1/users/{stranger.id}/acl/assets/{asset}/", json={"permissions": ["read"]})
    shown = stranger.http.get(users)
    assert [user["url"] for user in shown.json()["objects"]] == [None, None]
    assert hash_of(links["ann@example.org"]) not in stranger.http.get(f"{shares_of(asset)}{made['id']}/").text


def test_the_end_always_exists_is_never_past_and_never_beyond_five_years(owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    now = datetime.now(UTC)
    by_default = datetime.fromisoformat(share_url(owner, asset)["expires"])
    assert timedelta(days=7) - timedelta(minutes=1) < by_default - now < timedelta(days=7, minutes=1)
    far = share_url(owner, asset, expires=(now + timedelta(days=5 * 365)).isoformat())
    for wrong in (now - timedelta(seconds=1), now + timedelta(days=5 * 366)):
        body = {**FLAGS, "expires": wrong.isoformat()}
        for method, path in (("POST", shares_of(asset) + "url/"), ("PUT", f"{shares_of(asset)}{far['id']}/")):
            refused = owner.http.request(method, path, json=body)
            assert (refused.status_code, list(refused.json()["errors"])) == (400, ["expires"])
    assert len(owner.http.get(shares_of(asset)).json()["objects"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"emails": []}, "emails"),
        ({"emails": ["nobody"]}, "emails"),
        ({"emails": ["a@example.org"], "metadata_views": ["00000000-0000-0000-0000-000000000001"]}, "metadata_views"),
        ({"emails": ["a@example.org"], "format_ids": ["00000000-0000-0000-0000-000000000001"]}, "format_ids"),
        ({"emails": ["a@example.org"], "watermark": "standard"}, "watermark"),
        ({"emails": ["a@example.org"], "password": "abc"}, "password"),
    ],
)
def test_what_cannot_be_promised_is_refused_and_nothing_is_written(owner: Caller, body: Any, field: str) -> None:
    asset = make_asset(owner)["id"]
    refused = owner.http.post(shares_of(asset), json={**FLAGS, **body})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field])
    assert owner.http.get(shares_of(asset)).json()["objects"] == []


def test_unknown_ended_revoked_and_wrong_passwords_are_answered_alike(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    ended, revoked = share_url(owner, asset), share_url(owner, asset)
    locked = share_url(owner, asset, password="sesame")
    let_end(api, ended["id"])
    owner.http.delete(f"{shares_of(asset)}{revoked['id']}/")
    forged = hash_of(locked["url"])[:-4] + "AAAA"
    answers = [
        log_in(api, ended["url"]),
        log_in(api, revoked["url"]),
        log_in(api, locked["url"]),
        log_in(api, locked["url"], "wrong one"),
        *(log_in(api, text) for text in (forged, "x", "é", "A" * 64, "")),
    ]
    bodies = {json.dumps({**answer.json(), "request_id": None}) for answer in answers}
    assert {answer.status_code for answer in answers} == {401}
    assert len({json.loads(body)["errors"][0] for body in bodies}) == 1
    assert log_in(api, locked["url"], "sesame").status_code == 200


def test_a_revoked_share_closes_at_once_for_who_is_inside(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    guest = guest_of(api, made["url"])
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 200
    assert owner.http.delete(f"{shares_of(asset)}{made['id']}/").status_code == 204
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 401
    assert owner.http.get(f"{shares_of(asset)}{made['id']}/").status_code == 404
    assert [text for _, text in history_of(owner, asset)][-1] == 'share "clip" was revoked'


def test_a_recipient_who_is_removed_is_out_and_the_others_stay(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "ann@example.org", "bob@example.org")
    ann, bob = made["users"]
    guests = guest_of(api, ann["url"]), guest_of(api, bob["url"])
    users = f"{shares_of(asset)}{made['id']}/users/"
    assert owner.http.delete(f"{users}{ann['id']}/").status_code == 204
    assert [one.get(f"/assets/v1/assets/{asset}/").status_code for one in guests] == [401, 200]
    assert log_in(api, ann["url"]).status_code == 401
    assert owner.http.post(users, json={"email": "bob@example.org"}).status_code == 409
    added = owner.http.post(users, json={"email": "eve@example.org"})
    assert (added.status_code, log_in(api, added.json()["url"]).status_code) == (201, 200)
    named = owner.http.patch(f"{users}{bob['id']}/", json={"email": "x", "first_name": "Bob"})
    assert (named.json()["first_name"], named.json()["email"]) == ("Bob", "bob@example.org")


def test_a_share_ends_by_the_clock_of_the_database_whether_anybody_noticed_or_not(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    guest = guest_of(api, made["url"])
    let_end(api, made["id"])
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 401
    with api.sessions.begin() as session:
        while end_shares(session):
            pass
        sweep_tokens(session)
        left = session.scalar(
            text(
                "SELECT count(*) FROM share_token JOIN share_user ON share_user.id = share_user_id WHERE share_id = :id"
            ),
            {"id": made["id"]},
        )
        assert end_shares(session) == 0
    assert left == 0
    assert [text for _, text in history_of(owner, asset)].count('share "clip" came to its end') == 1
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    owner.http.put(f"{shares_of(asset)}{made['id']}/", json={**FLAGS, "expires": later})
    assert log_in(api, made["url"]).status_code == 200


def test_what_a_share_allows_is_changed_for_who_is_inside_already(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    guest, path = guest_of(api, made["url"]), f"{shares_of(asset)}{made['id']}/"
    body = {"segment_type": "COMMENT", "segment_text": "hello"}
    assert guest.post(f"/assets/v1/assets/{asset}/segments/", json=body).status_code == 403
    shown = owner.http.get(path).json()
    assert owner.http.put(path, json={**shown, "allow_comments": True}).json()["allow_comments"] is True
    assert guest.post(f"/assets/v1/assets/{asset}/segments/", json=body).status_code == 201
    told = owner.http.get(f"/assets/v1/assets/{asset}/history/").json()["objects"][0]
    assert (told["share_id"], told["user_id"]) == (made["id"], None)


def test_a_new_password_signs_everybody_out_and_null_takes_it_away(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    guest, path = guest_of(api, made["url"]), f"{shares_of(asset)}{made['id']}/"
    assert owner.http.put(path, json={**FLAGS, "password": "sesame"}).json()["has_password"] is True
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 401
    assert log_in(api, made["url"]).status_code == 401
    owner.http.put(path, json={**FLAGS, "password": None})
    assert log_in(api, made["url"]).status_code == 200


def test_a_guests_token_is_shown_and_moved_and_works_in_both_headers(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset, expires=(datetime.now(UTC) + timedelta(hours=1)).isoformat(), allow_comments=True)
    token = log_in(api, made["url"]).json()
    assert token["roles"] == ["allow_comments"]
    assert datetime.fromisoformat(token["expires"]) <= datetime.fromisoformat(made["expires"])
    both = {"App-ID": owner.app_id, "Auth-Token": owner.token, "Share-Auth-Token": token["token"]}
    for method in ("GET", "PUT"):
        shown = api.client(**both).request(method, "/assets/v1/shares/auth/token/")
        assert (shown.status_code, shown.json()["token"]) == (200, token["token"])
    assert api.client(**both).get("/assets/v1/assets/").status_code == 403
    wrong = api.client(**{"App-ID": owner.app_id, "Auth-Token": token["token"]})
    assert wrong.get(f"/assets/v1/assets/{asset}/").status_code == 401


def test_accesses_are_counted_for_each_recipient(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "ann@example.org", "bob@example.org")
    for _ in range(3):
        guest_of(api, made["users"][0]["url"])
    ann, bob = owner.http.get(f"{shares_of(asset)}{made['id']}/users/").json()["objects"]
    assert (ann["access_count"], bob["access_count"], bob["last_access_date"]) == (3, 0, None)
    assert ann["last_access_date"] is not None


def test_wrong_passwords_by_the_thousand_are_stopped_and_do_not_close_the_link_for_ever(
    api: Api, owner: Caller
) -> None:
    made = share_url(owner, make_asset(owner)["id"], password="sesame")
    heard = [log_in(api, made["url"], f"guess {number}").status_code for number in range(1000)]
    assert heard.count(401) == 10
    assert set(heard[10:]) == {429}
    assert log_in(api, made["url"], "sesame").status_code == 429
    forget_tries(api)
    assert log_in(api, made["url"], "sesame").status_code == 200


def test_links_that_nobody_has_are_not_guessed_for_long(api: Api) -> None:
    heard = [api.http.post(LOGIN, json={"hash": f"{number}"}).status_code for number in range(100)]
    assert heard == [401] * 60 + [429] * 40


def test_no_link_token_or_password_reaches_the_log_or_history(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset, password="open sesame now")
    token = log_in(api, made["url"], "open sesame now").json()["token"]
    secrets = [hash_of(made["url"]), token, "open sesame now"]
    httpx.get(made["url"], follow_redirects=False)
    told = owner.http.get(f"/assets/v1/assets/{asset}/history/").text + api.log.read_text()
    assert [secret for secret in secrets if secret in told] == []
    with api.sessions() as session:
        kept = session.execute(
            text(
                "SELECT share_user::text || share_token::text || share::text FROM share_user "
                "JOIN share ON share.id = share_id JOIN share_token ON share_user_id = share_user.id "
                "WHERE share.id = :id"
            ),
            {"id": made["id"]},
        ).scalar_one()
    assert [secret for secret in secrets if secret in kept] == []


def test_only_who_may_change_rights_shares_and_the_maker_may_always_revoke(
    api: Api, owner: Caller, stranger: Caller
) -> None:
    asset = make_asset(owner)["id"]
    rights = f"/acls/v1/users/{stranger.id}/acl/assets/{asset}/"
    owner.http.put(rights, json={"permissions": ["read", "write"]})
    assert stranger.http.post(shares_of(asset) + "url/", json=FLAGS).status_code == 403
    owner.http.put(rights, json={"permissions": ["read", "change-acl"]})
    made = share_url(stranger, asset)
    owner.http.put(rights, json={"permissions": ["read"]})
    path = f"{shares_of(asset)}{made['id']}/"
    assert stranger.http.put(path, json={**FLAGS, "allow_download": True}).status_code == 403
    assert stranger.http.get(path).json()["url"] == made["url"]
    assert stranger.http.delete(path).status_code == 204


def test_lists_show_what_one_made_and_what_one_was_given(api: Api, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner, "listed")["id"]
    made = share_with(owner, asset, stranger.actor.name, title="for you")
    share_url(owner, asset, title="another")
    mine = owner.http.get("/assets/v1/shares/", params={"query": "for y"}).json()
    assert [one["id"] for one in mine["objects"]] == [made["id"]]
    assert mine["objects"][0]["object_title"] == "listed"
    given = stranger.http.get("/assets/v1/shares/").json()["objects"]
    assert [(one["id"], one["object_title"]) for one in given] == [(made["id"], None)]
    assert given[0]["personal_url"] == made["users"][0]["url"]
    assert given[0]["users"][0]["url"] is None
    assert stranger.http.get("/assets/v1/shares/all/").status_code == 403
    every = api.user(is_admin=True).http.get("/assets/v1/shares/all/", params={"owner_id": str(owner.id)}).json()
    assert every["total"] == 2
    ids = [one["id"] for one in every["objects"]]
    assert stranger.http.request("DELETE", "/assets/v1/shares/bulk/", json={"share_ids": ids}).status_code == 404
    assert owner.http.request("DELETE", "/assets/v1/shares/bulk/", json={"share_ids": ids}).status_code == 204
    assert owner.http.get("/assets/v1/shares/").json()["total"] == 0


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


def test_a_revoke_ends_a_download_that_runs(api: Api, owner: Caller, tmp_path: Path) -> None:
    size = 192 * 1024 * 1024
    made = store(api, owner, tmp_path / "a", {b"a.mov": b"\0" * size})
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
                pass_a_second(api)
    assert got < size


def pass_a_second(api: Api) -> None:
    """Longer than a download goes on without a look, by the database's clock."""
    with api.sessions() as session:
        session.execute(text("SELECT pg_sleep(1.2)"))


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


def test_a_sign_in_that_meets_a_revoke_never_outlives_it(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    for _ in range(5):
        forget_tries(api)
        made = share_url(owner, asset)
        with ThreadPoolExecutor(8) as threads:
            logins = [threads.submit(log_in, api, made["url"]) for _ in range(6)]
            gone = threads.submit(owner.http.delete, f"{shares_of(asset)}{made['id']}/")
            tokens = [login.result().json() for login in logins if login.result().status_code == 200]
        assert gone.result().status_code == 204
        heard = [
            api.client(**{"App-ID": one["app_id"], "Auth-Token": one["token"]}).get(f"/assets/v1/assets/{asset}/")
            for one in tokens
        ]
        assert {answer.status_code for answer in heard} <= {401}


def test_a_comment_that_meets_a_deletion_is_said_before_it_or_not_at_all(api: Api, owner: Caller) -> None:
    comment = {"segment_type": "COMMENT", "segment_text": "now"}
    for _ in range(5):
        forget_tries(api)
        asset = make_asset(owner)["id"]
        guest = guest_of(api, share_url(owner, asset, allow_comments=True)["url"])
        with ThreadPoolExecutor(8) as threads:
            said = [threads.submit(guest.post, f"/assets/v1/assets/{asset}/segments/", json=comment) for _ in range(4)]
            threads.submit(owner.http.delete, f"/assets/v1/assets/{asset}/")
        heard = [one.result().status_code for one in said]
        assert set(heard) <= {201, 401, 404, 409}
        told = [text for _, text in history_of(owner, asset)]
        assert len([text for text in told if "commented" in text]) == heard.count(201)
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
