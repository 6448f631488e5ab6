"""The page of a share: what a visitor with a link sees and can do, and which attacks it resists."""

import re
from html import unescape
from pathlib import Path

import anyio
import httpx
import pytest
from sqlalchemy import text as sql

from api.app import create_api
from asgi.context import ApiContext
from search.postgres.engine import PostgresEngine
from services.core.signing_key import SigningKey
from services.outbound.config import OutboundConfig
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.files.test_downloads import store
from tests.api.routes.shares.sharing import hash_of, let_end, share_url, share_with, shares_of
from tests.api.serve import KEY
from web.share_pages import make_share_app

pytestmark = pytest.mark.usefixtures("uncounted")


def field(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return unescape(found[1])


def say(browser: httpx.Client, url: str, text: str, **more: str) -> httpx.Response:
    page = browser.get(url).text
    form = {"form": field(page, "form"), "kind": "assets", "object": field(page, "object"), "text": text, **more}
    return browser.post(f"{url}/comments", data=form)


def test_a_link_shows_what_it_is_of_with_files_to_fetch(
    api: Api, owner: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    made = store(api, owner, tmp_path / "s", {b"a.mov": b"content", b"b <b>.mov": b"other"})
    closed, opened = share_url(owner, made.asset_id), share_url(owner, made.asset_id, allow_download=True)
    page = browser.get(closed["url"])
    assert page.status_code == 200
    assert "<h1>clip</h1>" in page.text
    assert "a.mov" in page.text
    assert "/downloads/" not in page.text
    page = browser.get(opened["url"]).text
    assert "b &lt;b&gt;.mov" in page
    addresses = re.findall(r'href="(/API/files/v1/downloads/[^"]+)"', page)
    assert [browser.get(address).content[:2] for address in addresses] == [b"PK", b"co", b"ot"], "all of it first"


def test_every_page_is_neither_kept_nor_framed_nor_found_and_runs_nothing_inline(
    owner: Caller, browser: httpx.Client, api: Api
) -> None:
    made = share_url(owner, make_asset(owner)["id"])
    locked = share_url(owner, make_asset(owner)["id"], password="sesame")
    for url in (made["url"], locked["url"], f"{api.root}/share/unknown"):
        page = browser.get(url)
        policy = page.headers["content-security-policy"]
        sources = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert sources.pop("default-src") == sources.pop("base-uri") == sources.pop("frame-ancestors") == "'none'"
        assert set(sources.values()) == {"'self'"}
        assert "form-action" in sources
        assert page.headers["referrer-policy"] == "same-origin", "with none, the origin of its forms would be null"
        assert page.headers["cache-control"] == "no-store"
        assert "noindex" in page.headers["x-robots-tag"]
        assert not re.search(r"<script(?! type=\"module\" src=\"/static/)|<style| style=| on[a-z]+=", page.text)
        for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
            kept = browser.get(address)
            assert (kept.status_code, "immutable" in kept.headers["cache-control"]) == (200, True)
    assert browser.get("/static/000000000000/style.css").status_code == 404


def test_unknown_ended_and_revoked_links_open_the_same_kind_page(
    api: Api, owner: Caller, browser: httpx.Client
) -> None:
    asset = make_asset(owner)["id"]
    ended, revoked = share_url(owner, asset), share_url(owner, asset, password="sesame")
    let_end(api, ended["id"])
    owner.http.delete(f"{shares_of(asset)}{revoked['id']}/")
    pages = [
        browser.get(url) for url in (ended["url"], revoked["url"], f"{api.root}/share/x", f"{api.root}/share/%C3%A9")
    ]
    texts = {page.text for page in pages}
    assert {page.status_code for page in pages} == {404}
    assert len(texts) == 1
    assert "Please ask for a new one" in texts.pop()


def test_a_password_is_asked_for_once_and_its_cookie_is_of_this_page_alone(
    owner: Caller, browser: httpx.Client
) -> None:
    made = share_url(owner, make_asset(owner, "behind a password")["id"], password="sesame")
    assert "behind a password" not in browser.get(made["url"]).text
    wrong = browser.post(made["url"], data={"password": "simsalabim"})
    assert (wrong.status_code, "The password is wrong" in wrong.text) == (401, True)
    right = browser.post(made["url"], data={"password": "sesame"})
    assert (right.status_code, "behind a password" in right.text) == (200, True)
    assert "behind a password" in browser.get(made["url"]).text
    said = right.history[0].headers["set-cookie"]
    assert f"Path=/share/{hash_of(made['url'])}" in said
    assert "HttpOnly" in said
    assert "SameSite=lax" in said


def test_looking_again_counts_as_one_access(owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "ann@example.org")
    for _ in range(3):
        browser.get(made["users"][0]["url"])
    (user,) = owner.http.get(f"{shares_of(asset)}{made['id']}/users/").json()["objects"]
    assert user["access_count"] == 1


def test_a_comment_is_said_under_the_name_of_whoever_the_link_is_for(owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    made = share_with(owner, asset, "ann@example.org", allow_comments=True)
    page = say(browser, made["users"][0]["url"], "<script>alert(1)</script>", name="The Owner")
    assert page.status_code == 200
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "<script>" not in page.text
    (said,) = owner.http.get(f"/assets/v1/assets/{asset}/segments/").json()["objects"]
    assert (said["segment_text"], said["share_user_email"]) == ("<script>alert(1)</script>", "ann@example.org")
    told = owner.http.get(f"/assets/v1/assets/{asset}/history/").json()["objects"][0]
    assert (told["actor"], told["share_id"]) == ("ann@example.org", made["id"])


def test_by_a_link_for_everybody_a_name_is_no_more_than_said(owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    made = share_url(owner, asset, allow_comments=True)
    assert "Bob (so said by a guest)" in say(browser, made["url"], "hello", name=" Bob ").text


def test_what_is_internal_or_not_to_be_shown_is_not_shown(owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    for text, internal in (("for all", False), ("among us", True)):
        body = {"segment_type": "COMMENT", "segment_text": text, "is_internal": internal}
        owner.http.post(f"/assets/v1/assets/{asset}/segments/", json=body)
    hidden = browser.get(share_url(owner, asset)["url"]).text
    shown = browser.get(share_url(owner, asset, show_existing_comments=True)["url"]).text
    assert [text in hidden for text in ("for all", "among us")] == [False, False]
    assert [text in shown for text in ("for all", "among us")] == [True, False]


def test_no_form_of_another_page_or_sign_in_is_taken(api: Api, owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    url = share_url(owner, asset, allow_comments=True)["url"]
    with httpx.Client(base_url=api.root) as other:
        word = field(other.get(url).text, "form")
    browser.get(url)
    for form in ({}, {"form": word}, {"form": "é"}):
        refused = browser.post(f"{url}/comments", data={"kind": "assets", "object": asset, "text": "forged", **form})
        assert refused.status_code == 404
    assert owner.http.get(f"/assets/v1/assets/{asset}/segments/").json()["objects"] == []


def test_a_share_without_comments_takes_none_and_one_of_another_asset_neither(
    owner: Caller, browser: httpx.Client
) -> None:
    asset, other = make_asset(owner)["id"], make_asset(owner)["id"]
    closed = share_url(owner, asset)["url"]
    opened = share_url(owner, asset, allow_comments=True)["url"]
    assert "<form" not in browser.get(closed).text
    assert say(browser, opened, "elsewhere", object=other).status_code == 404
    assert owner.http.get(f"/assets/v1/assets/{other}/segments/").json()["objects"] == []


def test_only_values_of_the_shares_views_are_shown(admin: Caller, browser: httpx.Client) -> None:
    asset = make_asset(admin)["id"]
    for name in ("scene", "budget"):
        field_body = {"name": name, "label": name.title(), "field_type": "string"}
        admin.http.post("/metadata/v1/fields/", json=field_body)
    views = [
        admin.http.post("/metadata/v1/views/", json={"name": name, "view_fields": [{"name": name}]}).json()["id"]
        for name in ("scene", "budget")
    ]
    for view, name in zip(views, ("scene", "budget"), strict=True):
        values = {"metadata_values": {name: {"field_values": [{"value": f"<{name} 7>"}]}}}
        written = admin.http.put(f"/metadata/v1/assets/{asset}/views/{view}/", json=values)
        assert written.status_code == 200, written.text
    page = browser.get(share_url(admin, asset, metadata_views=[views[0]])["url"]).text
    assert "<dt>Scene</dt><dd>&lt;scene 7&gt;</dd>" in page
    assert "budget" not in page.lower()


def test_a_collection_shows_what_is_in_it_and_nothing_beside_it(owner: Caller, browser: httpx.Client) -> None:
    inside, outside = make_asset(owner, "inside")["id"], make_asset(owner, "outside")["id"]
    collection = owner.http.post("/assets/v1/collections/", json={"title": "reels"}).json()["id"]
    contents = f"/assets/v1/collections/{collection}/contents/"
    owner.http.post(contents, json={"object_id": inside, "object_type": "assets"})
    url = share_url(owner, collection, kind="collections", allow_comments=True)["url"]
    page = browser.get(url).text
    assert ("<h1>reels</h1>" in page, ">inside<" in page, "outside" in page) == (True, True, False)
    assert "<h1>inside</h1>" in browser.get(f"{url}/assets/{inside}").text
    assert browser.get(f"{url}/assets/{outside}").status_code == 404
    assert browser.get(f"{url}/storages/{inside}").status_code == 404
    word = field(browser.get(f"{url}/assets/{inside}").text, "form")
    form = {"form": word, "kind": "assets", "object": inside, "text": "good"}
    said = browser.post(f"{url}/comments", data=form)
    assert '<p class="said">good</p>' in said.text


FILL_COLLECTION = sql("""
    WITH made AS (
        INSERT INTO asset (id, title) SELECT uuidv7(), 'clip ' || lpad(CAST(number AS text), 4, '0')
        FROM generate_series(1, :count) AS number RETURNING id
    )
    INSERT INTO collection_asset (collection_id, asset_id, carries_rights) SELECT :collection, id, true FROM made
""")
SAY_MUCH = sql("""
    INSERT INTO segment (id, asset_id, version_id, made_on, segment_type, segment_text, share_id)
    SELECT uuidv7(), :asset, :asset, :asset, 'COMMENT', 'word ' || lpad(CAST(number AS text), 4, '0'), :share
    FROM generate_series(1, :count) AS number
""")


def pages_of(browser: httpx.Client, url: str, name: str, pattern: str) -> list[list[str]]:
    """What the pattern finds on each page of this list, following its links."""
    found, following = [], url
    while following:
        page = browser.get(following).text
        found.append(re.findall(pattern, page))
        more = re.search(f'<a href="([^"]+[?]{name}=[0-9]+)" rel="next">more →', page)
        following = more[1] if more else ""
    return found


def test_a_long_list_goes_on_for_as_many_pages_as_it_takes(
    api: Api, owner: Caller, browser: httpx.Client, tmp_path: Path
) -> None:
    collection = owner.http.post("/assets/v1/collections/", json={"title": "reels"}).json()["id"]
    owner.http.post("/assets/v1/collections/", json={"title": "box", "parent_id": collection})
    made = store(api, owner, tmp_path / "s", {f"f{number:04}.exr".encode(): b"x" for number in range(101)})
    shared = share_url(owner, made.asset_id, allow_download=True)
    with api.sessions.begin() as session:
        session.execute(FILL_COLLECTION, {"collection": collection, "count": 60})
        session.execute(SAY_MUCH, {"asset": made.asset_id, "share": shared["id"], "count": 51})
    shown = share_url(owner, collection, kind="collections")["url"]
    clips = pages_of(browser, shown, "inside", r">(box|clip \d+)<")
    assert [(len(page), page[0], page[-1]) for page in clips] == [(60, "box", "clip 0059"), (1, *["clip 0060"] * 2)]
    files = pages_of(browser, shared["url"], "files", r">(f\d+\.exr)<")
    assert [(len(page), page[0]) for page in files] == [(100, "f0000.exr"), (1, "f0100.exr")]
    words = pages_of(browser, shared["url"], "comments", r'"said">(word \d+)<')
    assert [(len(page), page[0], page[-1]) for page in words] == [
        (50, "word 0001", "word 0050"),
        (1, *["word 0051"] * 2),
    ]
    for wrong in ("?files=x", "?comments=-1", "?inside=" + "9" * 30, "?files=999999"):
        assert browser.get(shared["url"] + wrong).status_code == 200


def test_whoever_is_asked_votes_by_the_own_link_and_may_think_again(owner: Caller, browser: httpx.Client) -> None:
    asset = make_asset(owner)["id"]
    votes = {"allow_setting_approve_status": True}
    url = share_with(owner, asset, "ann@example.org", **votes)["users"][0]["url"]
    assert "Approve" not in browser.get(url).text
    asked = owner.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json={"externals": ["ann@example.org"]})
    assert asked.status_code == 201, asked.text
    for word, told in (("APPROVED", "You approved it."), ("NOT_APPROVED", "You rejected it.")):
        form = {"form": field(browser.get(url).text, "form"), "kind": "assets", "object": asset, "vote": word}
        assert told in browser.post(f"{url}/votes", data=form).text
        assert owner.http.get(f"/assets/v1/assets/{asset}/approvals/request/").json()["status"] == word
        assert browser.post(f"{url}/votes", data={**form, "vote": "MAYBE"}).status_code == 404
        assert browser.post(f"{url}/votes", data={**form, "form": ""}).status_code == 404
    plain = share_url(owner, asset, **votes)["url"]
    assert "Approve" not in browser.get(plain).text


def test_wrong_passwords_are_stopped_with_a_word_when_to_come_again(owner: Caller, browser: httpx.Client) -> None:
    url = share_url(owner, make_asset(owner)["id"], password="sesame")["url"]
    heard = [browser.post(url, data={"password": f"guess {number}"}) for number in range(12)]
    assert [page.status_code for page in heard] == [401] * 10 + [429] * 2
    assert int(heard[-1].headers["retry-after"]) > 0


def test_no_link_reaches_the_log(api: Api, owner: Caller, browser: httpx.Client) -> None:
    url = share_url(owner, make_asset(owner)["id"], allow_comments=True)["url"]
    say(browser, url, "hello")
    browser.get(f"{api.root}//share//{hash_of(url)}")
    log = api.log.read_text()
    assert hash_of(url)[20:] not in log
    assert "/share/***" in log


def test_a_comment_wakes_the_indexer_and_a_look_does_not(api: Api, owner: Caller) -> None:
    calls: list[None] = []
    outside = OutboundConfig(key=SigningKey(KEY))
    context = ApiContext(
        api.sessions, PostgresEngine(api.sessions), wake_indexer=lambda: calls.append(None), outside=outside
    )
    app = create_api(context)
    app.mount("/share", make_share_app(context, app.state.admission))
    asset = make_asset(owner)["id"]
    path = f"/share/{hash_of(share_url(owner, asset, allow_comments=True)['url'])}"

    async def say_hello() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", follow_redirects=True) as visitor:
            shown = await visitor.get(path)
            assert calls == []
            form = {"form": field(shown.text, "form"), "kind": "assets", "object": asset, "text": "hello"}
            assert (await visitor.post(f"{path}/comments", data=form)).status_code == 200

    anyio.run(say_hello)
    assert calls == [None]


SHARE_ROUTES = {
    "GET /{hash}": (200, 401, 401),
    "POST /{hash}": (303, 401, 401),
    "GET /{hash}/{kind:str}/{object_id:uuid}": (200, 401, 401),
    "GET /{hash}/assets/{object_id:uuid}/captions/{track_id:uuid}": (404, 404, 404),
    "POST /{hash}/comments": (303, 404, 404),
    "POST /{hash}/votes": (303, 404, 404),
}
"""What each route of the page answers: to a guest who is signed in to the share, to one of another share, and to one
who has not said the password."""


def test_every_route_of_the_page_answers_guests_of_its_own_share_alone(api: Api, owner: Caller) -> None:
    context = ApiContext(api.sessions, PostgresEngine(api.sessions))
    routes = make_share_app(context, create_api(context).state.admission).routes
    found = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
    assert found == {tuple(name.split(" ")) for name in SHARE_ROUTES}
    asset = make_asset(owner)["id"]
    rights = {"allow_comments": True, "allow_setting_approve_status": True}
    own, other = (
        share_with(owner, one, "ann@example.org", password="sesame", **rights)["users"][0]["url"]
        for one in (asset, make_asset(owner)["id"])
    )
    owner.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json={"externals": ["ann@example.org"]})
    names = {"hash": hash_of(own), "kind:str": "assets", "object_id:uuid": asset, "track_id:uuid": asset}
    answers: dict[str, list[int]] = {name: [] for name in SHARE_ROUTES}
    for signed_in_to in (own, other, None):
        with httpx.Client(base_url=api.root, timeout=30) as guest:
            form = {"kind": "assets", "object": asset, "text": "hello", "vote": "APPROVED", "form": "x"}
            if signed_in_to is not None:
                guest.post(signed_in_to, data={"password": "sesame"})
                form["form"] = field(guest.get(signed_in_to).text, "form")
            for name in SHARE_ROUTES:
                method, path = name.split(" ")
                url = "/share" + re.sub(r"\{([^}]+)\}", lambda found: names[found[1]], path)
                answers[name].append(guest.request(method, url, data=form if method == "POST" else None).status_code)
    assert {name: tuple(codes) for name, codes in answers.items()} == SHARE_ROUTES
