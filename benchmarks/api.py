"""Speed of the control API and of the console, as ratios to bare FastAPI routes and bare SQL in the same run.

    python -m benchmarks.api [--assets 100000] [--seconds 5] [--clients 16]

Server, clients and PostgreSQL share the machine; so do the bare ones.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import UUID

import uvicorn
from sqlalchemy import Engine, event, select, text

from api.app import create_api
from asgi.context import ApiContext
from benchmarks.stage.api_bare import bare_app
from models.access.acl import Actor
from models.access.user import User
from models.catalog.asset import Asset
from models.core.sessions import Sessions, make_engine, make_sessions, transact
from models.core.timing import Timing
from models.schema import upgrade_database
from search.postgres.engine import PostgresEngine
from search.query.criteria import parse_criteria
from services.access.tokens import issue_token
from services.access.tokens import register_app as create_api_app
from services.access.users import create_user
from services.core.actors import SETUP_ACTOR
from services.core.signing_key import SigningKey
from services.indexing.drain import drain_index_queue
from services.outbound.config import OutboundConfig
from services.searching.query import load_visibility
from web.app import mount_pages
from web.console import SESSION_COOKIE
from web.search_pages import FACETS, HITS_PER_PAGE
from workers.embedded.postgres import EmbeddedPostgres

THREADS = 16
JSON = {"Content-Type": "application/json"}
CRITERIA = {"query": "shot1*", "facets": ["type", "media_type"], "sort": [{"name": "date_created", "order": "desc"}]}

FILL_ASSETS = text("""
    INSERT INTO asset (id, title, created_by_user)
    SELECT gen_random_uuid(), 'shot' || number || ' plate', CAST(:user AS uuid)
    FROM generate_series(1, :count) AS number
""")
FILL_RIGHTS = text("""
    INSERT INTO acl_entry (object_id, object_type, principal_id, principal_kind, permissions)
    SELECT id, 'assets', created_by_user, 'user', ARRAY['read', 'write', 'delete', 'change-acl'] FROM asset
    WHERE NOT EXISTS (SELECT FROM acl_entry WHERE object_id = asset.id)
""")


@contextmanager
def served(app: Any) -> Iterator[int]:
    """Serve an app in a thread of this process; yields its port."""
    config = uvicorn.Config(app, port=0, access_log=False, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def load(**plan: Any) -> dict[str, float]:
    """Run a load in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.stage.api_load"]
    done = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failed"]:
        raise SystemExit(f"{figures['failed']} requests failed: {plan['method']} {plan['paths'][0]}")
    return figures


def fill(sessions: Sessions, count: int) -> tuple[UUID, dict[str, str]]:
    """A member who owns `count` assets, indexed; its id and the headers that sign it in."""

    def make(session: Any) -> tuple[UUID, dict[str, str]]:
        user = create_user(session, User(email="load@example.org"), SETUP_ACTOR)
        app = create_api_app(session, user.id, "load")
        _, secret = issue_token(session, user.id, app.id)
        session.execute(FILL_ASSETS, {"user": str(user.id), "count": count})
        session.execute(FILL_RIGHTS)
        return user.id, {"App-ID": str(app.id), "Auth-Token": secret}

    made = transact(sessions, make)
    drain_index_queue(sessions, PostgresEngine(sessions), Timing())
    with sessions() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}).execute(text("VACUUM ANALYZE"))
    return made


def compare(sessions: Sessions, headers: dict[str, str], seconds: float, clients: int) -> None:
    """GET and POST of one asset, ours and bare."""
    with sessions() as session:
        ids = [str(asset_id) for asset_id in session.scalars(select(Asset.id).limit(5000))]
    ours, bare = create_api(ApiContext(sessions, PostgresEngine(sessions), threads=THREADS)), bare_app(sessions)
    rates: dict[str, dict[str, dict[str, float]]] = {}
    for name, app, root, sent in (("bare", bare, "/bare/", {}), ("ours", ours, "/API/assets/v1/assets/", headers)):
        with served(app) as port:
            shared = {"port": port, "headers": sent, "clients": clients, "seconds": seconds}
            get = load(method="GET", paths=[f"{root}{asset_id}/" for asset_id in ids], body="", **shared)
            post = load(method="POST", paths=[root], body='{"title": "made under load"}', **shared)
        rates[name] = {"GET": get, "POST": post}
    for verb in ("GET", "POST"):
        ours_now, bare_now = rates["ours"][verb], rates["bare"][verb]
        ratio = ours_now["per_second"] / bare_now["per_second"]
        print(
            f"{verb} asset: {ours_now['per_second']:.0f}/s, bare {bare_now['per_second']:.0f}/s, rate x{ratio:.2f}; "
            f"median {ours_now['median_ms']:.1f} ms, bare {bare_now['median_ms']:.1f} ms, "
            f"time x{ours_now['median_ms'] / bare_now['median_ms']:.2f}"
        )


