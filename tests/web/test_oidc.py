"""Sign-in by a provider of OpenID Connect: the whole flow with a provider that runs as a process of its own."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from api.app import create_api
from asgi.context import ApiContext
from asgi.limits.server import connection_limits, make_server
from models.access.user import User
from search.postgres.engine import PostgresEngine
from services.access.oidc import OidcError, OidcProvider, OidcRequest
from services.access.oidc_config import OidcConfig
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.core.signing_key import SigningKey
from services.outbound.config import OutboundConfig
from tests.api.conftest import Api
from tests.api.serve import KEY, TIMING
from tests.waiting import wait_until
from web.app import mount_pages
from web.console import SESSION_COOKIE
from web.sign_in_pages import OIDC_COOKIE

KNOWN, UNKNOWN, UNVERIFIED = (f"{word}-{uuid4().hex[:8]}@example.org" for word in ("known", "unknown", "unverified"))


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The issuer of a provider that knows three people."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    people = [
        {"sub": email, "email": email, "email_verified": email != UNVERIFIED} for email in (KNOWN, UNKNOWN, UNVERIFIED)
    ]
    words = [word for one in people for word in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        issuer = f"http://127.0.0.1:{port}"
        wait_until(lambda: process.poll() is not None or _answers(issuer), what="the provider answers", seconds=30)
        yield issuer
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def root(api: Api, provider: str) -> Iterator[str]:
    """The address of a server that has this provider."""
    context = ApiContext(
        api.sessions,
        PostgresEngine(api.sessions),
        threads=4,
        oidc=OidcConfig(provider, "tapeless", "a secret", "Studio account"),
        outside=OutboundConfig(key=SigningKey(KEY)),
    )
    app = create_api(context)
    news = mount_pages(app, context)
    server = make_server(app, connection_limits(TIMING, 100), on_stop=news.stop, log_config=None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def visitor(root: str) -> Iterator[httpx.Client]:
    """A browser that follows a redirect only when a test says so."""
    with httpx.Client(base_url=root, timeout=30) as client:
        yield client


def sign_in_at_provider(visitor: httpx.Client, email: str, goal: str = "/collections") -> str:
    """Follow the sign-in to the provider as someone, and return the address that it sends the browser back to."""
    leaving = visitor.get("/sign-in/oidc", params={"next": goal})
    assert leaving.status_code == 303, leaving.text
    asked = parse_qs(urlsplit(leaving.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    back = httpx.post(leaving.headers["location"], data={"sub": email})
    assert back.status_code == 302, back.text
    return str(back.headers["location"])


def test_a_user_signs_in_by_the_provider_and_goes_on_to_the_page_asked_for(api: Api, visitor: httpx.Client) -> None:
    with api.sessions.begin() as session:
        create_user(session, User(email=KNOWN), SETUP_ACTOR)
    assert "Sign in with Studio account" in visitor.get("/sign-in").text
    entered = visitor.get(sign_in_at_provider(visitor, KNOWN))
    assert (entered.status_code, entered.headers["location"]) == (303, "/collections"), entered.text
    assert visitor.get("/collections").status_code == 200
    assert OIDC_COOKIE not in visitor.cookies


def test_people_whom_no_administrator_added_or_whose_e_mail_is_not_verified_stay_out(visitor: httpx.Client) -> None:
    for email, status, words in ((UNKNOWN, 403, "an administrator adds it"), (UNVERIFIED, 409, "no verified e-mail")):
        answer = visitor.get(sign_in_at_provider(visitor, email))
        assert answer.status_code == status
        assert words in answer.text
        assert SESSION_COOKIE not in visitor.cookies


def test_a_code_counts_for_the_browser_that_asked_for_it_alone_and_once(api: Api, visitor: httpx.Client) -> None:
    back = sign_in_at_provider(visitor, KNOWN)
    asked = visitor.cookies[OIDC_COOKIE]
    for cookie in (None, "x.y", asked[:-8] + "AAAAAAA="):
        visitor.cookies.clear()
        if cookie:
            visitor.cookies.set(OIDC_COOKIE, cookie)
        assert "another browser" in visitor.get(back).text
    visitor.cookies.set(OIDC_COOKIE, asked)
    assert "without a sign-in" in visitor.get(back.replace("state=", "state=x")).text
    assert visitor.get(back).status_code == 303
    visitor.cookies.set(OIDC_COOKIE, asked)
    assert "gave no token" in visitor.get(back).text
    assert visitor.get("/sign-in/oidc", params={"next": "//evil.example"}).status_code == 303


def test_without_a_provider_there_is_no_such_page(api: Api) -> None:
    assert httpx.get(f"{api.root}/sign-in/oidc").status_code == 404
    assert "Sign in with" not in httpx.get(f"{api.root}/sign-in").text


def test_a_provider_that_does_not_answer_is_not_asked_again_at_once() -> None:
    """Each question takes a thread, for as long as the provider says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        provider = OidcProvider(OidcConfig(issuer, "tapeless", None))

        def hang_up() -> None:
            silent.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        for _ in range(3):
            with pytest.raises(OidcError):
                provider.authorization_url(OidcRequest.new(), f"{issuer}/back")
        thread.join(5)
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()
