"""Build the API application: routes, error handlers, request limits, request ids and the OpenAPI document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import errors, health, routing
from api.context import Context
from api.intake import Intake
from api.services.everything import SERVICES
from api.tracing import Tracing

VERSION = "v1"


def create_app(context: Context) -> FastAPI:
    """Build the ASGI application that serves one system."""
    app = FastAPI(
        title="Tapeless",
        version=VERSION,
        openapi_url="/API/openapi.json",
        docs_url="/API/docs",
        redoc_url=None,
        redirect_slashes=False,
        lifespan=as_many_threads_as_connections,
    )
    app.state.context = context
    health.install(app)
    app.state.routes = routing.install(app, SERVICES)
    app.state.public_names = {route.name for route in app.state.routes if route.public}
    app.state.guest_names = {route.name for route in app.state.routes if route.guests}
    errors.install(app)
    app.add_middleware(Intake)
    app.add_middleware(Tracing)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def as_many_threads_as_connections(app: FastAPI) -> AsyncIterator[None]:
    """Limit worker threads to the size of the connection pool, so that no thread waits for a connection."""
    to_thread.current_default_thread_limiter().total_tokens = app.state.context.threads
    yield


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with 400 instead of the framework's 422 and the two authentication headers."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Errors"] = ERRORS_SCHEMA
        document["components"]["securitySchemes"] = {
            "App-ID": {"type": "apiKey", "in": "header", "name": "App-ID"},
            "Auth-Token": {"type": "apiKey", "in": "header", "name": "Auth-Token"},
        }
        document["security"] = [{"App-ID": [], "Auth-Token": []}]
        app.openapi_schema = document
    return app.openapi_schema


ERRORS_SCHEMA = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        },
        "request_id": {"type": "string"},
    },
}
