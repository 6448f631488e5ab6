"""Two questions of whoever keeps the process alive: does it run (`/health`), and can it work (`/ready`)?"""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from models.schema import alembic_config


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
    return JSONResponse({"status": "ready"})
