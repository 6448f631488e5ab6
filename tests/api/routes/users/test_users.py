"""Users, groups, signing in and tokens, over HTTP."""

import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.registry import ROUTE_GROUPS
from asgi.routing import sort_routes
from tests.api.conftest import Api, Caller, Client
from tests.api.routes.catalog.test_assets import make_asset
from tests.waiting import wait_until

PASSWORD = "correct horse battery"


def new_email() -> str:
    return f"{uuid4().hex}@example.org"


def test_a_user_reads_itself_and_never_a_password(owner: Caller) -> None:
    me = owner.http.get("/users/v1/users/current/").json()
    assert me["id"] == str(owner.id)
    assert me["type"] == "STANDARD"
    assert "password" not in str(me)


@pytest.mark.parametrize("headers", [{}, {"App-ID": str(uuid4()), "Auth-Token": "x"}, {"App-ID": "x"}])
def test_nobody_is_told_what_is_wrong_with_the_headers(api: Api, headers: dict[str, str]) -> None:
    http = api.client(**headers)
    answer = http.get("/users/v1/users/current/")
    assert answer.status_code == 401
    assert list(answer.json()["errors"]) == ["not authenticated: App-ID and Auth-Token are not a valid token; sign in"]


def test_a_token_works_with_its_own_app_only(api: Api, owner: Caller, stranger: Caller) -> None:
    http = api.client(**{"App-ID": stranger.app_id, "Auth-Token": owner.token})
    assert http.get("/users/v1/users/current/").status_code == 401


def test_signing_in_gives_a_token_that_works_and_ends(api: Api, admin: Caller) -> None:
    email = new_email()
    made = admin.http.post("/users/v1/users/", json={"email": email, "password": PASSWORD, "type": "STANDARD"})
    assert made.status_code == 201
    http = api.client()
    answer = http.post("/auth/v1/auth/simple/login/", json={"email": email.upper(), "password": PASSWORD})
    assert answer.status_code == 201
    token = answer.json()
    headers = {"App-ID": token["app_id"], "Auth-Token": token["token"]}
    assert http.get("/users/v1/users/current/", headers=headers).json()["email"] == email
    assert http.delete("/auth/v1/auth/token/", headers=headers).status_code == 204
    assert http.get("/users/v1/users/current/", headers=headers).status_code == 401


def test_guessing_a_password_is_stopped(api: Api, admin: Caller) -> None:
    email = new_email()
    admin.http.post("/users/v1/users/", json={"email": email, "password": PASSWORD, "type": "STANDARD"})
    http = api.client()
    answers = [http.post("/auth/v1/auth/simple/login/", json={"email": email, "password": "guess"}) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "guess" not in answers[0].text


def test_a_new_password_needs_the_old_one_and_guesses_at_it_are_stopped(api: Api, admin: Caller) -> None:
    email, changed = new_email(), "another one entirely"
    key = admin.http.post("/users/v1/users/", json={"email": email, "password": PASSWORD}).json()["id"]
    login = {"email": email, "password": PASSWORD}
    http = client_of(api, api.http.post("/auth/v1/auth/simple/login/", json=login))
    url = "/users/v1/users/current/"
    for old in ({}, {"old_password": "guess"}):
        refused = http.patch(url, json={"password": changed, **old})
        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["old_password"])
    assert http.patch(f"/users/v1/users/{key}/", json={"password": changed}).status_code == 400
    answers = [http.patch(url, json={"password": changed, "old_password": f"guess {n}"}) for n in range(9)]
    assert [answer.status_code for answer in answers] == [400] * 8 + [429]
    with api.sessions.begin() as session:
        session.execute(text("DELETE FROM sign_in_limit"))
    assert http.patch(url, json={"password": changed, "old_password": PASSWORD}).status_code == 200
    again = api.http.post("/auth/v1/auth/simple/login/", json={"email": email, "password": changed})
    assert again.status_code == 201


def test_unknown_and_known_emails_read_the_same(api: Api, owner: Caller) -> None:
    http = api.client()
    known = http.post("/auth/v1/auth/simple/login/", json={"email": owner.actor.name, "password": "wrong"})
    unknown = http.post("/auth/v1/auth/simple/login/", json={"email": new_email(), "password": "wrong"})
    assert (known.status_code, known.json()["errors"]) == (unknown.status_code, unknown.json()["errors"])