def compare_search(engine: Engine, sessions: Sessions, user_id: UUID, headers: dict[str, str], times: int) -> None:
    """A search with rights and two facets over HTTP, in turns with its own statements and nothing around them."""
    search, actor = PostgresEngine(sessions), Actor("load", user_id)
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    visibility = load_visibility(sessions, actor)
    event.listen(engine, "before_cursor_execute", note)
    found = search.search(parse_criteria(CRITERIA), visibility)
    event.remove(engine, "before_cursor_execute", note)
    bare, ours = [], []
    with (
        served(create_api(ApiContext(sessions, search, threads=THREADS))) as port,
        closing(HTTPConnection("127.0.0.1", port)) as http,
        engine.connect() as connection,
    ):
        cursor = connection.connection.cursor()
        for _ in range(times):
            start = time.perf_counter()
            for statement, parameters in statements:
                cursor.execute(statement, parameters)
                if cursor.description:
                    cursor.fetchall()
            bare.append(time.perf_counter() - start)
            start = time.perf_counter()
            http.request("POST", "/API/search/v1/search/", json.dumps(CRITERIA), {**headers, **JSON})
            http.getresponse().read()
            ours.append(time.perf_counter() - start)
    median, mine = (sorted(each)[times // 2] * 1000 for each in (bare, ours))
    print(f"search of {found.total} hits: {mine:.1f} ms, bare SQL {median:.1f} ms, time x{mine / median:.2f}")


def compare_page(sessions: Sessions, headers: dict[str, str], times: int) -> None:
    """The first page of assets in the console, in turns with the same search over the API."""
    outside = OutboundConfig(key=SigningKey(b"the key of a benchmark, of no other use"))
    context = ApiContext(sessions, PostgresEngine(sessions), threads=THREADS, outside=outside)
    app = create_api(context)
    mount_pages(app, context)
    cookie = {"Cookie": f"{SESSION_COOKIE}={headers['App-ID']}.{headers['Auth-Token']}"}
    wanted = json.dumps({"doc_types": ["assets"], "facets": list(FACETS)})
    page, search, size = [], [], 0
    with served(app) as port, closing(HTTPConnection("127.0.0.1", port)) as http:
        for _ in range(times):
            start = time.perf_counter()
            http.request("POST", f"/API/search/v1/search/?per_page={HITS_PER_PAGE}", wanted, {**headers, **JSON})
            http.getresponse().read()
            search.append(time.perf_counter() - start)
            start = time.perf_counter()
            http.request("GET", "/assets", headers=cookie)
            size = len(http.getresponse().read())
            page.append(time.perf_counter() - start)
    ours, bare = (sorted(each)[times // 2] * 1000 for each in (page, search))
    print(f"first page: {ours:.1f} ms and {size / 1000:.0f} kB, its search {bare:.1f} ms, time x{ours / bare:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--clients", type=int, default=16)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            upgrade_database(postgres.url())
            engine = make_engine(postgres.url(), pool_size=THREADS)
            sessions = make_sessions(engine)
            user_id, headers = fill(sessions, arguments.assets)
            print(f"{arguments.assets} assets, {arguments.clients} clients")
            compare(sessions, headers, arguments.seconds, arguments.clients)
            compare_search(engine, sessions, user_id, headers, times=50)
            compare_page(sessions, headers, times=50)
            engine.dispose()
        finally:
            postgres.stop()


if __name__ == "__main__":
    main()
