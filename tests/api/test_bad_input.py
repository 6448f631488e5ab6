"""Bad requests are rejected with the field's name, write nothing, and leave no secret in the log."""

import json
import socket
from typing import Any
from uuid import uuid4

import pytest

from tests.api.conftest import Api, Caller
from tests.api.routes.catalog.test_assets import make_asset
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": 7}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 2000}, "title"),
        ({"title": "x", "type": "MOVIE"}, "type"),
        ({"title": "x", "time_start_milliseconds": 2**70}, "time_start_milliseconds"),
        ({"title": "x", "custom_poster": "not-an-id"}, "custom_poster"),
        ({"title": "a\0b"}, "body"),
        ({"title": "a\ud800b"}, "body"),
        ([], "body"),
        ("text", "body"),
    ],
)
def test_a_body_that_reads_wrong_names_its_field(owner: Caller, body: Any, field: str) -> None:
    content = json.dumps(body).encode()
    answer = owner.http.post("/assets/v1/assets/", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 0


@pytest.mark.parametrize(
    "content", [b"{", b'{"title": "x"', b"\xff\xfe", b"[" * 100_000, b'{"title": "x", "n": ' + b"9" * 5000 + b"}", b""]
)
def test_a_body_that_is_no_json_is_refused(owner: Caller, content: bytes) -> None:
    answer = owner.http.post("/assets/v1/assets/", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["body"]


def test_a_body_nested_beyond_any_purpose_is_refused(owner: Caller) -> None:
    nested: Any = {}
    for _ in range(200):
        nested = {"x": nested}
    answer = owner.http.post("/assets/v1/assets/", json={"title": "x", "y": nested})
    assert answer.status_code == 400
    assert "nested" in answer.json()["errors"]["body"]


def test_a_body_of_ten_megabytes_is_refused(owner: Caller) -> None:
    answer = owner.http.post("/assets/v1/assets/", json={"title": "x", "category": "y" * 10_000_000})
    assert answer.status_code == 413
    assert list(answer.json()["errors"]) == ["body"]


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/assets/v1/assets/not-an-id/", {}, "asset_id"),
        ("/assets/v1/assets/", {"page": "0"}, "page"),
        ("/assets/v1/assets/", {"page": "x"}, "page"),
        ("/assets/v1/assets/", {"per_page": "100000"}, "per_page"),
        ("/assets/v1/assets/", {"sort": "nonsense,desc"}, "sort"),
        ("/assets/v1/assets/", {"filter": "title"}, "filter"),
        ("/assets/v1/assets/", {"filter": "date_created,gt,yesterday"}, "date_created"),
        ("/assets/v1/assets/", {"types": "MOVIE"}, "type"),
        ("/auth/v1/apps/", {"last_id": "x"}, "last_id"),
        ("/acls/v1/acl/planets/x/", {}, "object_type"),
        ("/assets/v1/assets/%00/", {}, "url"),
        ("/assets/v1/assets/", {"sort": "\0"}, "url"),
    ],
)
def test_an_address_that_reads_wrong_names_its_field(
    owner: Caller, path: str, params: dict[str, str], field: str
) -> None:
    answer = owner.http.get(path, params=params)
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_a_page_number_beyond_every_row_is_not_found(owner: Caller) -> None:
    assert owner.http.get("/assets/v1/assets/", params={"page": 10**30}).status_code == 404


def test_unknown_addresses_and_methods_answer_with_json(owner: Caller) -> None:
    for method, path, status in (("GET", "/assets/v1/nothing/", 404), ("PUT", "/assets/v1/assets/", 405)):
        answer = owner.http.request(method, path)
        assert (answer.status_code, type(answer.json()["errors"])) == (status, list)


def test_nobody_explores_the_api_from_outside(api: Api) -> None:
    nobody = api.client()
    assert nobody.post("/assets/v1/assets/", json={"title": 7}).status_code == 401
    assert nobody.get("/assets/v1/assets/not-an-id/").status_code == 401


def test_the_id_of_a_request_is_in_its_answer_and_in_the_log(api: Api, owner: Caller) -> None:
    identity = uuid4().hex
    answer = owner.http.get("/assets/v1/assets/not-an-id/", headers={"X-Request-ID": identity})
    assert answer.headers["x-request-id"] == identity == answer.json()["request_id"]
    wait_until(lambda: identity in api.log.read_text(), what="the log told of the request")


def test_no_secret_reaches_the_log(api: Api, owner: Caller) -> None:
    owner.http.post("/auth/v1/auth/simple/login/", json={"email": "x@example.org", "password": "sesame-opens"})
    owner.http.get("/assets/v1/assets/", params={"filter": "title,eq,hidden-treasure"})
    log = api.log.read_text()
    assert owner.token not in log
    assert "sesame-opens" not in log
    assert "hidden-treasure" not in log


def test_a_client_that_hangs_up_leaves_nothing_behind(api: Api, owner: Caller) -> None:
    before = api.log.read_text().count("failed")
    host, port = api.root.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /API/assets/v1/assets/ HTTP/1.1\r\nHost: x\r\nApp-ID: {owner.app_id}\r\nAuth-Token: {owner.token}"
        connection.sendall(f'{head}\r\nContent-Length: 100\r\n\r\n{{"title": "half'.encode())
    assert make_asset(owner)["title"] == "clip"
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 1
    assert api.log.read_text().count("failed") == before
