"""Liveness (`/health`) and readiness (`/ready`) probes for process managers and load balancers."""

import logging

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from asgi.context import ApiContext
from models.schema import SchemaState, read_schema_state
from search.engine import SearchUnavailableError

log = logging.getLogger(__name__)


def install_health_routes(app: FastAPI) -> None:
    """Add both probes; they need no authentication and are not part of the OpenAPI document."""
    app.add_api_route("/health", get_liveness, methods=["GET"], include_in_schema=False)
    app.add_api_route("/ready", get_readiness, methods=["GET"], include_in_schema=False)


def get_liveness() -> JSONResponse:
    """Return 200 while the process runs."""
    return JSONResponse({"status": "up"})


def get_readiness(request: Request) -> JSONResponse:
    """Return 200 if the database answers and has every migration of this version, else 503.

    A newer version may have migrated it: its processes replace those of this version, which serve until then.
    """
    try:
        with request.app.state.context.sessions() as session:
            state = read_schema_state(session.connection())
    except SQLAlchemyError:
        return JSONResponse({"status": "the database does not answer"}, 503)
    if state is SchemaState.OUTDATED:
        return JSONResponse({"status": "the database lacks migrations: run tapeless migrate"}, 503)
    return JSONResponse({"status": "ready", "search": describe_search_state(request.app.state.context)})


def describe_search_state(context: ApiContext) -> str:
    """Describe the search engine. Its outage does not make the process unready, since the rest of the API works."""
    try:
        context.engine.check(look=True)
    except SearchUnavailableError as error:
        log.warning("search: %s", error)
        return "the search engine does not answer"
    return "up"
