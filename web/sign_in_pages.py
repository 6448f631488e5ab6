"""Signing in and out of the console: a token of the API in a cookie that no script reads."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from asgi.limits.bodies import PUBLIC_BODY_BYTES, BodiesBusyError, BodyTooLargeError
from asgi.request_context import client_address
from models.core.sessions import transact
from services.access.sign_in import SIGN_IN_SECONDS, sign_in_by_password
from services.access.tokens import revoke_token
from services.core.errors import RateLimited
from web.console import SESSION_COOKIE, SIGN_IN_PATH, Console, PageRoute, Visit, is_encrypted, read_session
from web.share_pages import parse_form

CONSOLE_APP_NAME = "Console"
HOME_PATH = "/assets"


def local_path(text: str) -> str:
    """Return a path of this server, to go on to after the sign-in; the first page for what leads elsewhere."""
    is_local = text.startswith("/") and text[1:2] not in ("/", "\\") and text.isprintable()
    return text if is_local else HOME_PATH


def install_sign_in(app: FastAPI, console: Console) -> None:
    """Add the page that asks who it is. It is public, and so reads small bodies only."""

    def show(request: Request) -> Response:
        if transact(console.context.sessions, lambda session: read_session(session, request)) is not None:
            return RedirectResponse(local_path(request.query_params.get("next", "")), 303)
        return console.render(
            "console/sign-in.html", next=local_path(request.query_params.get("next", "")), wrong=False, email=""
        )

    def enter(request: Request, form: dict[str, str]) -> Response:
        email, password = form.get("email", "").strip()[:320], form.get("password", "")
        goal = local_path(form.get("next", ""))
        found = sign_in_by_password(
            console.context.sessions, email, password, client_address(request), CONSOLE_APP_NAME
        )
        if found is None:
            return console.render("console/sign-in.html", 401, next=goal, wrong=True, email=email)
        token, secret = found
        response = RedirectResponse(goal, 303)
        response.set_cookie(
            SESSION_COOKIE,
            f"{token.app_id}.{secret}",
            max_age=SIGN_IN_SECONDS,
            path="/",
            secure=is_encrypted(console.context, request),
            httponly=True,
            samesite="lax",
        )
        return response

    for method, handle in (("GET", lambda request, _: show(request)), ("POST", enter)):
        app.router.add_route(SIGN_IN_PATH, _serve(console, handle), methods=[method], include_in_schema=False)


def _serve(console: Console, handle: Callable[[Request, dict[str, str]], Response]) -> Callable[[Request], Any]:
    async def respond(request: Request) -> Response:
        try:
            async with (
                console.admission.bodies.read(request.scope, request.receive, PUBLIC_BODY_BYTES) as body,
                console.admission.work.enter(("address", client_address(request))),
            ):
                return await run_in_threadpool(handle, request, parse_form(body))
        except RateLimited as wrong:
            return console.show_error(wrong)
        except (BodyTooLargeError, BodiesBusyError, ClientDisconnect):
            return Response(status_code=400)

    return respond


def go_home(_visit: Visit) -> Response:
    """Redirect to the first page."""
    return RedirectResponse(HOME_PATH, 303)


def sign_out(visit: Visit) -> Response:
    """Revoke the token of this browser."""
    revoke_token(visit.session, visit.signed_in.token_id)
    response = RedirectResponse(SIGN_IN_PATH, 303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


SIGN_IN_ROUTES = (
    PageRoute("GET", "/", go_home),
    PageRoute("POST", "/sign-out", sign_out, browsers=True),
)