def test_a_member_changes_its_name_but_not_its_rights(owner: Caller) -> None:
    url = f"/users/v1/users/{owner.id}/"
    assert owner.http.patch(url, json={"first_name": "Ada", "type": "STANDARD"}).json()["first_name"] == "Ada"
    assert owner.http.patch(url, json={"is_admin": True, "type": "STANDARD"}).status_code == 403


def test_a_member_makes_no_users_and_no_groups(owner: Caller) -> None:
    assert owner.http.post("/users/v1/users/", json={"email": new_email(), "type": "POWER"}).status_code == 403
    assert owner.http.post("/users/v1/groups/", json={"name": "mine"}).status_code == 403


def test_two_users_never_share_an_email(admin: Caller) -> None:
    body = {"email": new_email(), "type": "STANDARD"}
    assert admin.http.post("/users/v1/users/", json=body).status_code == 201
    again = admin.http.post("/users/v1/users/", json={**body, "email": body["email"].upper()})
    assert again.status_code == 400
    assert list(again.json()["errors"]) == ["email"]


def test_a_deleted_user_is_out_at_once(admin: Caller, owner: Caller) -> None:
    assert admin.http.delete(f"/users/v1/users/{owner.id}/").status_code == 204
    assert owner.http.get("/users/v1/users/current/").status_code == 401
    assert admin.http.get(f"/users/v1/users/{owner.id}/").status_code == 404


def test_groups_gain_and_lose_members(admin: Caller, owner: Caller) -> None:
    group = admin.http.post("/users/v1/groups/", json={"name": f"group {uuid4()}"}).json()
    url = f"/users/v1/groups/{group['id']}/users/{owner.id}/"
    joined = admin.http.post(url)
    assert (joined.status_code, joined.json()["groups"]) == (201, [group["id"]])
    assert admin.http.post(url).status_code == 201
    listed = admin.http.get("/users/v1/users/", params={"groups": group["id"]}).json()
    assert [user["id"] for user in listed["objects"]] == [str(owner.id)]
    assert admin.http.delete(url).status_code == 204
    assert owner.http.get("/users/v1/users/current/").json()["groups"] == []


def test_a_token_is_shown_once(owner: Caller) -> None:
    made = owner.http.post("/auth/v1/auth/token/", params={"expires_in": 60}).json()
    assert len(made["token"]) >= 43
    listed = owner.http.get("/auth/v1/auth/tokens/").json()
    assert {token["token"] for token in listed["objects"]} == {""}
    assert made["id"] in [token["id"] for token in listed["objects"]]
    assert owner.http.get(f"/auth/v1/auth/token/{made['id']}/").json()["expires"] is not None


def test_an_app_has_tokens_of_its_owner_alone(admin: Caller, owner: Caller) -> None:
    app = owner.http.post("/auth/v1/apps/", json={"name": "ingest"}).json()
    token = owner.http.post(f"/auth/v1/apps/{app['id']}/token/").json()
    assert token["app_id"] == app["id"]
    assert admin.http.post(f"/auth/v1/apps/{app['id']}/token/").status_code == 404


def test_cursors_go_on_behind_the_last_row(owner: Caller) -> None:
    for number in range(3):
        owner.http.post("/auth/v1/apps/", json={"name": f"app {number}"})
    first = owner.http.get("/auth/v1/apps/", params={"per_page": 2}).json()
    second = owner.http.get(first["next_url"].removeprefix("/API")).json()
    assert first["total"] == 4
    assert len({app["id"] for app in first["objects"] + second["objects"]}) == 4
    assert second["next_url"] is None


def test_both_slash_forms_and_doubled_slashes_answer_without_redirect(owner: Caller) -> None:
    for path in ("/users/v1/users/current", "/users/v1/users/current/", "/users/v1//users//current/"):
        answer = owner.http.get(path)
        assert (answer.status_code, answer.history) == (200, [])


def test_health_and_readiness_need_no_token(api: Api) -> None:
    assert httpx.get(f"{api.root}/health").json() == {"status": "up"}
    assert httpx.get(f"{api.root}/ready").json() == {"status": "ready", "search": "up"}


