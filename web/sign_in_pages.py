"""Signing in and out of the console, by password or by a provider: a token of the API in a cookie that no script
reads."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import astuple

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from asgi.limits.bodies import PUBLIC_BODY_BYTES, BodiesBusyError, BodyTooLargeError
from asgi.request_context import client_address
from models.access.user import Token
from models.core.sessions import transact
from services.access.login_throttle import ADDRESS_ATTEMPT_LIMIT, count_attempt
from services.access.oidc import OidcError, OidcProvider, OidcRequest
from services.access.sign_in import SIGN_IN_SECONDS, sign_in_by_email, sign_in_by_password
from services.access.tokens import revoke_token
from services.core.errors import DomainError, NotFound
from services.core.signing_key import require_signing_key
from web.console import SESSION_COOKIE, SIGN_IN_PATH, Console, PageRoute, Visit, is_encrypted, read_session
from web.pages import PageEndpoint, parse_form, require_own_site

CONSOLE_APP_NAME = "Console"
HOME_PATH = "/assets"
OIDC_CALLBACK_PATH = f"{SIGN_IN_PATH}/oidc/callback"
OIDC_COOKIE, OIDC_PURPOSE, OIDC_SECONDS = "tapeless-oidc", "console sign-in by a provider", 600


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
            "console/sign-in.html",
            next=local_path(request.query_params.get("next", "")),
            wrong=False,
            email="",
            provider=provider_name,
        )

    provider = OidcProvider(console.context.oidc) if console.context.oidc is not None else None
    provider_name = provider.config.name if provider is not None else ""

    def enter(request: Request, form: dict[str, str]) -> Response:
        email, password = form.get("email", "").strip()[:320], form.get("password", "")
        goal = local_path(form.get("next", ""))
        found = sign_in_by_password(
            console.context.sessions, email, password, client_address(request), CONSOLE_APP_NAME
        )
        if found is None:
            return console.render(
                "console/sign-in.html", 401, next=goal, wrong=True, email=email, provider=provider_name
            )
        return enter_console(console, request, found, goal)

    def leave(request: Request, _form: dict[str, str]) -> Response:
        asked = OidcRequest.new()
        url = require_provider(provider).authorization_url(asked, callback_url(console, request))
        response = RedirectResponse(url, 303)
        content = json.dumps([*astuple(asked), local_path(request.query_params.get("next", "")), int(time.time())])
        signature = require_signing_key(console.context.outside.key).sign(OIDC_PURPOSE, content.encode())
        value = ".".join(base64.urlsafe_b64encode(part).decode() for part in (content.encode(), signature))
        set_cookie(console, request, response, OIDC_COOKIE, value, OIDC_SECONDS)
        return response

    def come_back(request: Request, _form: dict[str, str]) -> Response:
        asked, goal = read_oidc_cookie(console, request)
        code = request.query_params.get("code", "")
        if not code or not hmac.compare_digest(asked.state.encode(), request.query_params.get("state", "").encode()):
            raise OidcError("the provider of sign-ins sent you back without a sign-in; try again")
        # A browser can come back often with one cookie, and each code is asked of the provider.
        transact(console.context.sessions, count_attempt, f"address:{client_address(request)}", ADDRESS_ATTEMPT_LIMIT)
        email = require_provider(provider).find_email(asked, callback_url(console, request), code)
        found = sign_in_by_email(console.context.sessions, email, client_address(request), CONSOLE_APP_NAME)
        response = enter_console(console, request, found, goal)
        response.delete_cookie(OIDC_COOKIE, path=SIGN_IN_PATH)
        return response

    for method, path, handle in (
        ("GET", SIGN_IN_PATH, lambda request, _: show(request)),
        ("POST", SIGN_IN_PATH, enter),
        ("GET", f"{SIGN_IN_PATH}/oidc", leave),
        ("GET", OIDC_CALLBACK_PATH, come_back),
    ):
        app.router.routes.append(Route(path, _serve(console, handle), methods=[method], include_in_schema=False))


def enter_console(console: Console, request: Request, found: tuple[Token, str], goal: str) -> Response:
    """Redirect a user who signed in, with the session in a cookie."""
    token, secret = found
    response = RedirectResponse(goal, 303)
    set_cookie(console, request, response, SESSION_COOKIE, f"{token.app_id}.{secret}", SIGN_IN_SECONDS)
    return response


def set_cookie(console: Console, request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads; that of a sign-in under way is sent to the sign-in alone."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=SIGN_IN_PATH if name == OIDC_COOKIE else "/",
        secure=is_encrypted(console.context, request),
        httponly=True,
        samesite="lax",
    )


def require_provider(provider: OidcProvider | None) -> OidcProvider:
    """Return the provider of sign-ins, if there is one."""
    if provider is None:
        raise NotFound("page", f"{SIGN_IN_PATH}/oidc")
    return provider


def callback_url(console: Console, request: Request) -> str:
    """Return the address to which the provider sends browsers back."""
    base = console.context.outside.public_url or str(request.base_url)
    return base.rstrip("/") + OIDC_CALLBACK_PATH


def read_oidc_cookie(console: Console, request: Request) -> tuple[OidcRequest, str]:
    """Return what this browser asked the provider, and the page to go on to; OidcError unless it did so lately."""
    key = require_signing_key(console.context.outside.key)
    try:
        content, signature = map(base64.urlsafe_b64decode, request.cookies.get(OIDC_COOKIE, "").split("."))
        if not key.is_signed(OIDC_PURPOSE, content, signature):
            raise ValueError
        state, nonce, verifier, goal, began = json.loads(content)
        if time.time() - began > OIDC_SECONDS:
            raise ValueError
    except ValueError:
        raise OidcError("this sign-in was begun in another browser, or too long ago; begin again") from None
    return OidcRequest(state, nonce, verifier), local_path(goal)


def _serve(console: Console, handle: Callable[[Request, dict[str, str]], Response]) -> PageEndpoint:
    async def respond(request: Request) -> Response:
        try:
            require_own_site(request, console.context.outside.public_url)
            async with (
                console.admission.bodies.read(request.scope, request.receive, PUBLIC_BODY_BYTES) as body,
                console.admission.work.enter(("address", client_address(request))),
            ):
                return await run_in_threadpool(handle, request, parse_form(body))
        except DomainError as wrong:
            return console.show_error(wrong, SIGN_IN_PATH)
        except (BodyTooLargeError, BodiesBusyError, ClientDisconnect):
            return Response(status_code=400)

    return PageEndpoint(console.admission, respond, console.show_error)


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
