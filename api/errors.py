"""Exception handlers: errors as JSON `{"errors": […]}` or `{"errors": {field: message}}`, with the request id."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.signing_in import NotSignedIn, authenticate
from api.tracing import request_id
from models.index_queue import TooManyNarrowedError
from models.sessions import transact
from search.engine import SearchUnavailableError
from tasks.refusals import Conflict, Denied, Invalid, Missing, NotNow, Refusal, Unsupported

UNIQUE, FOREIGN_KEY = "23505", "23503"
STATUS: dict[type[Refusal], int] = {
    Missing: 404,
    Denied: 403,
    Invalid: 400,
    Conflict: 409,
    NotNow: 429,
    Unsupported: 501,
}


def error(status: int, errors: list[str] | dict[str, str], headers: dict[str, str] | None = None) -> JSONResponse:
    """Build the response body that all errors share."""
    return JSONResponse({"errors": errors, "request_id": request_id()}, status, headers)


async def refused(_request: Request, refusal: Refusal) -> JSONResponse:
    """Render a `DomainError` with its status and message."""
    if isinstance(refusal, Invalid):
        return error(400, dict(refusal.errors))
    headers = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, NotNow) else None
    status = next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
    return error(status, [str(refusal)], headers)


async def not_signed_in(_request: Request, _error: NotSignedIn) -> JSONResponse:
    """Render 401 without saying which of the headers is wrong."""
    return error(401, ["sign in: App-ID and Auth-Token name no valid token"])


async def not_parsed(request: Request, wrong: RequestValidationError) -> JSONResponse:
    """Render a request that does not validate. Authenticate first: 401 goes before 400, so that the API cannot be
    explored without an account."""
    route = request.scope.get("route")
    state = request.app.state
    if route is None or route.name not in state.public_names:
        guests = route is not None and route.name in state.guest_names
        await run_in_threadpool(transact, state.context.sessions, lambda s: authenticate(s, request, guests=guests))
    return error(400, complaints(wrong.errors()))


def complaints(found: Any) -> dict[str, str]:
    """Return one message per field, by the field's path. Values are not repeated, as they may be secrets."""
    messages: dict[str, str] = {}
    for one in found:
        place, *rest = (str(part) for part in one["loc"])
        where = ".".join(rest) if rest and one["type"] != "json_invalid" else place
        messages.setdefault(where, str(one["msg"]).removeprefix("Value error, "))
    return messages


async def http_error(_request: Request, wrong: HTTPException) -> JSONResponse:
    """Render errors of the framework: unknown paths and methods, bodies that are not JSON."""
    if wrong.status_code == 400:
        return error(400, {"body": str(wrong.detail)})
    return error(wrong.status_code, [str(wrong.detail)], dict(wrong.headers or {}))


async def data_error(_request: Request, _wrong: DataError) -> JSONResponse:
    """Render 400 for a value that passed all checks but does not fit its column."""
    return error(400, {"body": "a value is out of the range that can be kept"})


async def integrity_error(_request: Request, wrong: IntegrityError) -> JSONResponse:
    """Render 409 where a concurrent request changed the rows between our read and our write.

    Any other violated constraint is a bug and raised again.
    """
    if getattr(wrong.orig, "sqlstate", None) not in (UNIQUE, FOREIGN_KEY):
        raise wrong
    return error(409, ["this collides with what another request just did; read again and repeat"])


async def not_answering(_request: Request, _wrong: Exception) -> JSONResponse:
    """Render 503: the database is down or busy, and the same request may succeed soon."""
    return error(503, ["the database does not answer; try again"], {"Retry-After": "2"})


async def search_away(_request: Request, _wrong: Exception) -> JSONResponse:
    """Render 503: the search engine is down, or too many objects were hidden at once to exclude them from results."""
    return error(503, ["the search does not answer now; try again"], {"Retry-After": "2"})


def install(app: FastAPI) -> None:
    """Register the exception handlers of the application."""
    handlers: dict[type[Exception], Any] = {
        Refusal: refused,
        NotSignedIn: not_signed_in,
        RequestValidationError: not_parsed,
        HTTPException: http_error,
        DataError: data_error,
        IntegrityError: integrity_error,
        OperationalError: not_answering,
        PoolTimeout: not_answering,
        SearchUnavailableError: search_away,
        TooManyNarrowedError: search_away,
    }
    for wrong, handler in handlers.items():
        app.add_exception_handler(wrong, handler)
