"""After the commit of a request that may have changed what a search finds, the indexer is woken."""

import anyio
import httpx
import pytest
from fastapi import FastAPI

from api.app import create_api
from asgi.context import ApiContext
from search.postgres.engine import PostgresEngine
from tests.api.conftest import Api, Caller


def send(app: FastAPI, method: str, path: str, caller: Caller, **options: object) -> int:
    """The status of one request within this process."""

    async def exchange() -> httpx.Response:
        headers = {"App-ID": caller.app_id, "Auth-Token": caller.token}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test/API") as client:
            return await client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    return anyio.run(exchange).status_code


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "woken"),
    [
        ("POST", "/assets/v1/assets/", {"title": "new"}, 201, 1),
        ("GET", "/assets/v1/assets/", None, 200, 0),
        ("POST", "/search/v1/search/", {"query": "new"}, 200, 0),
        ("POST", "/assets/v1/assets/", {"title": 7}, 400, 0),
        ("DELETE", "/assets/v1/assets/00000000-0000-0000-0000-000000000007/", None, 404, 0),
    ],
)
def test_a_committed_write_wakes_the_indexer_and_nothing_else_does(
    api: Api, owner: Caller, method: str, path: str, body: object, status: int, woken: int
) -> None:
    calls: list[None] = []
    engine = PostgresEngine(api.sessions)
    app = create_api(ApiContext(api.sessions, engine, wake_indexer=lambda: calls.append(None)))
    assert send(app, method, path, owner, json=body) == status
    assert len(calls) == woken
