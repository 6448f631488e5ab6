"""Guests comment and vote under their own e-mail, within their share's permissions, and see nothing internal."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, Caller, Client
from tests.api.routes.catalog.test_approvals import ask, status_of, url_of
from tests.api.routes.catalog.test_assets import history_of, make_asset
from tests.api.routes.segments.test_segments import say, segments_url
from tests.api.routes.shares.sharing import guest_of, share_url, share_with

COMMENT = {"segment_type": "COMMENT", "segment_text": "from outside"}


@pytest.fixture
def asset(owner: Caller) -> str:
    return str(make_asset(owner, "plate")["id"])


def ann(api: Api, owner: Caller, asset: str, **allows: bool) -> Client:
    """A guest with a link of her own."""
    return guest_of(api, share_with(owner, asset, "ann@example.org", **allows)["users"][0]["url"])


def read(guest: Client, asset: str) -> list[str]:
    listed: list[dict[str, Any]] = guest.get(segments_url(asset)).json()["objects"]
    return [each["segment_text"] for each in listed]


def test_a_guest_comments_under_an_e_mail_and_sees_the_answers(api: Api, owner: Caller, asset: str) -> None:
    say(owner, asset, "said before")
    guest = ann(api, owner, asset, allow_comments=True)
    made = guest.post(segments_url(asset), json={**COMMENT, "is_internal": True, "segment_checked": True}).json()
    assert (made["share_user_email"], made["user_id"]) == ("ann@example.org", None)
    assert (made["is_internal"], made["segment_checked"]) == (False, False)
    say(owner, asset, "thank you", parent_id=made["id"])
    say(owner, asset, "between us", parent_id=made["id"], is_internal=True)
    assert read(guest, asset) == ["from outside", "thank you"]
    assert history_of(owner, asset)[-3] == ("CUSTOM", "ann@example.org commented")
    marker = {"segment_type": "MARKER"}
    assert guest.post(segments_url(asset), json=marker).status_code == 403
    url = f"{segments_url(asset)}{made['id']}/"
    assert guest.patch(url, json={"segment_text": "better"}).status_code == 200
    assert guest.patch(url, json={"segment_checked": True}).status_code == 403
    whole = {**guest.get(url).json(), "segment_text": "best"}
    assert guest.put(url, json=whole).json()["segment_text"] == "best"
    for name, value in (("is_internal", True), ("segment_checked", True), ("segment_type", "MARKER")):
        assert guest.put(url, json={**whole, name: value}).status_code == 403
    assert guest.delete(url).status_code == 204
    assert read(guest, asset) == []


def test_a_guest_never_deletes_for_good(api: Api, owner: Caller, asset: str) -> None:
    guest = ann(api, owner, asset, allow_comments=True)
    made = guest.post(segments_url(asset), json=COMMENT).json()
    say(owner, asset, "thank you", parent_id=made["id"])
    url = f"{segments_url(asset)}{made['id']}/"
    assert guest.delete(url, params={"soft_delete": "false"}).status_code == 403
    assert read(guest, asset) == ["from outside", "thank you"]


def test_existing_comments_show_where_the_share_shows_them_and_never_what_is_internal(
    api: Api, owner: Caller, asset: str
) -> None:
    shown = say(owner, asset, "for all", time_start_milliseconds=1)
    hidden = say(owner, asset, "between us", is_internal=True, time_start_milliseconds=2)
    say(owner, asset, "answer to it", parent_id=hidden["id"], time_start_milliseconds=3)
    say(owner, asset, "a line", segment_type="TRANSCRIPTION", time_start_milliseconds=4)
    guest = ann(api, owner, asset, show_existing_comments=True)
    assert read(guest, asset) == ["for all"]
    assert guest.get(f"{segments_url(asset)}{hidden['id']}/").status_code == 404
    assert guest.get(segments_url(asset), params={"status": "DELETED"}).json()["objects"] == []
    assert guest.post(segments_url(asset), json=COMMENT).status_code == 403
    url = f"{segments_url(asset)}{shown['id']}/"
    assert (guest.patch(url, json={"segment_text": "x"}).status_code, guest.delete(url).status_code) == (403, 403)
    assert guest.put(url, json={**COMMENT, "segment_text": "x"}).status_code == 403
    assert guest.put(f"{segments_url(asset)}{hidden['id']}/", json=COMMENT).status_code == 404
    listener = ann(api, owner, asset, show_existing_comments=True, allow_view_transcriptions=True)
    assert read(listener, asset) == ["for all", "a line"]
    ticking = ann(api, owner, asset, show_existing_comments=True, allow_approving_comments=True)
    assert ticking.patch(url, json={"segment_checked": True}).json()["segment_checked"] is True


def test_a_guest_votes_where_the_share_allows_it_and_by_a_link_of_its_own(api: Api, owner: Caller, asset: str) -> None:
    guest = ann(api, owner, asset, allow_setting_approve_status=True)
    yes = {"status": "APPROVED"}
    assert guest.put(url_of(asset), json=yes).status_code == 409
    ask(owner, asset, externals=["ANN@example.org"])
    assert ann(api, owner, asset).put(url_of(asset), json=yes).status_code == 403
    everybody = guest_of(api, share_url(owner, asset, allow_setting_approve_status=True)["url"])
    assert everybody.put(url_of(asset), json=yes).status_code == 403
    said = guest.put(url_of(asset), json=yes).json()
    assert (said["external"], said["user"], status_of(owner, asset)) == ("ann@example.org", None, "APPROVED")
    told = owner.http.get(f"/assets/v1/assets/{asset}/history/").json()["objects"][0]
    shown = f"ann@example.org approved, by the link made out to ann@example.org, shown to {owner.actor.name}"
    assert (told["operation_type"], told["operation_description"]) == ("APPROVE", shown)
    assert told["share_user_id"] is not None
    assert guest.put(url_of(asset), json={"status": "NOT_APPROVED"}).status_code == 200
    assert status_of(owner, asset) == "NOT_APPROVED"
    assert guest.delete(url_of(asset)).status_code == 204
    assert status_of(owner, asset) == "REQUESTED"
    assert guest.post(url_of(asset, "request/"), json={}).status_code == 403
    assert owner.http.delete(url_of(asset, "external/ann@example.org/")).status_code == 404


def test_a_guest_sees_how_it_stands_and_nobody_elses_name(api: Api, owner: Caller, asset: str) -> None:
    guest = ann(api, owner, asset, allow_setting_approve_status=True)
    ask(owner, asset, owner, externals=["ann@example.org", "bob@example.org"])
    for voter in (guest, owner.http):
        assert voter.put(url_of(asset), json={"status": "APPROVED"}).status_code == 200
    shown = guest.get(url_of(asset, "request/"))
    assert shown.json()["status"] == "APPROVED"
    assert [vote["external"] for vote in shown.json()["approvals_by"]] == ["ann@example.org"]
    assert guest.get(url_of(asset)).json()["total"] == 1
    assert str(owner.id) not in shown.text
    assert "bob@" not in shown.text


def test_a_guest_reads_what_other_guests_said_and_nobodys_address_but_its_own(
    api: Api, owner: Caller, asset: str
) -> None:
    shared = share_with(
        owner, asset, "ann@example.org", "bob@example.org", allow_comments=True, show_existing_comments=True
    )
    ann_url, bob_url = (user["url"] for user in sorted(shared["users"], key=lambda user: user["email"]))
    ann, bob = guest_of(api, ann_url), guest_of(api, bob_url)
    said = ann.post(segments_url(asset), json=COMMENT).json()
    assert said["share_user_email"] == "ann@example.org"
    listed = bob.get(segments_url(asset), params={"include_users": "true"})
    assert [each["share_user_email"] for each in listed.json()["objects"]] == [None]
    for answer in (listed, bob.get(f"{segments_url(asset)}{said['id']}/"), httpx.get(bob_url)):
        assert "from outside" in answer.text
        assert "ann@" not in answer.text
    assert "ann@" in httpx.get(ann_url).text
    (shown,) = owner.http.get(segments_url(asset)).json()["objects"]
    assert shown["share_user_email"] == "ann@example.org"


def test_a_link_for_everyone_votes_once_for_itself_and_only_where_nobody_was_named(
    api: Api, owner: Caller, asset: str
) -> None:
    made = [share_url(owner, asset, title=title, allow_setting_approve_status=True) for title in ("cut", "mix")]
    one, again, other = (guest_of(api, made[number]["url"]) for number in (0, 0, 1))
    claims = {"Share-User-Email": "ann@example.org"}
    ask(owner, asset, min_number=2)
    assert [each.put(url_of(asset), json={"status": "APPROVED"}).status_code for each in (one, again)] == [200, 200]
    assert status_of(owner, asset) == "REQUESTED", "two guests of one link are one vote"
    assert other.put(url_of(asset), json={"status": "APPROVED"}, headers=claims).status_code == 200
    assert status_of(owner, asset) == "APPROVED"
    told = {text for operation, text in history_of(owner, asset) if operation == "APPROVE"}
    assert told == {f'a guest approved, by the link for everyone of the share "{title}"' for title in ("cut", "mix")}
    votes = [vote["external"] for vote in owner.http.get(url_of(asset)).json()["objects"]]
    assert [vote.startswith("link:") for vote in votes] == [True, True]
    named = {"externals": ["ann@example.org"], "min_number": 1}
    assert owner.http.patch(url_of(asset, "request/"), json=named).status_code == 200
    assert status_of(owner, asset) == "REQUESTED"
    assert other.put(url_of(asset), json={"status": "APPROVED"}, headers=claims).status_code == 403
