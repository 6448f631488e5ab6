"""One API process on a database of its own for all tests of this folder; each test makes its own users and objects."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine

from models.access.acl import Actor
from models.access.user import User
from models.core.sessions import Sessions, make_engine, make_sessions
from services.access.tokens import issue_token, register_app
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from tests import plain_http
from tests.api.answer_checks import CheckedClient
from tests.servers import Servers
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Client:
    """Sends the same headers with every request, over connections that all clients share."""

    http: httpx.Client = field(repr=False)
    headers: dict[str, str] = field(repr=False, default_factory=dict)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return self.http.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a token and a client that sends it."""

    actor: Actor
    app_id: str
    token: str
    http: Client = field(repr=False)

    @property
    def id(self) -> UUID:
        assert self.actor.user_id is not None
        return self.actor.user_id


@dataclass(frozen=True, slots=True)
class Api:
    """The running process, and its database for what no route does."""

    root: str
    engine: Engine
    sessions: Sessions
    log: Path
    http: httpx.Client

    def client(self, **headers: str) -> Client:
        """A client that sends these headers alone."""
        return Client(self.http, headers)

    def user(self, *, is_admin: bool = False, email: str | None = None) -> Caller:
        """A new user who is signed in."""
        with self.sessions.begin() as session:
            email = email or f"{uuid4().hex}@example.org"
            user = create_user(session, User(email=email, is_admin=is_admin), SETUP_ACTOR)
            app = register_app(session, user.id, "tests")
            _, secret = issue_token(session, user.id, app.id)
        actor = Actor(name=email, user_id=user.id, is_admin=is_admin)
        headers = {"App-ID": str(app.id), "Auth-Token": secret}
        return Caller(actor, str(app.id), secret, self.client(**headers))


@pytest.fixture(scope="session")
def api(servers: Servers, database_names: Iterator[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API process of this worker, ready to answer; a folder that borrows this fixture has one of its own."""
    name = next(database_names)
    servers.create_database(name)
    url, folder = servers.postgres.url(name), tmp_path_factory.mktemp("api")
    engine = make_engine(url)
    port_file, log = folder / "port", folder / "log"
    with open(log, "wb") as output:
        command = [sys.executable, "-m", "tests.api.serve", url, str(port_file)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        wait_until(lambda: process.poll() is not None or _port(port_file), what=f"the API started: {log}", seconds=120)
        root = f"http://127.0.0.1:{_port(port_file)}"
        wait_until(lambda: _answers(root), what="the API answered", seconds=30)
        with CheckedClient(base_url=f"{root}/API", timeout=30) as http:
            yield Api(root, engine, make_sessions(engine), log, http)
    finally:
        process.terminate()
        process.wait(20)
        engine.dispose()
        servers.drop_database(name)


def _port(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _answers(root: str) -> bool:
    try:
        return plain_http.get(f"{root}/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def admin(api: Api) -> Caller:
    """An administrator."""
    return api.user(is_admin=True)


@pytest.fixture
def owner(api: Api) -> Caller:
    """A member who makes objects."""
    return api.user()


@pytest.fixture
def stranger(api: Api) -> Caller:
    """A member without any right."""
    return api.user()
