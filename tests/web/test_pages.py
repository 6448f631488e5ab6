"""What all pages share: whose forms they take, how long their fields are, and how many responses stay unread."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Message

import web
from asgi.admission import MAX_OPEN_REQUESTS_PER_CALLER, Admission
from asgi.context import ApiContext
from asgi.limits.fair_gate import MAX_WAITING_PER_CALLER
from models.core.sessions import make_engine, make_sessions
from search.postgres.engine import PostgresEngine
from services.core.errors import PermissionDenied, RateLimited, ValidationFailed
from services.shares.links import SHARE_PAGE_PATH
from web.app import mount_pages
from web.live import NEWS_PATH
from web.pages import (
    FIELD_PREFIX,
    LONG_FIELDS,
    MAX_FIELD_CHARACTERS,
    MAX_FORM_BYTES,
    PageEndpoint,
    parse_form,
    require_own_site,
)

OTHER_ADDRESS = "192.0.2.8"


def make_context() -> ApiContext:
    sessions = make_sessions(make_engine("postgresql+psycopg://nowhere/nothing"))
    return ApiContext(sessions, PostgresEngine(sessions))


def ask(method: str = "POST", host: str = "192.0.2.7", **headers: str) -> dict:
    """Return the scope of a request."""
    lines = {"host": "Tapeless:8780", **{name.replace("_", "-"): value for name, value in headers.items()}}
    encoded = [(name.encode(), value.encode()) for name, value in lines.items()]
    return {"type": "http", "method": method, "path": "/", "client": (host, 1), "headers": encoded}


@pytest.mark.parametrize(
    ("headers", "public_url", "is_own"),
    [
        ({}, None, True),
        ({"origin": "http://tapeless:8780"}, None, True),
        ({"origin": "http://tapeless:8781"}, None, False),
        ({"origin": "http://other.example"}, None, False),
        ({"origin": "null"}, None, False),
        ({"origin": "http://["}, None, False),
        ({"origin": "https://media.example.org"}, "https://Media.example.org/", True),
        ({"origin": "https://other.example"}, "https://media.example.org", False),
        ({"origin": "null"}, "media.example.org", False),
        ({"sec_fetch_site": "same-origin", "origin": "https://behind.a.proxy"}, None, True),
        ({"sec_fetch_site": "none"}, None, True),
        ({"sec_fetch_site": "cross-site", "origin": "http://tapeless:8780"}, None, False),
        ({"sec_fetch_site": "same-site"}, None, False),
        ({"sec_fetch_site": "x"}, None, False),
        ({"sec_fetch_site": ""}, None, False),
    ],
)
def test_a_form_is_of_this_site_by_what_browsers_say_of_it(
    headers: dict[str, str], public_url: str | None, *, is_own: bool
) -> None:
    require_own_site(Request(ask("GET", **headers)), public_url)
    if is_own:
        require_own_site(Request(ask(**headers)), public_url)
    else:
        with pytest.raises(PermissionDenied):
            require_own_site(Request(ask(**headers)), public_url)


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("new_field", MAX_FIELD_CHARACTERS),
        ("title", 1_000),
        ("pick.x", MAX_FIELD_CHARACTERS),
        (f"{FIELD_PREFIX}x", MAX_FORM_BYTES),
        *LONG_FIELDS.items(),
    ],
)
def test_each_field_of_a_form_has_a_length(name: str, longest: int) -> None:
    assert longest <= MAX_FORM_BYTES
    assert parse_form(urlencode({name: "\u00fc" * longest}).encode()) == {name: "\u00fc" * longest}
    with pytest.raises(ValidationFailed) as refused:
        parse_form(urlencode({name: "x" * (longest + 1)}).encode())
    assert refused.value.field == name


def test_pages_read_forms_in_one_place() -> None:
    """Where the lengths of their fields are checked."""
    reads = re.compile(r"parse_qsl?\(|\.form\(\)|\.body\(\)|\.json\(\)|\.stream\(\)")
    files = Path(web.__file__).parent.glob("*.py")
    assert {file.name: len(found) for file in files if (found := reads.findall(file.read_text()))} == {"pages.py": 1}


def test_responses_that_an_address_does_not_read_are_as_few_as_those_of_a_caller_of_the_api() -> None:
    begun: list[str] = []
    all_began = asyncio.Event()

    async def respond(request: Request) -> Response:
        begun.append(request.client.host if request.client else "")
        if begun[-1] == OTHER_ADDRESS:  # the last of those that are asked
            all_began.set()
        return Response("page")

    def refuse(_wait: RateLimited) -> Response:
        begun.append("refused")
        return Response(status_code=429)

    async def run() -> None:
        is_read = asyncio.Event()

        async def send(_message: Message) -> None:
            await is_read.wait()

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        endpoint, flood = PageEndpoint(Admission(make_context()), respond, refuse), "192.0.2.7"
        wanted = MAX_OPEN_REQUESTS_PER_CALLER + MAX_WAITING_PER_CALLER
        asked = [asyncio.ensure_future(endpoint(ask("GET", flood), receive, send)) for _ in range(wanted)]
        for host in (flood, OTHER_ADDRESS):
            asked.append(asyncio.ensure_future(endpoint(ask("GET", host), receive, send)))
        await all_began.wait()
        assert begun == [*[flood] * MAX_OPEN_REQUESTS_PER_CALLER, "refused", OTHER_ADDRESS]
        is_read.set()
        await asyncio.gather(*asked)
        assert begun.count(flood) == wanted

    asyncio.run(run())


def test_every_page_counts_what_is_not_read() -> None:
    """All but the stream of events, of which each user has few, and static files, which are the same bytes for all."""
    context, app = make_context(), FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.admission = Admission(context)
    mount_pages(app, context)
    shares = next(one for one in app.routes if isinstance(one, Mount) and one.path == f"/{SHARE_PAGE_PATH}")
    pages = [one for one in (*app.routes, *shares.routes) if isinstance(one, Route)]
    assert {one.path for one in pages if not isinstance(one.endpoint, PageEndpoint)} == {NEWS_PATH}
    assert len(pages) > 70
