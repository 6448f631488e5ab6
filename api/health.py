"""Two questions of whoever keeps the process alive: does it run (`/health`), and can it work (`/ready`)?"""

import logging

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from api.context import Context
from models.schema import alembic_config
from search.engine import SearchUnavailableError

log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Add both, outside of the services and without signing in."""
    app.add_api_route("/health", health, methods=["GET"], include_in_schema=False)
    app.add_api_route("/ready", ready, methods=["GET"], include_in_schema=False)


def health() -> JSONResponse:
    """The process runs."""
    return JSONResponse({"status": "up"})


def ready(request: Request) -> JSONResponse:
    """The database answers and has every migration that this code knows."""
    try:
        with request.app.state.context.sessions() as session:
            heads = set(MigrationContext.configure(session.connection()).get_current_heads())
    except SQLAlchemyError:
        return JSONResponse({"status": "the database does not answer"}, 503)
    if heads != set(ScriptDirectory.from_config(alembic_config()).get_heads()):
        return JSONResponse({"status": "the database lacks migrations: run tapeless migrate"}, 503)
    return JSONResponse({"status": "ready", "search": search_state(request.app.state.context)})


def search_state(context: Context) -> str:
    """Without search there is much that can still be done, so this process stays ready; but whoever looks is told."""
    try:
        context.engine.check(look=True)
    except SearchUnavailableError as error:
        log.warning("search: %s", error)
        return "the search engine does not answer"
    return "up"
