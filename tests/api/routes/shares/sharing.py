"""Helpers to create shares and to log in through them, as clients do."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.api.conftest import Api, Caller, Client

FLAGS = {
    "allow_approving_comments": False,
    "allow_comments": False,
    "allow_download": False,
    "allow_setting_approve_status": False,
}
LOGIN = "/assets/v1/shares/auth/login/"


def shares_of(asset_id: str, kind: str = "assets") -> str:
    return f"/assets/v1/{kind}/{asset_id}/shares/"


def share_url(owner: Caller, object_id: str, *, kind: str = "assets", **body: Any) -> dict[str, Any]:
    """A share by one link."""
    answer = owner.http.post(shares_of(object_id, kind) + "url/", json={**FLAGS, **body})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def share_with(owner: Caller, object_id: str, *emails: str, **body: Any) -> dict[str, Any]:
    """A share by e-mail."""
    answer = owner.http.post(shares_of(object_id), json={**FLAGS, "emails": list(emails), **body})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


def hash_of(url: str) -> str:
    return url.rpartition("/")[2]


def log_in(api: Api, url: str, password: str | None = None) -> httpx.Response:
    """What the link of this address gives."""
    body = {"hash": hash_of(url)} | ({"password": password} if password is not None else {})
    return api.http.post(LOGIN, json=body)


def guest_of(api: Api, url: str, password: str | None = None) -> Client:
    """Log a guest in with this link."""
    answer = log_in(api, url, password)
    assert answer.status_code == 200, answer.text
    token = answer.json()
    return api.client(**{"App-ID": token["app_id"], "Auth-Token": token["token"]})


def let_end(api: Api, share_id: str) -> None:
    """Move a share's end into the past."""
    with api.sessions.begin() as session:
        session.execute(text("UPDATE share SET expires = now() - interval '1 second' WHERE id = :id"), {"id": share_id})


def forget_tries(api: Api) -> None:
    """Reset the counters of login attempts: all tests use one address."""
    with api.sessions.begin() as session:
        session.execute(text("DELETE FROM sign_in_limit WHERE subject LIKE 'share-%' OR subject LIKE 'guest-%'"))


@pytest.fixture
def uncounted(api: Api) -> Iterator[None]:
    """Isolate the counters of login attempts of this test from other tests."""
    forget_tries(api)
    yield
    forget_tries(api)
