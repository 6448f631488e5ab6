"""Writes of guests are limited in number: those of a minute and of a day, over the API and the pages together."""

import httpx
import pytest
from sqlalchemy import text

from services.shares.guests import GUEST_WRITE_LIMITS
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.shares.sharing import guest_of, share_url, share_with, uncounted  # noqa: F401 - a fixture
from tests.web.test_share_pages import field

pytestmark = pytest.mark.usefixtures("uncounted")
COMMENT = {"segment_type": "COMMENT", "segment_text": "once more"}
PER_MINUTE = GUEST_WRITE_LIMITS["minute"].tries


def test_comments_of_a_guest_are_limited_and_those_of_others_are_not(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "ann@example.org", "bob@example.org", allow_comments=True)
    ann, bob = (guest_of(api, one["url"]) for one in made["users"])
    path = f"/assets/v1/assets/{asset}/segments/"
    answers = [ann.post(path, json=COMMENT) for _ in range(PER_MINUTE + 2)]
    assert [answer.status_code for answer in answers] == [201] * PER_MINUTE + [429] * 2
    assert int(answers[-1].headers["retry-after"]) > 0
    assert ann.get(path).status_code == 200
    assert bob.post(path, json=COMMENT).status_code == 201
    assert owner.http.post(path, json=COMMENT).status_code == 201


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_changes_count_as_comments_do(api: Api, owner: Caller, method: str) -> None:
    asset = make_asset(owner)["id"]
    guest = guest_of(api, share_url(owner, asset, allow_comments=True)["url"])
    path = f"/assets/v1/assets/{asset}/segments/"
    segment = guest.post(path, json=COMMENT).json()["id"]
    _exhaust(api, "minute")
    answer = guest.request(method, f"{path}{segment}/", json=COMMENT)
    assert answer.status_code == 429, answer.text


def test_votes_count_as_comments_do(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    votes = {"allow_setting_approve_status": True}
    guest = guest_of(api, share_with(owner, asset, "ann@example.org", **votes)["users"][0]["url"])
    owner.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json={"externals": ["ann@example.org"]})
    path = f"/assets/v1/assets/{asset}/approvals/"
    assert guest.put(path, json={"status": "APPROVED"}).status_code == 200
    _exhaust(api, "minute")
    assert guest.put(path, json={"status": "NOT_APPROVED"}).status_code == 429
    assert guest.delete(path).status_code == 429


def test_a_day_has_its_own_limit_which_the_page_respects(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    url = share_url(owner, asset, allow_comments=True)["url"]
    with httpx.Client(follow_redirects=True) as browser:
        form = {"form": field(browser.get(url).text, "form"), "kind": "assets", "object": asset, "text": "hello"}
        assert browser.post(f"{url}/comments", data=form).status_code == 200
        _exhaust(api, "day")
        answer = browser.post(f"{url}/comments", data=form)
    assert answer.status_code == 429
    assert 60 < int(answer.headers["retry-after"]) <= GUEST_WRITE_LIMITS["day"].seconds


def _exhaust(api: Api, span: str) -> None:
    """Set the counters of a span to its limit."""
    with api.sessions.begin() as session:
        full = {"tries": GUEST_WRITE_LIMITS[span].tries, "subject": f"guest-writes-{span}:%"}
        session.execute(text("UPDATE sign_in_limit SET tries = :tries WHERE subject LIKE :subject"), full)
