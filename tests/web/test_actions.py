"""What the console does with assets, alone and many, as rows show it afterwards."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import delete

from asgi.admission import WRONG_TOKEN_SECONDS
from models.access.user import Token
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.world.objects import World, make_world
from tests.web.test_console import HOSTILE, form_of
from web.bulk_actions import BULK_ACTIONS
from web.console import SESSION_COOKIE


@dataclass(frozen=True, slots=True)
class Desk:
    """A user with a browser who is signed in."""

    user: Caller
    browser: httpx.Client

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form of this sign-in."""
        return self.browser.post(path, data={"form": form_of(self.browser.get("/collections").text), **fields})

    def read(self, path: str) -> dict:
        """Return what the API says."""
        answer: dict = self.user.http.get(path).json()
        return answer


@pytest.fixture
def desk(api: Api) -> Iterator[Desk]:
    user = api.user(is_admin=True)
    cookies = {SESSION_COOKIE: f"{user.app_id}.{user.token}"}
    with httpx.Client(base_url=api.root, cookies=cookies, timeout=30, follow_redirects=True) as browser:
        yield Desk(user, browser)


@pytest.fixture
def world(api: Api, desk: Desk) -> World:
    with api.sessions.begin() as session:
        return make_world(session, desk.user.id, None)


def test_a_split_is_shown_and_undone(desk: Desk, world: World) -> None:
    here = f"/assets/{world.ids['asset_id']}"
    assert "Check files or whole sets" in desk.browser.get(f"{here}/files").text
    assert desk.post(f"{here}/split", title="x").status_code == 400, "nothing was checked"
    split = desk.post(f"{here}/split", title=HOSTILE, **{f"file.{world.ids['stored_file_id']}": "1"})
    assert "Split off." in split.text
    assert "<script>alert" not in split.text
    assert split.url.path != here
    assert "Undo grouping" in split.text, "from either of them"
    assert "Undo grouping" in desk.browser.get(here).text
    undone = desk.post(f"{here}/undo")
    assert "Undone." in undone.text
    assert "Undo grouping" not in undone.text
    assert undone.url.path == here


def test_chosen_assets_are_tagged_collected_shared_and_merged_together(desk: Desk, world: World) -> None:
    ids = [world.ids["asset_id"], world.ids["related_to_asset_id"]]
    picked = {f"pick.{one}": "1" for one in ids}
    field = f"tags_{uuid4().hex[:8]}"
    desk.user.http.post("/metadata/v1/fields/", json={"name": field, "label": field, "field_type": "tag_cloud"})
    tagged = desk.post("/assets/actions", do="tag", tags=f"wide, {HOSTILE}", field=field, back="/assets?q=x", **picked)
    assert (str(tagged.url).endswith("/assets?q=x&done=tagged"), "The tags were added." in tagged.text) == (True, True)
    for one in ids:
        page = desk.browser.get(f"/assets/{one}").text
        assert "wide" in page
        assert "&lt;script&gt;alert(1)" in page
    shared = desk.post("/assets/actions", do="share", share_title="Two of them", **picked)
    assert shared.url.path.startswith("/collections/")
    assert all(title in shared.text for title in (world.ids["one_title"], world.ids["other_title"]))
    asked = desk.post("/assets/actions", do="merge", **picked)
    assert "Merge 2 assets into one" in asked.text
    merged = desk.post("/assets/actions", do="merge", survivor=ids[0], **picked)
    assert (merged.url.path, "Merged." in merged.text) == (f"/assets/{ids[0]}", True)
    assert desk.read(f"/assets/v1/assets/{ids[1]}/")["id"] == ids[0]


@pytest.mark.parametrize("fields", [{}, {"do": "reindex"}, {"do": "erase", "pick.x": "1"}, {"do": "merge"}])
def test_actions_without_assets_or_a_known_name_do_nothing(desk: Desk, fields: dict[str, str]) -> None:
    assert desk.post("/assets/actions", **fields).status_code == 400


