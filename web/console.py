"""What all routes of the console share: the session in a cookie, the transaction, CSRF tokens, and errors as pages.

Each page is a `PageRoute`. Its handler gets a `Visit` in one transaction and returns a response; writes need
the form token of this sign-in, and users who only browse may write nothing.
"""

import asyncio
import base64
import hmac
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi.admission import WRONG_TOKEN_SECONDS, Admission
from asgi.authentication import NotAuthenticated
from asgi.context import ApiContext
from asgi.limits.bodies import PUBLIC_BODY_BYTES, BodiesBusyError, BodyTooLargeError
from asgi.request_context import client_address
from models.access.acl import Actor
from models.core.base import parse_id
from models.core.sessions import transact
from models.queues.job import Job
from search.engine import SearchUnavailableError
from search.query.budget import CriteriaError
from services.access.tokens import AuthenticatedToken, authenticate_token, touch_token
from services.core.errors import (
    Conflict,
    DomainError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Unsupported,
    ValidationFailed,
)
from services.core.signing_key import SigningKey, require_signing_key
from web.pages import MAX_FORM_BYTES, PageEndpoint, PageRenderer, parse_form
from web.words import DONE_WORDS

SESSION_COOKIE = "tapeless-session"
CONSOLE_FORM_PURPOSE = "console form"
SIGN_IN_PATH = "/sign-in"
MAX_FORM_FIELDS = 500
"""A metadata view may have that many."""
PAGE_STATUS: dict[type[Exception], int] = {
    NotFound: 404,
    PermissionDenied: 403,
    ValidationFailed: 400,
    CriteriaError: 400,
    Conflict: 409,
    RateLimited: 429,
    SearchUnavailableError: 503,
    Unsupported: 501,
    DomainError: 409,
}
"""The first class that an error is of decides."""


@dataclass(slots=True)
class Visit:
    """One request of a user who is signed in, within its transaction."""

    context: ApiContext
    request: Request
    render: PageRenderer
    signed_in: AuthenticatedToken
    form: dict[str, str]
    open_session: Session | None = None
    """None for a search: no transaction is open while the engine works."""
    wake_ups: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def session(self) -> Session:
        """The session of the transaction around this request."""
        assert self.open_session is not None
        return self.open_session

    @property
    def actor(self) -> Actor:
        """The user."""
        return self.signed_in.actor

    @property
    def key(self) -> SigningKey:
        """The key that signs forms and addresses."""
        return require_signing_key(self.context.outside.key)

    def notify(self, task: str, ids: Iterable[UUID]) -> None:
        """Queue wake-up messages, which are sent after the commit."""
        self.wake_ups.append((task, [str(one) for one in ids]))

    def start_job(self, job: Job) -> None:
        """Queue the wake-up message of a new job."""
        self.notify(job.task or "", [job.id])

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """Render a page of the console."""
        token = make_form_token(self.key, self.signed_in.token_id)
        shown = {"actor": self.actor, "form": token, "done": DONE_WORDS.get(self.query("done"), "")}
        shown["section"] = self.request.url.path.split("/")[1]
        return self.render(template, status, **shown, **values)

    def query(self, name: str) -> str:
        """Return a parameter of the address, or an empty text."""
        return self.request.query_params.get(name, "")

    def number(self, name: str) -> int:
        """Return the requested page of a list; 1 where the parameter is absent or invalid."""
        said = self.query(name)
        return max(1, int(said)) if said.isascii() and said.isdigit() and len(said) < 6 else 1


