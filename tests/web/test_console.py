"""The console: who may open and do what, sign-in, forms of other pages, and hostile names."""

import re
from dataclasses import dataclass
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from asgi.admission import Admission
from asgi.context import ApiContext
from models.access.user import User, UserGroup
from models.catalog.collection import Collection
from models.catalog.storage import Storage
from models.core.base import new_id
from models.core.sessions import make_engine, make_sessions
from models.queues.job import Job
from search.postgres.engine import PostgresEngine
from services.access.sign_in import SIGN_IN_SECONDS
from services.access.tokens import register_app
from services.access.users import create_user
from services.catalog.collections.collections import create_collection
from services.core.actors import SETUP_ACTOR
from services.core.passwords import hash_password
from services.core.signing_key import SigningKey
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.shares.sharing import share_url
from tests.api.serve import KEY
from tests.api.world.objects import World, make_world
from web.app import mount_pages
from web.console import SESSION_COOKIE, make_form_token
from web.sign_in_pages import local_path

ROLES = ("administrator", "owner", "reader", "stranger", "browser", "guest", "nobody")
ADMINISTRATOR_ONLY = "200 403 403 403 403 303 303"
PAGES = {
    "GET /": "303 303 303 303 303 303 303",
    "GET /assets": "200 200 200 200 200 303 303",
    "GET /assets/{asset_id:uuid}": "200 200 200 404 200 303 303",
    "GET /assets/{asset_id:uuid}/captions/{track_id:uuid}": "404 404 404 404 404 303 303",
    "GET /assets/{asset_id:uuid}/files": "200 200 200 404 200 303 303",
    "GET /collections": "200 200 200 200 200 303 303",
    "GET /collections/{collection_id:uuid}": "200 200 200 404 404 303 303",
    "GET /approvals": "200 200 200 200 200 303 303",
    "GET /tokens": "200 200 200 200 200 303 303",
    "GET /storages": ADMINISTRATOR_ONLY,
    "GET /storages/{storage_id:uuid}": ADMINISTRATOR_ONLY,
    "GET /storages/{storage_id:uuid}/patterns": ADMINISTRATOR_ONLY,
    "GET /storages/{storage_id:uuid}/profile": ADMINISTRATOR_ONLY,
    "GET /work": ADMINISTRATOR_ONLY,
    "GET /explain": ADMINISTRATOR_ONLY,
    "GET /whole": ADMINISTRATOR_ONLY,
    "GET /users": ADMINISTRATOR_ONLY,
    "GET /users/{user_id:uuid}": ADMINISTRATOR_ONLY,
    "GET /groups/{group_id:uuid}": ADMINISTRATOR_ONLY,
    "GET /audit": ADMINISTRATOR_ONLY,
    "POST /assets/actions": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/title": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/comments": "303 303 303 404 403 303 303",
    "POST /assets/{asset_id:uuid}/approval": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/votes": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/shares": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/shares/end": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/metadata": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/relations": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/relations/remove": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/collections": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/collections/remove": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/transcode": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/rebuild": "303 403 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/reindex": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/split": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/undo": "303 303 403 404 403 303 303",
    "POST /assets/{asset_id:uuid}/merge": "303 303 403 404 403 303 303",
    "POST /approvals": "303 303 403 404 403 303 303",
    "POST /collections": "303 303 303 303 403 303 303",
    "POST /collections/{collection_id:uuid}/title": "303 303 403 404 403 303 303",
    "POST /collections/{collection_id:uuid}/move": "303 303 403 404 403 303 303",
    "POST /collections/{collection_id:uuid}/remove": "303 303 403 404 403 303 303",
    "POST /collections/{collection_id:uuid}/shares": "303 303 403 404 403 303 303",
    "POST /collections/{collection_id:uuid}/shares/end": "303 303 403 404 403 303 303",
    "POST /collections/{collection_id:uuid}/delete": "303 303 403 404 403 303 303",
    "POST /storages": "400 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/scan": "303 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/confirm": "303 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/patterns": "303 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/profile": "303 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/pause": "303 403 403 403 403 303 303",
    "POST /storages/{storage_id:uuid}/remove": "303 403 403 403 403 303 303",
    "POST /work/retry": "303 403 403 403 403 303 303",
    "POST /work/discard": "409 403 403 403 403 303 303",
    "POST /work/jobs": "303 403 403 403 403 303 303",
    "POST /whole": "400 403 403 403 403 303 303",
    "POST /users": "200 403 403 403 403 303 303",
    "POST /users/{user_id:uuid}": "303 403 403 403 403 303 303",
    "POST /users/{user_id:uuid}/password": "200 403 403 403 403 303 303",
    "POST /groups": "303 403 403 403 403 303 303",
    "POST /groups/{group_id:uuid}/name": "303 403 403 403 403 303 303",
    "POST /groups/{group_id:uuid}/members": "303 403 403 403 403 303 303",
    "POST /groups/{group_id:uuid}/members/remove": "303 403 403 403 403 303 303",
    "POST /groups/{group_id:uuid}/delete": "303 403 403 403 403 303 303",
    "POST /users/{user_id:uuid}/delete": "303 403 403 403 403 303 303",
    "POST /tokens": "200 200 200 200 403 303 303",
    "POST /tokens/end": "303 303 303 303 303 303 303",
    "POST /sign-out": "303 303 303 303 303 303 303",
}
"""Status by role, in the order of ROLES and of the requests: what ends something comes last. The browser may read the
asset and only browses. Everyone who is not signed in is sent to the sign-in."""
FORM = {"title": "renamed", "text": "hello", "vote": "APPROVED", "days": "7", "reason": "old", "name": "{unique}"}
FORM |= {"do": "reindex", "pick.{asset_id}": "1", "view": "{view_id}", "email": "{unique}@example.org"}
FORM |= {"type": "STANDARD", "status": "ACTIVE", "user": "{user_id}", "pause": "1", "assets": "keep"}
FORMS: dict[str, dict[str, str]] = {
    "POST /assets/{asset_id:uuid}/split": {"file.{stored_file_id}": "1"},
    "POST /assets/{asset_id:uuid}/merge": {"other": "{related_to_asset_id}"},
    "POST /assets/{asset_id:uuid}/relations": {"type": "{spare_type}", "other": "/assets/{related_to_asset_id}"},
    "POST /assets/{asset_id:uuid}/relations/remove": {
        "type": "{relation_type}",
        "source": "{asset_id}",
        "target": "{related_to_asset_id}",
    },
    "POST /assets/{asset_id:uuid}/collections": {"collection": "{spare_collection_id}"},
    "POST /assets/{asset_id:uuid}/collections/remove": {"collection": "{spare_collection_id}"},
    "POST /approvals": {"kind": "assets", "object": "{asset_id}"},
    "POST /storages/{storage_id:uuid}/profile": {"profile": '{{"min_frames": 3}}'},
    "POST /storages/{storage_id:uuid}/patterns": {"patterns": "*.bak"},
    "POST /work/jobs": {"key": "{job_id}", "action": "PAUSE"},
    "POST /users": {"email": "new.{unique}@example.org"},
    "POST /groups": {"name": "new {unique}"},
    "POST /tokens/end": {"token": "sign-ins"},
}
"""Fields of a form beside those of FORM, and instead of them."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Users by role, and what they open: the same for all, or of a role's own."""

    callers: dict[str, Caller]
    world: World

    def cookie(self, role: str) -> str:
        if role == "guest":
            return f"{self.world.ids['share_id']}.{self.world.ids['guest_token']}"
        caller = self.callers.get(role)
        return f"{caller.app_id}.{caller.token}" if caller is not None else ""

    def browse(self, api: Api, role: str) -> httpx.Client:
        cookies = {SESSION_COOKIE: self.cookie(role)} if self.cookie(role) else {}
        return httpx.Client(base_url=api.root, cookies=cookies, timeout=30)


