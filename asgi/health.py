"""Liveness (`/health`) and readiness (`/ready`) probes for process managers and load balancers.

Neither waits behind other requests: both are answered by the event loop, and the database is asked in a thread of its
own, at most once a second for all probes together.
"""

import asyncio
import logging
import time

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from asgi.context import ApiContext
from models.schema import SchemaState, read_schema_state
from search.engine import SearchUnavailableError

READY_WAIT_SECONDS = 4.0
"""Compose and Kubernetes wait five seconds for a probe."""
READY_VALID_SECONDS = 1.0
log = logging.getLogger(__name__)
Readiness = tuple[dict[str, str], int]
"""Body and status of a readiness response."""


def install_health_routes(app: FastAPI) -> None:
    """Add both probes; they need no authentication and are not part of the OpenAPI document."""
    app.add_api_route("/health", get_liveness, methods=["GET"], include_in_schema=False)
    app.add_api_route("/ready", ReadinessProbe(app.state.context).respond, methods=["GET"], include_in_schema=False)


async def get_liveness() -> JSONResponse:
    """Return 200 while the process runs."""
    return JSONResponse({"status": "up"})


class ReadinessProbe:
    """Checks the database and the search engine; concurrent probes share one check."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._limiter = CapacityLimiter(1)
        self._check: asyncio.Task[Readiness] | None = None
        self._valid_until = 0.0

    async def respond(self) -> JSONResponse:
        """Return 200 if the database answers in time and has every migration of this version, else 503."""
        if self._check is None or (self._check.done() and time.monotonic() > self._valid_until):
            self._check = asyncio.get_running_loop().create_task(self._start_check())
        done, _ = await asyncio.wait({self._check}, timeout=READY_WAIT_SECONDS)
        body, status = self._check.result() if done else ({"status": "the database does not answer"}, 503)
        return JSONResponse(body, status)

    async def _start_check(self) -> Readiness:
        found = await to_thread.run_sync(check_readiness, self._context, limiter=self._limiter)
        self._valid_until = time.monotonic() + READY_VALID_SECONDS
        return found


def check_readiness(context: ApiContext) -> Readiness:
    """Check the database and the search engine.

    A newer version may have migrated the database: its processes replace those of this version, which serve until then.
    """
    try:
        with context.sessions() as session:
            state = read_schema_state(session.connection())
    except SQLAlchemyError:
        return {"status": "the database does not answer"}, 503
    if state is SchemaState.OUTDATED:
        return {"status": "the database lacks migrations: run tapeless migrate"}, 503
    return {"status": "ready", "search": describe_search_state(context)}, 200


def describe_search_state(context: ApiContext) -> str:
    """Describe the search engine. Its outage does not make the process unready, since the rest of the API works."""
    try:
        context.engine.check(look=True)
    except SearchUnavailableError as error:
        log.warning("search: %s", error)
        return "the search engine does not answer"
    return "up"
