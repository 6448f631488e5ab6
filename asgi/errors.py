"""Exception handlers: errors as JSON `{"errors": […]}` or `{"errors": {field: message}}`, with the request id."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from asgi.authentication import NotAuthenticated
from asgi.limits.bodies import BodiesBusyError, BodyTooLargeError
from asgi.request_body import validation_messages
from asgi.tracing import current_request_id
from models.core.sessions import is_statement_timeout
from models.queues.index_queue import TooManyAccessReducedError
from search.engine import SearchTooSlowError, SearchUnavailableError
from services.core.errors import (
    Conflict,
    DomainError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unsupported,
    ValidationFailed,
)

ExceptionHandler = Callable[[Request, Exception], Coroutine[Any, Any, JSONResponse]]
UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION = "23505", "23503"
HTTP_STATUS_OF_ERROR: dict[type[DomainError], int] = {
    NotFound: 404,
    PermissionDenied: 403,
    ValidationFailed: 400,
    Conflict: 409,
    RateLimited: 429,
    Unsupported: 501,
}


def error_response(
    status: int, errors: list[str] | dict[str, str], headers: dict[str, str] | None = None
) -> JSONResponse:
    """Build the response body that all errors share."""
    return JSONResponse({"errors": errors, "request_id": current_request_id()}, status, headers)


async def handle_domain_error(_request: Request, refusal: DomainError) -> JSONResponse:
    """Render a `DomainError` with its status and message."""
    if isinstance(refusal, ValidationFailed):
        return error_response(400, dict(refusal.errors))
    headers = {"Retry-After": str(refusal.seconds)} if isinstance(refusal, RateLimited) else None
    status = next(status for kind, status in HTTP_STATUS_OF_ERROR.items() if isinstance(refusal, kind))
    return error_response(status, [str(refusal)], headers)


async def handle_validation_error(request: Request, wrong: RequestValidationError) -> JSONResponse:
    """Render an address that does not validate. Authenticate first: 401 goes before 400, so that the API cannot be
    explored without an account."""
    route = request.scope.get("route")
    rule = request.app.state.rules.get(route.name) if route is not None else None
    if rule is None or not rule.public:
        guests, browsers = (rule.guests, rule.browsers) if rule is not None else (False, False)
        await request.app.state.admission.authenticate(request, guests=guests, browsers=browsers)
    return error_response(400, validation_messages(wrong.errors(), skipped=1))


async def handle_body_too_large(_request: Request, wrong: BodyTooLargeError) -> JSONResponse:
    """Render 413 before any of the body is read."""
    return error_response(413, {"body": str(wrong)})


async def handle_http_error(_request: Request, wrong: HTTPException) -> JSONResponse:
    """Render errors of the framework: unknown paths and methods, bodies that are not JSON."""
    if wrong.status_code == 400:
        return error_response(400, {"body": str(wrong.detail)})
    return error_response(wrong.status_code, [str(wrong.detail)], dict(wrong.headers or {}))


async def handle_integrity_error(_request: Request, wrong: IntegrityError) -> JSONResponse:
    """Render 409 where a concurrent request changed the rows between our read and our write.

    Any other violated constraint is a bug and raised again.
    """
    if getattr(wrong.orig, "sqlstate", None) not in (UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION):
        raise wrong
    return error_response(409, ["another request changed the same object; read it again and repeat the request"])


async def handle_database_unavailable(_request: Request, wrong: Exception) -> JSONResponse:
    """Render 503: the database is down or busy, and the same request may succeed soon."""
    if isinstance(wrong, OperationalError) and is_statement_timeout(wrong):
        return error_response(503, ["the request took too long; ask for less at once"], {"Retry-After": "10"})
    return error_response(503, ["the database does not answer; try again"], {"Retry-After": "2"})


async def handle_search_too_slow(_request: Request, wrong: SearchTooSlowError) -> JSONResponse:
    """Render 503: the search was cancelled."""
    return error_response(503, [str(wrong)], {"Retry-After": "10"})


def always(status: int, errors: list[str] | dict[str, str], headers: dict[str, str] | None = None) -> ExceptionHandler:
    """Return a handler that renders every exception of a kind in the same way."""

    async def handle(_request: Request, _wrong: Exception) -> JSONResponse:
        return error_response(status, errors, headers)

    return handle


def install_error_handlers(app: FastAPI) -> None:
    """Register the exception handlers of the application."""
    # The engine is down, or too many objects were hidden at once to exclude them from results.
    no_search = always(503, ["the search engine does not answer; try again"], {"Retry-After": "2"})
    busy = always(503, ["the server reads too many other bodies; try again"], {"Retry-After": "1"})
    handlers: dict[type[Exception], Any] = {
        DomainError: handle_domain_error,
        # Which of the headers is wrong stays unsaid.
        NotAuthenticated: always(401, ["not authenticated: App-ID and Auth-Token are not a valid token; sign in"]),
        RequestValidationError: handle_validation_error,
        BodyTooLargeError: handle_body_too_large,
        BodiesBusyError: busy,
        HTTPException: handle_http_error,
        # A value that passed all checks but does not fit its column.
        DataError: always(400, {"body": "a value is outside the range that can be stored"}),
        IntegrityError: handle_integrity_error,
        OperationalError: handle_database_unavailable,
        PoolTimeout: handle_database_unavailable,
        SearchTooSlowError: handle_search_too_slow,
        SearchUnavailableError: no_search,
        TooManyAccessReducedError: no_search,
    }
    for wrong, handler in handlers.items():
        app.add_exception_handler(wrong, handler)
