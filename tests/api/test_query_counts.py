"""Lists need a constant number of queries, independent of the number of rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from api.app import create_api
from asgi.context import ApiContext
from search.postgres.engine import PostgresEngine
from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.files.test_files import watch
from tests.api.routes.jobs.test_jobs import post_job
from tests.api.routes.search.test_search import drain_all
from tests.api.routes.shares.sharing import share_with

SIGN_IN = 1


@contextmanager
def counted(api: Api) -> Iterator[list[str]]:
    """Record the statements that are sent meanwhile."""
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(api.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(api.engine, "before_cursor_execute", note)


def ask(app: FastAPI, method: str, url: str, caller: Caller, **options: Any) -> Any:
    """One request within this process, where its statements can be seen."""

    async def send() -> httpx.Response:
        headers = {"App-ID": caller.app_id, "Auth-Token": caller.token}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/API") as client:
            return await client.request(method, url, headers=headers, **options)

    answer = anyio.run(send)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assets(api: Api, owner: Caller, count: int) -> str:
    for number in range(count):
        make_asset(owner, f"clip {number}")
    return "/assets/v1/assets/"


def history(api: Api, owner: Caller, count: int) -> str:
    asset = make_asset(owner)["id"]
    for number in range(count):
        owner.http.patch(f"/assets/v1/assets/{asset}/", json={"title": f"t{number}"})
    return f"/assets/v1/assets/{asset}/history/"


def relations(api: Api, owner: Caller, count: int) -> str:
    asset = make_asset(owner)["id"]
    for _ in range(count):
        owner.http.post(f"/assets/v1/assets/{asset}/relations/sibling/{make_asset(owner)['id']}/")
    return f"/assets/v1/assets/{asset}/relations/"


def formats(api: Api, owner: Caller, count: int) -> str:
    asset = make_asset(owner)["id"]
    body = {"name": "p", "components": [{"name": "v", "type": "VIDEO"}]}
    for _ in range(count):
        owner.http.post(f"/files/v1/assets/{asset}/formats/", json=body)
    return f"/files/v1/assets/{asset}/formats/"


def files(api: Api, owner: Caller, count: int) -> str:
    return f"/files/v1/assets/{watch(api, owner, count).asset_id}/files/"


def jobs(api: Api, owner: Caller, count: int) -> str:
    for _ in range(count):
        post_job(owner, steps=[{"label": "a", "status": "DONE"}])
    return "/jobs/v1/jobs/"


def users(api: Api, owner: Caller, count: int) -> str:
    for _ in range(count):
        api.user()
    return "/users/v1/users/"


def collections(api: Api, owner: Caller, count: int) -> str:
    """What is inside a collection: assets and collections side by side."""
    holder = owner.http.post("/assets/v1/collections/", json={"title": "c"}).json()["id"]
    for number in range(count):
        owner.http.post("/assets/v1/assets/", json={"title": f"clip {number}", "collection_id": holder})
        owner.http.post("/assets/v1/collections/", json={"title": "inside", "parent_id": holder})
    return f"/assets/v1/collections/{holder}/contents/"


def shares(api: Api, owner: Caller, count: int) -> str:
    for number in range(count):
        share_with(owner, make_asset(owner)["id"], f"a{number}@example.org", f"b{number}@example.org")
    return "/assets/v1/shares/"


def segments(api: Api, owner: Caller, count: int) -> str:
    asset = make_asset(owner)["id"]
    for _ in range(count):
        owner.http.post(f"/assets/v1/assets/{asset}/segments/", json={"segment_type": "COMMENT"})
    return f"/assets/v1/assets/{asset}/segments/"


def votes(api: Api, owner: Caller, count: int) -> str:
    asset = make_asset(owner)["id"]
    voters = [api.user() for _ in range(count)]
    request = {"users": [str(voter.id) for voter in voters]}
    owner.http.post(f"/assets/v1/assets/{asset}/approvals/request/", json=request)
    for voter in voters:
        rights = f"/acls/v1/users/{voter.id}/acl/assets/{asset}/"
        owner.http.put(rights, json={"permissions": ["read"]})
        voter.http.put(f"/assets/v1/assets/{asset}/approvals/", json={"status": "APPROVED"})
    return f"/assets/v1/assets/{asset}/approvals/"


@pytest.mark.parametrize(
    ("make", "most"),
    [
        (assets, 8),
        (history, 3),
        (relations, 10),
        (formats, 4),
        (files, 6),
        (jobs, 4),
        (users, 3),
        (shares, 8),
        (collections, 16),
        (segments, 5),
        (votes, 3),
    ],
)
def test_a_list_asks_as_often_for_many_rows_as_for_one(
    api: Api, owner: Caller, stranger: Caller, make: Callable[[Api, Caller, int], str], most: int
) -> None:
    app = create_api(ApiContext(api.sessions, PostgresEngine(api.sessions)))
    counts = []
    for caller, count in ((owner, 1), (stranger, 12)):
        url = make(api, caller, count)
        ask(app, "GET", url, caller)
        with counted(api) as statements:
            body = ask(app, "GET", url, caller, params={"per_page": 1000})
        assert len(body["objects"]) >= count
        counts.append(len(statements))
    assert counts[0] == counts[1] <= SIGN_IN + most


def test_a_search_asks_as_often_for_many_hits_as_for_one(api: Api, owner: Caller, stranger: Caller) -> None:
    app = create_api(ApiContext(api.sessions, PostgresEngine(api.sessions)))
    counts = []
    for caller, count in ((owner, 1), (stranger, 12)):
        assets(api, caller, count)
        drain_all(api)
        ask(app, "POST", "/search/v1/search/", caller, json={})
        with counted(api) as statements:
            body = ask(app, "POST", "/search/v1/search/", caller, json={}, params={"per_page": 100})
        assert body["total"] == count
        counts.append(len(statements))
    assert counts[0] == counts[1]