def cast_of(api: Api, callers: dict[str, Caller] | None = None) -> Cast:
    if callers is None:
        callers = {"administrator": api.user(is_admin=True)} | {role: api.user() for role in ROLES[1:5]}
    with api.sessions.begin() as session:
        session.get_one(User, callers["browser"].id).type = "BROWSE_ONLY"  # type: ignore[assignment]
        world = make_world(session, callers["owner"].id, callers["reader"].id)
    owner, asset = callers["owner"].http, world.ids["asset_id"]
    owner.put(f"/acls/v1/users/{callers['browser'].id}/acl/assets/{asset}/", json={"permissions": ["read"]})
    owner.post(f"/assets/v1/assets/{asset}/approvals/request/", json={})
    return Cast(callers, world)


def form_of(page: str) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])


ELSEWHERE = {
    "GET /sign-in": "test_a_user_signs_in_goes_on_to_the_page_asked_for_and_out",
    "POST /sign-in": "test_wrong_passwords_are_limited_as_those_of_the_api_are",
    "GET /sign-in/oidc": "tests/web/test_oidc.py",
    "GET /sign-in/oidc/callback": "tests/web/test_oidc.py",
    "GET /events": "test_events_name_what_changed_to_users_alone",
    "/share": "test_every_route_of_the_page_answers_guests_of_its_own_share_alone",
    "/static": "the same files for everyone",
}
"""Routes that are not for users who are signed in, each with where it is tested who gets what."""


