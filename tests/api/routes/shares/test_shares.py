"""Shares: created by permitted users, opened only by their links, and closed when they expire or are revoked."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.core.errors import RateLimited
from services.core.signing_key import SigningKey
from services.shares.expiry import delete_expired_share_tokens, record_expired_shares
from services.shares.guests import sign_in_by_link
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.shares.sharing import (  # noqa: F401 - a fixture
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
    uncounted,
)
from tests.api.serve import KEY

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


def test_each_recipient_has_a_link_of_its_own_that_is_shown_once(api: Api, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "Ann@example.org", "bob@example.org", "ann@example.org", message="look")
    assert made["url"] is None
    assert [user["email"] for user in made["users"]] == ["ann@example.org", "bob@example.org"]
    links = {user["email"]: user["url"] for user in made["users"]}
    assert len(set(links.values())) == 2
    token = log_in(api, links["ann@example.org"]).json()
    assert (token["email"], token["is_internal_user"], token["object_id"]) == ("ann@example.org", False, asset)
    users = f"{shares_of(asset)}{made['id']}/users/"
    assert {user["url"] for user in owner.http.get(users).json()["objects"]} == {None}
    told = [text for _, text in history_of(owner, asset)]
    assert f"the link made out to ann@example.org was shown to {owner.actor.name}: no mail server is set" in told
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
        while record_expired_shares(session):
            pass
        delete_expired_share_tokens(session)
        left = session.scalar(
            text(
                "SELECT count(*) FROM share_token JOIN share_user ON share_user.id = share_user_id WHERE share_id = :id"
            ),
            {"id": made["id"]},
        )
        assert record_expired_shares(session) == 0
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


def test_wrong_passwords_by_the_thousand_are_stopped_from_however_many_places(api: Api, owner: Caller) -> None:
    made = share_url(owner, make_asset(owner)["id"], password="sesame")
    heard = [log_in(api, made["url"], f"guess {number}").status_code for number in range(20)]
    assert heard == [401] * 10 + [429] * 10
    key, refused = SigningKey(KEY), 0
    for number in range(1_000):
        try:
            sign_in_by_link(api.sessions, key, hash_of(made["url"]), f"guess {number}", f"place {number}")
        except RateLimited:
            refused += 1
    assert refused == 1_000
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
    assert stranger.http.get(path).json()["url"] is None
    assert [one["url"] for one in stranger.http.get("/assets/v1/shares/").json()["objects"]] == [None]
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


ENDS_OF_A_RIGHT = {
    "its maker lost change-acl": "DELETE FROM acl_entry WHERE object_id = :asset",
    "its maker keeps write alone": "UPDATE acl_entry SET permissions = '{read,write}' WHERE object_id = :asset",
    "its maker was blocked": "UPDATE user_account SET status = 'BLOCKED' WHERE id = :maker",
    "its maker was deleted": "UPDATE user_account SET status = 'DELETED' WHERE id = :maker",
}


@pytest.mark.parametrize("ending", ENDS_OF_A_RIGHT)
def test_a_share_stops_with_the_right_that_made_it_and_lists_say_so(
    api: Api, owner: Caller, admin: Caller, ending: str
) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset)
    shares = f"/assets/v1/assets/{asset}/shares/"

    def said() -> list[bool]:
        listed = [admin.http.get(shares), admin.http.get("/assets/v1/shares/all/", params={"owner_id": owner.id})]
        single = admin.http.get(f"{shares}{made['id']}/").json()
        return [single["is_stopped"], *(one.json()["objects"][0]["is_stopped"] for one in listed)]

    assert said() == [False] * 3
    guest = guest_of(api, made["url"])
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 200
    with api.sessions.begin() as session:
        session.execute(text(ENDS_OF_A_RIGHT[ending]), {"asset": asset, "maker": owner.id})
    assert guest.get(f"/assets/v1/assets/{asset}/").status_code == 401
    assert log_in(api, made["url"]).status_code == 401
    assert said() == [True] * 3


def test_a_share_follows_the_rights_of_its_maker_through_groups_and_collections(
    api: Api, owner: Caller, admin: Caller, stranger: Caller
) -> None:
    asset = make_asset(owner)["id"]
    group = admin.http.post("/users/v1/groups/", json={"name": f"sharers {asset}"}).json()["id"]
    admin.http.post(f"/users/v1/groups/{group}/users/{stranger.id}/")
    collection = owner.http.post("/assets/v1/collections/", json={"title": "shared"}).json()["id"]
    body = {"object_id": asset, "object_type": "assets"}
    owner.http.post(f"/assets/v1/collections/{collection}/contents/", json=body)
    path = f"/acls/v1/groups/{group}/acl/collections/{collection}/"
    rights = {"permissions": ["read", "change-acl"]}
    assert owner.http.put(path, json=rights, params={"propagating": "true"}).status_code < 300
    links = [share_url(stranger, asset)["url"], share_url(stranger, collection, kind="collections")["url"]]
    assert [log_in(api, url).status_code for url in links] == [200, 200]
    admin.http.delete(f"/users/v1/groups/{group}/users/{stranger.id}/")
    assert [log_in(api, url).status_code for url in links] == [401, 401]
    admin.http.post(f"/users/v1/groups/{group}/users/{stranger.id}/")
    assert [log_in(api, url).status_code for url in links] == [200, 200]
