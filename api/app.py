"""Build the API application: routes, error handlers, request limits, request ids and the OpenAPI document."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.documentation import install_documentation
from api.openapi import build_openapi_document
from api.registry import ROUTE_GROUPS
from asgi import errors, health, routing
from asgi.admission import Admission
from asgi.context import ApiContext
from asgi.request_limits import RequestLimits
from asgi.tracing import RequestTracing

API_VERSION = "v1"
DOCUMENT_PATH = "/API/openapi.json"
DOCUMENT_PAUSE_SECONDS = 0.02
"""At least between two responses with the OpenAPI document."""


def create_api(context: ApiContext) -> FastAPI:
    """Build the ASGI application that serves one system."""
    app = FastAPI(
        title="Tapeless",
        version=API_VERSION,
        openapi_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=limit_threads_to_connections,
    )
    app.state.context = context
    app.state.admission = Admission(context)
    health.install_health_routes(app)
    app.add_route(DOCUMENT_PATH, OpenApiDocument(app).respond, include_in_schema=False)
    install_documentation(app, DOCUMENT_PATH)
    routes = routing.install_routes(app, ROUTE_GROUPS)
    app.state.rules = {route.name: route.rule for route in routes}
    errors.install_error_handlers(app)
    app.add_middleware(RequestLimits)
    app.add_middleware(RequestTracing)
    app.openapi = lambda: build_openapi_document(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def limit_threads_to_connections(app: FastAPI) -> AsyncIterator[None]:
    """Limit worker threads to the size of the connection pool, so that no thread waits for a connection."""
    to_thread.current_default_thread_limiter().total_tokens = app.state.context.threads
    yield


class OpenApiDocument:
    """Serves the OpenAPI document, which is built once, in one thread: it takes a second and has most of a megabyte.

    All threads would build it if as many clients asked for it first: 200 of them kept /health waiting for 700 ms, and
    took 575 MB. It is sent to anyone, one at a time with a pause: sixteen clients that ask for nothing else made
    requests of others take nine times as long.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self._content: dict[str, bytes] = {}
        """By encoding."""

    async def respond(self, request: Request) -> Response:
        """Return the document."""
        accepted = request.headers.get("accept-encoding", "")
        encoding = "gzip" if re.search(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", accepted) else "identity"
        async with self._turn:
            if not self._content:
                plain = await run_in_threadpool(lambda: json.dumps(self._app.openapi(), separators=(",", ":")).encode())
                self._content = {"identity": plain, "gzip": await run_in_threadpool(gzip.compress, plain)}
            await asyncio.sleep(DOCUMENT_PAUSE_SECONDS)
        headers = {"vary": "accept-encoding"} | ({"content-encoding": "gzip"} if encoding == "gzip" else {})
        return Response(self._content[encoding], media_type="application/json", headers=headers)