def test_every_page_has_a_row() -> None:
    sessions = make_sessions(make_engine("postgresql+psycopg://nowhere/nothing"))
    context, app = ApiContext(sessions, PostgresEngine(sessions)), FastAPI(openapi_url=None)
    app.state.admission = Admission(context)
    mount_pages(app, context)
    served = {
        f"{method} {route.path}" if isinstance(route, Route) else getattr(route, "path", "")
        for route in app.routes
        for method in (getattr(route, "methods", None) or {""}) - {"HEAD"}
    }
    assert served == {*PAGES, *ELSEWHERE}


def test_each_page_and_action_answers_everybody_as_its_row_says(api: Api) -> None:
    heard: dict[str, list[int]] = {name: [] for name in PAGES}
    callers = cast_of(api).callers
    casts = {role: cast_of(api, callers) for role in ROLES}
    owner = callers["owner"]
    shares = {
        role: {
            kind: share_url(owner, cast.world.ids[f"{kind}_id"], kind=f"{kind}s")["id"]
            for kind in ("asset", "collection")
        }
        for role, cast in casts.items()
    }
    for role, cast in casts.items():
        with cast.browse(api, role) as browser:
            shown = browser.get("/assets")
            token = form_of(shown.text) if shown.status_code == 200 else "x"
            for name in PAGES:
                method, path = name.split(" ")
                url = cast.world.fill(path.replace(":uuid", "").replace("{track_id}", "{asset_id}"))
                fields = FORM | FORMS.get(name, {})
                form = {cast.world.fill(key): cast.world.fill(value) for key, value in fields.items()}
                form |= {"form": token, "share": shares[role]["collection" if "/collections/" in path else "asset"]}
                answer = browser.request(method, url, data=form if method == "POST" else None)
                heard[name].append(answer.status_code)
                if role in ("guest", "nobody"):
                    assert answer.headers["location"].startswith("/sign-in")
                assert answer.headers.get("x-frame-options") == "DENY" or answer.status_code == 303
    assert {name: " ".join(map(str, codes)) for name, codes in heard.items()} == PAGES


def test_the_list_shows_what_its_user_reads_alone(api: Api) -> None:
    cast = cast_of(api)
    for role, is_seen in (("stranger", False), ("reader", True)):
        with httpx.Client(base_url=api.root, cookies={SESSION_COOKIE: cast.cookie(role)}) as browser:
            assert (cast.world.ids["one_title"] in browser.get(f"/assets/{cast.world.ids['asset_id']}").text) is is_seen
            assert cast.world.ids["deleted_title"] not in browser.get("/assets").text


@pytest.fixture
def member(api: Api) -> str:
    email = f"{uuid4().hex}@example.org"
    with api.sessions.begin() as session:
        create_user(session, User(email=email, password_hash=hash_password("correct horse")), SETUP_ACTOR)
    return email


