"""What goes wrong, as JSON objects `{"errors": […]}` or `{"errors": {field: message}}`, with the request's id."""

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
    """An error's body, the same for all."""
    return JSONResponse({"errors": errors, "request_id": request_id()}, status, headers)


async def refused(_request: Request, refusal: Refusal) -> JSONResponse:
    """An operation refused, in its own words."""
    if isinstance(refusal, Invalid):
        return error(400, dict(refusal.errors))
    headers = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, NotNow) else None
    status = next(status for kind, status in STATUS.items() if isinstance(refusal, kind))
    return error(status, [str(refusal)], headers)


async def not_signed_in(_request: Request, _error: NotSignedIn) -> JSONResponse:
    """Nobody is signed in; what is wrong with the headers stays unsaid."""
    return error(401, ["sign in: App-ID and Auth-Token name no valid token"])


async def not_parsed(request: Request, wrong: RequestValidationError) -> JSONResponse:
    """The request reads wrong: 401 goes before 400, so that nobody explores the API from outside."""
    route = request.scope.get("route")
    state = request.app.state
    if route is None or route.name not in state.public_names:
        guests = route is not None and route.name in state.guest_names
        await run_in_threadpool(transact, state.context.sessions, lambda s: authenticate(s, request, guests=guests))
    return error(400, complaints(wrong.errors()))


def complaints(found: Any) -> dict[str, str]:
    """One message a field, by the field's path; what was sent is not repeated, it may be a secret."""
    messages: dict[str, str] = {}
    for one in found:
        place, *rest = (str(part) for part in one["loc"])
        where = ".".join(rest) if rest and one["type"] != "json_invalid" else place
        messages.setdefault(where, str(one["msg"]).removeprefix("Value error, "))
    return messages


async def http_error(_request: Request, wrong: HTTPException) -> JSONResponse:
    """What the framework refuses: unknown paths and methods, bodies that are no JSON."""
    if wrong.status_code == 400:
        return error(400, {"body": str(wrong.detail)})
    return error(wrong.status_code, [str(wrong.detail)], dict(wrong.headers or {}))


async def data_error(_request: Request, _wrong: DataError) -> JSONResponse:
    """A value that the database cannot hold, past every check of ours."""
    return error(400, {"body": "a value is out of the range that can be kept"})


async def integrity_error(_request: Request, wrong: IntegrityError) -> JSONResponse:
    """Somebody else changed what this stood on, between our look and our write; any other broken rule is a bug."""
    if getattr(wrong.orig, "sqlstate", None) not in (UNIQUE, FOREIGN_KEY):
        raise wrong
    return error(409, ["this collides with what another request just did; read again and repeat"])


async def not_answering(_request: Request, _wrong: Exception) -> JSONResponse:
    """The database is away or busy: the same request may succeed soon."""
    return error(503, ["the database does not answer; try again"], {"Retry-After": "2"})


async def search_away(_request: Request, _wrong: Exception) -> JSONResponse:
    """The search engine is away, or so much was hidden at once that it would show too much."""
    return error(503, ["the search does not answer now; try again"], {"Retry-After": "2"})


def install(app: FastAPI) -> None:
    """Answer every error of the app with its own status."""
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