def test_an_action_on_many_does_nothing_where_one_is_another_s_and_says_nothing_of_it(api: Api) -> None:
    """The own one comes first; what was done to it is undone."""
    owner, other = api.user(), api.user()
    mine, theirs, read = make_asset(owner)["id"], make_asset(other, "Their secret")["id"], make_asset(other)["id"]
    other.http.put(f"/acls/v1/users/{owner.id}/acl/assets/{read}/", json={"permissions": ["read"]})
    field = f"tags_{uuid4().hex[:8]}"
    made = api.user(is_admin=True).http.post(
        "/metadata/v1/fields/", json={"name": field, "label": field, "field_type": "tag_cloud"}
    )
    assert made.status_code == 201
    more = {"tags": "wide", "field": field, "new": "Box", "survivor": mine}

    def state() -> list[dict]:
        paths = (f"assets/{mine}/", f"assets/{mine}/history/", f"assets/{mine}/approvals/", "collections/")
        return [owner.http.get(f"/assets/v1/{path}").json() for path in paths]

    before = state()
    with httpx.Client(base_url=api.root, cookies={SESSION_COOKIE: f"{owner.app_id}.{owner.token}"}) as browser:
        desk = Desk(owner, browser)
        for do in BULK_ACTIONS:
            answer = desk.post("/assets/actions", do=do, **more, **{f"pick.{one}": "1" for one in (mine, theirs)})
            assert (answer.status_code, "secret" in answer.text) == (404, False), do
            if do not in ("share", "collect"):  # which a reader may
                answer = desk.post("/assets/actions", do=do, **more, **{f"pick.{one}": "1" for one in (mine, read)})
                assert answer.status_code == 403, do
    assert state() == before


def test_related_assets_are_found_by_title_or_address(desk: Desk, world: World) -> None:
    one, two = (make_asset(desk.user, f"{word} {uuid4().hex}") for word in ("one", "two"))
    here = f"/assets/{one['id']}"
    for other in (two["title"].upper(), f"https://host/assets/{two['id']}#x"):
        related = desk.post(f"{here}/relations", type=world.ids["spare_type"], other=other)
        assert two["title"] in related.text
    assert "no asset has this title" in desk.post(f"{here}/relations", type="x", other=uuid4().hex).text
    removed = desk.post(f"{here}/relations/remove", type=world.ids["spare_type"], source=one["id"], target=two["id"])
    assert two["title"] not in removed.text


def test_what_waits_for_a_user_is_in_its_inbox_until_it_votes(api: Api, desk: Desk) -> None:
    reviewer = api.user(is_admin=True)
    asset = make_asset(desk.user, HOSTILE)["id"]
    desk.user.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json={"users": [str(reviewer.id)]})
    assert "You asked others" in desk.browser.get("/approvals").text
    with httpx.Client(
        base_url=api.root, cookies={SESSION_COOKIE: f"{reviewer.app_id}.{reviewer.token}"}, follow_redirects=True
    ) as other:
        shown = other.get("/approvals")
        assert asset in shown.text
        assert "<script>alert" not in shown.text
        form = {"form": form_of(shown.text), "kind": "assets", "object": asset, "vote": "APPROVED", "reason": "fine"}
        assert f"/assets/{asset}" not in other.post("/approvals", data=form).text


def test_a_token_is_shown_once_and_ends(desk: Desk, api: Api) -> None:
    made = desk.post("/tokens", name="Nightly export", days="30").text
    app, secret = (made.split(f"{word}: ")[1].split("\n")[0].split("<")[0] for word in ("App-ID", "Auth-Token"))
    headers = {"App-ID": app, "Auth-Token": secret}
    assert api.client(**headers).get("/users/v1/users/current/").status_code == 200
    listed = desk.browser.get("/tokens").text
    assert "Nightly export" in listed
    assert secret not in listed
    token = desk.user.http.get("/auth/v1/auth/tokens/").json()["objects"]
    newest = next(one["id"] for one in token if one["app_id"] == app)
    assert "ended" in desk.post("/tokens/end", token=newest).text
    assert api.client(**headers).get("/users/v1/users/current/").status_code == 401


def test_events_name_what_changed_to_users_alone(api: Api, desk: Desk) -> None:
    for path, status in (("/events", 401), ("/assets", 303)):
        assert httpx.get(api.root + path).status_code == status
        start = time.monotonic()
        assert httpx.get(api.root + path, cookies={SESSION_COOKIE: f"{uuid4()}.wrong"}).status_code == status
        assert time.monotonic() - start >= WRONG_TOKEN_SECONDS, "as a wrong token of the API"
    with desk.browser.stream("GET", "/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 3000"
        heard = ""
        while "assets" not in heard:
            make_asset(desk.user)
            heard = next(line for line in lines if line.startswith(("data:", ":")))
        assert heard.startswith("data: assets")
        # A right ends with its right: the stream ends where the user signs out, also from elsewhere.
        with api.sessions.begin() as session:
            session.execute(delete(Token).where(Token.user_id == desk.user.id))
        assert [line for line in lines if line.startswith("data:")] == []
    assert desk.browser.get("/events").status_code == 401