def test_a_user_signs_in_goes_on_to_the_page_asked_for_and_out(api: Api, member: str, browser: httpx.Client) -> None:
    asked = browser.get("/assets?q=cup&view=table")
    assert asked.url.path == "/sign-in"
    goal = re.search(r'name="next" value="([^"]+)"', asked.text)
    assert goal is not None
    wrong = browser.post("/sign-in", data={"email": member, "password": "battery", "next": unescape(goal[1])})
    assert (wrong.status_code, "No user has this e-mail and password" in wrong.text) == (401, True)
    right = browser.post("/sign-in", data={"email": member, "password": "correct horse", "next": unescape(goal[1])})
    assert str(right.url).endswith("/assets?q=cup&view=table")
    said = right.history[0].headers["set-cookie"]
    assert all(word in said for word in ("HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={SIGN_IN_SECONDS}"))
    assert browser.get("/sign-in").url.path == "/assets"
    kept = dict(browser.cookies)
    browser.post("/sign-out", data={"form": form_of(right.text)})
    browser.cookies.update(kept)
    assert browser.get("/assets").url.path == "/sign-in", "its token is revoked"


def test_wrong_passwords_are_limited_as_those_of_the_api_are(api: Api, member: str, browser: httpx.Client) -> None:
    codes = [browser.post("/sign-in", data={"email": member, "password": "x"}).status_code for _ in range(11)]
    assert codes == [401] * 10 + [429]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/assets?q=a", "/assets?q=a"),
        ("//evil.example", "/assets"),
        ("/\\evil.example", "/assets"),
        ("https://evil.example", "/assets"),
        ("/a\r\nSet-Cookie: x", "/assets"),
        ("", "/assets"),
    ],
)
def test_a_sign_in_leads_to_pages_of_this_server_alone(text: str, path: str) -> None:
    assert local_path(text) == path


def test_a_form_of_another_sign_in_or_page_does_nothing(api: Api) -> None:
    owner, other = api.user(), api.user()
    asset = make_asset(owner, "kept")["id"]
    forged = make_form_token(SigningKey(KEY), new_id())
    with httpx.Client(base_url=api.root) as browser:
        browser.cookies.set(SESSION_COOKIE, f"{other.app_id}.{other.token}")
        foreign = form_of(browser.get("/assets").text)
        browser.cookies.clear()
        browser.cookies.set(SESSION_COOKIE, f"{owner.app_id}.{owner.token}")
        for form in (forged, foreign, "", "é"):
            refused = browser.post(f"/assets/{asset}/title", data={"title": "changed", "form": form})
            assert refused.status_code == 403
    assert owner.http.get(f"/assets/v1/assets/{asset}/").json()["title"] == "kept"


HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'\u202egpj.exe"
FORM_VALUES = re.compile(r'value="[^"]*"|<textarea.*?</textarea>', re.DOTALL)
"""A form sends back what it was given, with its marks of direction."""


def test_hostile_titles_values_and_comments_are_text(api: Api) -> None:
    owner = api.user(is_admin=True)
    asset = make_asset(owner, HOSTILE)["id"]
    owner.http.post("/assets/v1/collections/", json={"title": HOSTILE})
    for body in ({"segment_text": HOSTILE}, {"segment_text": "x", "drawing": {"a": HOSTILE}}):
        owner.http.post(f"/assets/v1/assets/{asset}/segments/", json={"segment_type": "COMMENT", **body})
    owner.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json={})
    owner.http.put(f"/assets/v1/assets/{asset}/approvals/", json={"status": "APPROVED", "reason": HOSTILE})
    share_url(owner, asset, title=HOSTILE)
    with httpx.Client(base_url=api.root, cookies={SESSION_COOKIE: f"{owner.app_id}.{owner.token}"}) as browser:
        query = {"q": HOSTILE, "media_type": HOSTILE, "sort": HOSTILE, "view": HOSTILE, "page": HOSTILE}
        pages = [browser.get(f"/assets/{asset}"), browser.get("/assets", params=query)]
        pages.append(browser.get("/assets/" + str(uuid4())))
        pages.append(browser.post(f"/assets/{asset}/votes", data={"vote": HOSTILE, "form": form_of(pages[0].text)}))
    assert [page.status_code for page in pages] == [200, 200, 404, 400]
    for page in pages:
        assert "<script>" not in page.text
        assert "<img src=x" not in page.text
        assert "\u202e" not in FORM_VALUES.sub("", page.text)
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "&lt;script&gt;alert(1)" in pages[0].text


