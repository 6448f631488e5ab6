"""Writes with an `Idempotency-Key`: executed once, answered alike, and never mixed up."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.api.conftest import Caller
from tests.api.routes.catalog.test_assets import history_of


def test_the_same_key_and_body_answer_what_they_answered_before(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first = owner.http.post("/assets/v1/assets/", json={"title": "once"}, headers=headers)
    again = owner.http.post("/assets/v1/assets/", json={"title": "once"}, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert owner.http.get("/assets/v1/assets/").json()["total"] == 1
    assert len(history_of(owner, first.json()["id"])) == 1


def test_the_same_key_with_another_body_is_a_conflict(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    owner.http.post("/assets/v1/assets/", json={"title": "once"}, headers=headers)
    assert owner.http.post("/assets/v1/assets/", json={"title": "twice"}, headers=headers).status_code == 409


def test_a_refused_write_may_be_repeated_with_its_key(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    gone = owner.http.post("/assets/v1/assets/", json={"title": "x", "collection_id": str(uuid4())}, headers=headers)
    assert gone.status_code == 404
    assert owner.http.post("/assets/v1/assets/", json={"title": "x"}, headers=headers).status_code == 201


def test_two_users_may_use_the_same_key(owner: Caller, stranger: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    made = [user.http.post("/assets/v1/assets/", json={"title": "x"}, headers=headers) for user in (owner, stranger)]
    assert made[0].json()["id"] != made[1].json()["id"]


def test_at_the_same_time_it_is_done_once(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}

    def post(_: int) -> httpx.Response:
        return owner.http.post("/assets/v1/assets/", json={"title": "once"}, headers=headers)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(post, range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_an_answer_that_holds_a_token_is_never_kept(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    made = [owner.http.post("/auth/v1/auth/token/", headers=headers).json()["token"] for _ in range(2)]
    assert made[0] != made[1]
