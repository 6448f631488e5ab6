"""Forms of the console and of shares: who may send them, and how much."""

import re
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import func, select

from models.access.user import App, User, UserGroup
from models.catalog.asset import Asset
from models.catalog.collection import Collection
from models.catalog.storage import Storage
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.core.passwords import hash_password
from tests.api.conftest import Api
from tests.api.routes.catalog.test_assets import make_asset
from tests.api.routes.shares.sharing import share_url
from tests.api.world.objects import make_world
from tests.web.test_console import form_of
from web.app import CONSOLE_ROUTES
from web.console import SESSION_COOKIE
from web.pages import MAX_FIELD_CHARACTERS


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://other.example"}],
    ids=str,
)
@pytest.mark.parametrize("path", ["/sign-in", "/share/{hash}", "/share/{hash}/votes"])
def test_a_page_of_another_site_signs_no_one_in(api: Api, path: str, headers: dict[str, str]) -> None:
    """Else it could have people work in an account of its own."""
    owner, member = api.user(), f"{uuid4().hex}@example.org"
    with api.sessions.begin() as session:
        create_user(session, User(email=member, password_hash=hash_password("correct horse")), SETUP_ACTOR)
    link = share_url(owner, make_asset(owner)["id"], password="correct horse")["url"]
    form = {"email": member, "password": "correct horse"}
    path = path.format(hash=link.rpartition("/")[2])
    with httpx.Client(base_url=api.root, timeout=30) as browser:
        answer = browser.post(path, data=form, headers=headers)
        assert "set-cookie" not in answer.headers
        assert answer.status_code in (403, 404)


def test_what_is_typed_has_the_lengths_of_the_api(api: Api) -> None:
    boss = api.user(is_admin=True)
    with api.sessions.begin() as session:
        world = make_world(session, boss.id, None)
    asset, profile = world.ids["asset_id"], f"/storages/{world.ids['storage_id']}/profile"
    long = "x" * 40_000
    with httpx.Client(base_url=api.root, timeout=30) as browser:
        browser.cookies.set(SESSION_COOKIE, f"{boss.app_id}.{boss.token}")
        form = {"form": form_of(browser.get("/assets").text), "title": long, "name": long}
        for path in (f"/assets/{asset}/title", "/collections", "/groups", "/tokens"):
            assert browser.post(path, data=form).status_code == 400, path
        for deep in ("[" * 20_000, '{"a":' * 5_000):
            assert browser.post(profile, data={"form": form["form"], "profile": deep}).status_code == 400
    with api.sessions() as session:
        for column in (Asset.title, Collection.title, UserGroup.name, App.name, Storage.name):
            assert (session.scalar(select(func.max(func.length(column)))) or 0) <= 1_000, column


def test_no_form_of_the_console_takes_a_long_text_in_a_field_that_names_no_bound(api: Api) -> None:
    boss, forms = api.user(is_admin=True), [route.path for route in CONSOLE_ROUTES if route.method == "POST"]
    with httpx.Client(base_url=api.root, timeout=30) as browser:
        browser.cookies.set(SESSION_COOKIE, f"{boss.app_id}.{boss.token}")
        data = {"form": form_of(browser.get("/collections").text), "new_field": "x" * (MAX_FIELD_CHARACTERS + 1)}
        for path in forms:
            answer = browser.post(re.sub("{[^}]+}", str(uuid4()), path), data=data)
            assert (answer.status_code, "new_field: at most 1,000" in answer.text) == (400, True), path
    assert len(forms) > 40