def test_hostile_names_of_what_administrators_see_are_text(api: Api) -> None:
    admin = api.user(is_admin=True)
    with api.sessions.begin() as session:
        ids = make_world(session, admin.id, None).ids
        session.get_one(User, UUID(ids["user_id"])).first_name = HOSTILE
        session.get_one(UserGroup, UUID(ids["group_id"])).name = f"{HOSTILE} {uuid4().hex}"
        storage, job = session.get_one(Storage, UUID(ids["storage_id"])), session.get_one(Job, UUID(ids["job_id"]))
        storage.name, storage.frozen_reason = f"{HOSTILE} {uuid4().hex}", HOSTILE
        job.title, job.message = HOSTILE, HOSTILE
        parent = session.get_one(Collection, UUID(ids["collection_id"]))
        parent.title = HOSTILE
        create_collection(session, Collection(title=f"in {HOSTILE}", parent_id=parent.id), admin.actor)
        register_app(session, admin.id, HOSTILE)
    paths = ["/storages", "/storages/{storage_id}", "/users", "/users/{user_id}", "/groups/{group_id}", "/audit"]
    paths += ["/collections", "/collections/{collection_id}", "/approvals", "/work", "/tokens"]
    asked = {"path": f"/{HOSTILE}", "words": HOSTILE, "who": HOSTILE, "type": HOSTILE}
    with httpx.Client(base_url=api.root, cookies={SESSION_COOKIE: f"{admin.app_id}.{admin.token}"}) as browser:
        browser.post("/tokens", data={"name": HOSTILE, "days": "1", "form": form_of(browser.get("/tokens").text)})
        shown = {path: browser.get(path.format_map(ids)) for path in paths}
        said = [browser.get(path, params=asked) for path in ("/explain", "/whole", "/users", "/audit")]
    for page in (*shown.values(), *said):
        assert page.status_code in (200, 400), page.text
        assert "<script>alert" not in page.text
        assert "\u202e" not in FORM_VALUES.sub("", page.text)
        assert "<img src=x" not in page.text
    assert [path for path, page in shown.items() if "&lt;script&gt;alert(1)" not in page.text] == ["/approvals"]


def test_an_unknown_address_is_answered_as_before(api: Api) -> None:
    assert httpx.get(f"{api.root}/nothing").status_code == 404
    assert httpx.get(f"{api.root}/API/nothing").headers["content-type"] == "application/json"


def test_metadata_is_edited_through_a_view_and_faults_are_said_beside_their_fields(api: Api) -> None:
    owner = api.user(is_admin=True)
    asset, suffix = make_asset(owner)["id"], uuid4().hex[:8]
    fields = {f"scene_{suffix}": "string", f"take_{suffix}": "integer", f"tags_{suffix}": "tag_cloud"}
    for name, kind in fields.items():
        owner.http.post("/metadata/v1/fields/", json={"name": name, "label": f"<{name}>", "field_type": kind})
    body = {"name": f"Slate {suffix}", "view_fields": [{"name": name} for name in fields]}
    view = owner.http.post("/metadata/v1/views/", json=body).json()["id"]
    here, (scene, take, tags) = f"/assets/{asset}", [f"field.{name}" for name in fields]
    path = f"{here}/metadata"
    with httpx.Client(base_url=api.root, cookies={SESSION_COOKIE: f"{owner.app_id}.{owner.token}"}) as browser:
        page = browser.get(here, params={"view": view})
        assert f"&lt;scene_{suffix}&gt;" in page.text
        form = {"form": form_of(page.text), "view": view, scene: "<b>7</b>", take: "two", tags: "wide\r\nnight"}
        wrong = browser.post(path, data=form)
        assert wrong.status_code == 400
        assert f'id="{take}.wrong"' in wrong.text
        assert f'id="{scene}.wrong"' not in wrong.text
        assert 'value="two"' in wrong.text, "what was typed is kept"
        assert owner.http.get(f"/metadata/v1/assets/{asset}/").status_code == 404, "nothing was written"
        right = browser.post(path, data={**form, take: "2"}, follow_redirects=True)
        assert 'value="&lt;b&gt;7&lt;/b&gt;"' in right.text
        assert "night\nwide" in right.text or "wide\nnight" in right.text
        assert right.url.path == here
        assert f"<dt>scene_{suffix}</dt><dd>&lt;b&gt;7&lt;/b&gt;</dd>" in browser.get(here, params={"view": "all"}).text