@pytest.mark.parametrize(("revision", "status"), [("of a newer version", 200), ("0001", 503)])
def test_a_process_stays_ready_when_the_next_version_has_migrated(api: Api, revision: str, status: int) -> None:
    with api.engine.begin() as connection:
        before = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
    try:
        wait_until(lambda: httpx.get(f"{api.root}/ready").status_code == status, what=f"/ready answers {status}")
    finally:
        with api.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": before})


@pytest.fixture
def signed_in(api: Api, admin: Caller) -> Callable[[], Client]:
    """Sign one and the same user in, once more each time."""
    email = new_email()
    admin.http.post("/users/v1/users/", json={"email": email, "password": PASSWORD, "type": "STANDARD"})

    def sign_in() -> Client:
        return client_of(api, api.http.post("/auth/v1/auth/simple/login/", json={"email": email, "password": PASSWORD}))

    return sign_in


def client_of(api: Api, answer: httpx.Response) -> Client:
    """The client that uses a token which was just made."""
    assert answer.status_code == 201, answer.text
    return api.client(**{"App-ID": answer.json()["app_id"], "Auth-Token": answer.json()["token"]})


def is_in(*clients: Client) -> list[bool]:
    return [client.get("/users/v1/users/current/").status_code == 200 for client in clients]


@pytest.mark.parametrize("way", ["token", "app"])
def test_tokens_end_with_the_sign_in_that_made_them_unless_asked_otherwise(
    api: Api, signed_in: Callable[[], Client], way: str
) -> None:
    first = signed_in()
    app = first.post("/auth/v1/apps/", json={"name": "robot"}).json()["id"]
    path = "/auth/v1/auth/token/" if way == "token" else f"/auth/v1/apps/{app}/token/"
    tied = client_of(api, first.post(path, params={"expires_in": str(5 * 365 * 86_400)}))
    below = client_of(api, tied.post("/auth/v1/auth/token/"))
    free = client_of(api, first.post(path, params={"independent": "true"}))
    ends = [client.get("/auth/v1/auth/token/").json()["expires"] for client in (first, tied, below, free)]
    assert (ends[1], ends[2], ends[3]) == (ends[0], ends[0], None)
    tied.put("/auth/v1/auth/token/")
    assert tied.get("/auth/v1/auth/token/").json()["expires"] == ends[0], "nor are they extended beyond it"
    assert first.delete("/auth/v1/auth/token/").status_code == 204
    assert is_in(first, tied, below, free) == [False, False, False, True]


def test_signing_out_everywhere_ends_all_sign_ins_with_what_they_made(
    api: Api, signed_in: Callable[[], Client]
) -> None:
    here, there = signed_in(), signed_in()
    made = client_of(api, there.post("/auth/v1/auth/token/"))
    free = client_of(api, there.post("/auth/v1/auth/token/", params={"independent": "true"}))
    assert here.delete("/auth/v1/auth/tokens/").status_code == 204
    assert is_in(here, there, made, free) == [False, False, False, True]


CHANGES = {
    f"{route.method} {route.url}": route
    for route in sort_routes(ROUTE_GROUPS)
    if route.method != "GET" and not (route.public or route.browsers or route.is_search)
}


def test_a_user_who_only_browses_reads_and_searches_and_changes_nothing_by_any_route(
    api: Api, admin: Caller, owner: Caller
) -> None:
    asset = make_asset(owner)["id"]
    admin.http.patch(f"/users/v1/users/{owner.id}/", json={"type": "BROWSE_ONLY"})
    assert owner.http.get(f"/assets/v1/assets/{asset}/").status_code == 200
    assert owner.http.post("/search/v1/search/", json={"doc_types": ["assets"]}).status_code == 200
    nothing = str(uuid4())
    for name, route in CHANGES.items():
        url = re.sub(r"{\w+}", nothing, route.url.removeprefix("/API"))
        answer = owner.http.request(route.method, url, json={})
        assert answer.status_code in (400, 403), f"{name}: {answer.status_code}"
        assert answer.status_code == 400 or "browse" in answer.text, f"{name}: {answer.text}"
    assert owner.http.patch(f"/assets/v1/assets/{asset}/", json={"title": "mine"}).status_code == 403
    admin.http.patch(f"/users/v1/users/{owner.id}/", json={"type": "STANDARD"})
    assert owner.http.patch(f"/assets/v1/assets/{asset}/", json={"title": "mine"}).status_code == 200
    assert owner.http.delete("/auth/v1/auth/token/").status_code == 204