VisitResult = TypeVar("VisitResult")
PageHandler = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page or action of the console."""

    method: str
    path: str
    handler: PageHandler
    browsers: bool = False
    """Whether users who only browse may use it although it is no GET."""
    is_search: bool = False
    """Whether it is one of the few that search at once, without a transaction around."""
    own_transactions: bool = False
    """Whether it opens its transactions itself, because it does slow work before."""


def make_form_token(key: SigningKey, token_id: UUID) -> str:
    """Return the CSRF token of a sign-in: no other page can know it."""
    return base64.urlsafe_b64encode(key.sign(CONSOLE_FORM_PURPOSE, token_id.bytes)).decode()


def read_session(session: Session, request: Request) -> AuthenticatedToken | None:
    """Return the user of the session cookie."""
    app, _, secret = request.cookies.get(SESSION_COOKIE, "").partition(".")
    app_id = parse_id(app)
    found = authenticate_token(session, app_id, secret) if app_id is not None and secret else None
    if found is not None and found.is_stale:
        touch_token(session, found.token_id)
    return found


def is_encrypted(context: ApiContext, request: Request) -> bool:
    """Return whether browsers reach this server by HTTPS."""
    return request.url.scheme == "https" or (context.outside.public_url or "").startswith("https:")


@dataclass(frozen=True, slots=True)
class Console:
    """Serves routes: in threads that it shares with the API, within the limits of it."""

    context: ApiContext
    admission: Admission
    render: PageRenderer

    def serve(self, route: PageRoute) -> PageEndpoint:
        """Wrap a route into an endpoint."""

        async def respond(request: Request) -> Response:
            try:
                return await self._respond(route, request)
            except (DomainError, CriteriaError, SearchUnavailableError) as wrong:
                return self.show_error(wrong, back_of(request))
            except (BodyTooLargeError, BodiesBusyError):
                return self.render("console/error.html", 413, text="That is more than a form may hold.", back="/")
            except NotAuthenticated:
                return await self._ask_who(request)
            except ClientDisconnect:
                return Response(status_code=400)

        return PageEndpoint(self.admission, respond, self.show_error)

    async def _respond(self, route: PageRoute, request: Request) -> Response:
        is_write = route.method != "GET"
        # Who is not signed in is sent away before a body is read, and without a cookie before a thread is taken.
        if not request.cookies.get(SESSION_COOKIE) or (is_write and await self.find_user(request) is None):
            raise NotAuthenticated
        size = MAX_FORM_BYTES if is_write else PUBLIC_BODY_BYTES
        async with self.admission.bodies.read(request.scope, request.receive, size) as body:
            form = parse_form(body, MAX_FORM_FIELDS)
            if route.is_search:
                async with self.admission.searches.enter(("address", client_address(request))):
                    return await self._run(request, lambda: self._visit(route, request, form))
            return await self._run(request, lambda: self._visit(route, request, form))

    async def _run(self, request: Request, work: Callable[[], VisitResult]) -> VisitResult:
        """Run it in a thread, when it is the turn of its address. Pages are computed for longer than answers of the
        API: beside four at once, its requests took 6.4 times as long as in the quiet."""
        caller = ("address", client_address(request))
        async with self.admission.pages.enter(caller), self.admission.work.enter(caller):
            return await run_in_threadpool(work)

    async def find_user(self, request: Request) -> AuthenticatedToken | None:
        """Return the user of the session cookie, when it is the turn of its address."""
        return await self._run(request, lambda: self.read_user(request))

    async def _ask_who(self, request: Request) -> Response:
        """Redirect to the sign-in; late for a wrong cookie, as for a wrong token of the API."""
        if request.cookies.get(SESSION_COOKIE):
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
        return redirect_to_sign_in(request)

    def read_user(self, request: Request) -> AuthenticatedToken | None:
        """Return the user of the session cookie, in a transaction of its own."""
        return transact(self.context.sessions, read_session, request)

    def _visit(self, route: PageRoute, request: Request, form: dict[str, str]) -> Response:
        wake_ups: list[tuple[str, list[str]]] = []

        def work(session: Session) -> Response:
            signed_in = read_session(session, request)
            if signed_in is None:
                raise NotAuthenticated
            visit = Visit(self.context, request, self.render, signed_in, form, session, wake_ups)
            require_own_form(visit, route)
            return route.handler(visit)

        if route.is_search or route.own_transactions:
            found = self.read_user(request)
            if found is None:
                raise NotAuthenticated
            visit = Visit(self.context, request, self.render, found, form, None, wake_ups)
            require_own_form(visit, route)
            response = route.handler(visit)
        else:
            response = transact(self.context.sessions, work)
        for task, ids in wake_ups:
            with suppress(Exception):  # without a broker, the scheduler of another process finds the rows
                self.context.notify(task, ids)
        if route.method != "GET":
            self.context.wake_indexer()
        return response

    def show_error(self, wrong: Exception, back: str = "/") -> Response:
        """Show what is wrong, in the words of the service, and a way back."""
        status = next((status for kind, status in PAGE_STATUS.items() if isinstance(wrong, kind)), 500)
        response = self.render("console/error.html", status, text=str(wrong), back=back)
        if isinstance(wrong, RateLimited):
            response.headers["Retry-After"] = str(wrong.seconds)
        return response


def require_own_form(visit: Visit, route: PageRoute) -> None:
    """Raise PermissionDenied for a write from another page, or by a user who only browses."""
    if route.method == "GET":
        return
    said = visit.form.get("form", "").encode("utf-8", "replace")
    if not hmac.compare_digest(make_form_token(visit.key, visit.signed_in.token_id).encode(), said):
        raise PermissionDenied("this form is from an earlier sign-in; open its page again")
    if visit.actor.only_browses and not route.browsers:
        raise PermissionDenied("your user type may only browse and search; ask an administrator for another type")


def back_of(request: Request) -> str:
    """Return the page that a form was on: of an object, or a list; for a page that cannot be shown, the first one."""
    section, _, rest = request.url.path.strip("/").partition("/")
    if request.method == "GET" or section == "sign-out":
        return "/"
    key = rest.partition("/")[0]
    return f"/{section}/{key}" if parse_id(key) is not None else f"/{section}"


def redirect_to_sign_in(request: Request) -> Response:
    """Redirect to the page that asks who it is, and from there back to this one."""
    if request.method != "GET":
        return RedirectResponse(SIGN_IN_PATH, 303)
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"?next={quote(request.url.path + query, safe='')}" if request.url.path != "/" else ""
    return RedirectResponse(f"{SIGN_IN_PATH}{back}", 303)


def install_console(app: FastAPI, console: Console, routes: Iterable[PageRoute]) -> None:
    """Add the routes to the application."""
    for route in routes:
        app.router.routes.append(
            Route(route.path, console.serve(route), methods=[route.method], include_in_schema=False)
        )
