"""Callers are known before their bodies are read, bodies have limits by caller, and no caller takes all threads."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from asgi.admission import WRONG_TOKEN_SECONDS
from asgi.limits.bodies import DEFAULT_BODY_BYTES, GUEST_BODY_BYTES, MAX_BODY_VALUES, PUBLIC_BODY_BYTES
from asgi.request_body import MAX_REPORTED_ERRORS
from tests.api.conftest import Api, Caller, Client
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.shares.sharing import guest_of, share_url
from tests.waiting import wait_until

SIGN_IN = "/auth/v1/auth/simple/login/"


def send_head(api: Api, path: str, length: int, headers: dict[str, str]) -> int:
    """Send the head of a POST and nothing of its body; return the status of the answer."""
    host, port = api.root.removeprefix("http://").split(":")
    lines = {"Host": host, "Content-Type": "application/json", "Content-Length": str(length), **headers}
    head = f"POST /API{path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(f"{head}\r\n".encode())
        return int(connection.recv(1000).split(b" ")[1])


@pytest.mark.parametrize("headers", [{}, {"App-ID": str(uuid4()), "Auth-Token": "x"}, {"Share-Auth-Token": "share.x"}])
def test_a_body_without_a_valid_token_is_never_waited_for(api: Api, headers: dict[str, str]) -> None:
    assert send_head(api, "/users/v1/users/", 1_800_000, headers) == 401


def test_a_large_body_is_never_waited_for_once_its_token_was_revoked_and_a_small_one_does_nothing(
    api: Api, owner: Caller
) -> None:
    assert owner.http.get("/assets/v1/assets/").status_code == 200
    headers = {name: owner.http.headers[name] for name in ("App-ID", "Auth-Token")}
    assert owner.http.delete("/auth/v1/auth/token/").status_code == 204
    assert owner.http.post("/assets/v1/assets/", json={"title": "clip"}).status_code == 401
    assert send_head(api, "/assets/v1/assets/", 20_000, headers) == 401


def test_wrong_tokens_are_refused_late_and_wait_for_no_other(api: Api) -> None:
    def guess(_number: int) -> int:
        return api.client(**{"App-ID": str(uuid4()), "Auth-Token": "x"}).get("/users/v1/users/").status_code

    start = time.monotonic()
    with ThreadPoolExecutor(20) as guesses:
        assert set(guesses.map(guess, range(20))) == {401}
    assert WRONG_TOKEN_SECONDS <= time.monotonic() - start < 20 * WRONG_TOKEN_SECONDS


def test_a_response_before_the_body_was_read_announces_the_end_of_the_connection(api: Api, owner: Caller) -> None:
    refused = api.http.post("/assets/v1/assets/", json={"title": "clip"})
    read = owner.http.post("/assets/v1/assets/", json={"title": "clip"})
    assert (refused.status_code, refused.headers.get("connection")) == (401, "close")
    assert (read.status_code, read.headers.get("connection")) == (201, None)


def test_a_guest_is_refused_on_a_route_for_users_before_its_body(api: Api, owner: Caller) -> None:
    guest = guest_of(api, share_url(owner, make_asset(owner)["id"])["url"])
    for _known in (False, True):
        assert send_head(api, "/assets/v1/assets/", 100, guest.headers) == 403


def test_a_body_is_too_large_by_who_sends_it_and_where(api: Api, owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    guest = guest_of(api, share_url(owner, asset, allow_comments=True)["url"])
    segments = f"/assets/v1/assets/{asset}/segments/"
    for path, limit, headers in (
        (SIGN_IN, PUBLIC_BODY_BYTES, {}),
        (segments, GUEST_BODY_BYTES, guest.headers),
        ("/assets/v1/assets/", DEFAULT_BODY_BYTES, owner.http.headers),
    ):
        assert send_head(api, path, limit + 1, headers) == 413
        with_blanks = b"{}".ljust(limit)
        answer = api.http.post(path, content=with_blanks, headers={**headers, "Content-Type": "application/json"})
        assert answer.status_code == 400, path


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"[" + b"1," * MAX_BODY_VALUES + b"1]", "application/json", "values"),
        (b'{"a":' * 41 + b"1" + b"}" * 41, "application/json", "nested"),
        (b"[" * 50_000 + b"]" * 50_000, "application/json", "nested"),
        (b"{}", "text/plain", "application/json"),
        (b"{}", "", "application/json"),
        (b"", "application/json", "required"),
        (b'{"title": 1' + b"0" * 5_000 + b"}", "application/json", "JSON"),
    ],
)
def test_a_body_that_no_route_can_use_is_refused(
    owner: Caller, content: bytes, content_type: str, message: str
) -> None:
    answer = owner.http.post("/assets/v1/assets/", content=content, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert message in answer.json()["errors"]["body"]


def test_of_many_errors_the_first_are_reported(owner: Caller) -> None:
    asset = make_asset(owner)["id"]
    body = {"objects": [{"time_start_milliseconds": "x", "segment_text": 7, "drawing": 7}] * 900}
    answer = owner.http.post(f"/assets/v1/assets/{asset}/segments/bulk/", json=body)
    assert answer.status_code == 400
    assert 0 < len(answer.json()["errors"]) <= MAX_REPORTED_ERRORS


@pytest.mark.parametrize(
    ("query", "status"), [("x" * 9_000, 414), ("a=1&" * 150, 400), ("filter=" + "a" * 2_100, 400), ("sort=title", 200)]
)
def test_an_address_has_a_length_and_a_number_of_parameters(owner: Caller, query: str, status: int) -> None:
    assert owner.http.get(f"/assets/v1/assets/?{query}").status_code == status


@contextmanager
def locked(api: Api, asset_id: str) -> Iterator[None]:
    """Hold the row of an asset, so that requests that change it wait in their threads."""
    with api.engine.begin() as connection:
        connection.execute(text("SELECT 1 FROM asset WHERE id = :id FOR UPDATE"), {"id": asset_id})
        yield


def waiting_requests(api: Api) -> int:
    """Return how many statements wait for a lock."""
    with api.engine.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(connection.scalar(text(query)))


def test_a_caller_whose_requests_all_wait_leaves_threads_to_others(api: Api, owner: Caller, stranger: Caller) -> None:
    asset = make_asset(owner)["id"]
    stranger.http.get("/assets/v1/assets/")

    def change(_: int) -> httpx.Response:
        return owner.http.patch(f"/assets/v1/assets/{asset}/", json={"title": "changed"})

    with ThreadPoolExecutor(20) as threads:
        with locked(api, asset):
            changes = [threads.submit(change, number) for number in range(20)]
            wait_until(lambda: waiting_requests(api) >= 2, what="the share of the caller waited")
            start = time.monotonic()
            assert stranger.http.get("/assets/v1/assets/").status_code == 200
            assert stranger.http.post("/assets/v1/assets/", json={"title": "mine"}).status_code == 201
            assert [httpx.get(api.root + path).status_code for path in ("/health", "/ready")] == [200, 200]
            assert time.monotonic() - start < 5
            assert waiting_requests(api) == 2
        assert {done.result().status_code for done in changes} <= {200, 429}


def test_a_large_response_arrives_whole(api: Api) -> None:
    plain = {"Accept-Encoding": "identity"}
    document = httpx.get(f"{api.root}/API/openapi.json", headers=plain, timeout=30)  # it is built now
    assert int(document.headers["content-length"]) == len(document.content) > 400_000
    assert json.loads(document.content)["openapi"]


def test_a_public_route_counts_by_address(api: Api) -> None:
    """Sign-ins of one address share its threads; more of them wait, and none is lost."""
    body: dict[str, Any] = {"email": "nobody@example.org", "password": "wrong password"}

    def sign_in(client: Client) -> int:
        return client.post(SIGN_IN, json=body).status_code

    with ThreadPoolExecutor(12) as threads:
        assert set(threads.map(sign_in, [api.client()] * 12)) <= {401, 429}
