"""Admission of requests: who calls is known from the headers before a body is read or a thread is taken for work.

1. A caller without valid credentials is refused first. Its body is never read, unless the route is public, where it is
   small.
2. Every caller has a share of the threads, so that none of them stops the others (`FairGate`). The share is found by a
   token that was valid a moment ago; whether it still is, and what it permits, is decided in the transaction itself.
   The answer to a wrong token comes late, so that guesses, which nothing else bounds, do not take the time of others.
3. The responses of a caller that are not read yet count as requests under way, because they take memory: those of the
   API, and those of the pages, whose caller is an address.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from asgi.authentication import GUESTS_REFUSED, NotAuthenticated, authenticate, find_secret
from asgi.context import ApiContext
from asgi.limits.bodies import GUEST_BODY_BYTES, PUBLIC_BODY_BYTES, BodyMemory
from asgi.limits.fair_gate import FairGate
from asgi.request_context import client_address
from models.access.acl import Actor
from models.core.sessions import transact
from services.access.tokens import token_digest
from services.core.errors import PermissionDenied

AUTHENTICATION_THREADS = 4
"""Of their own, so that a caller is never refused late because all other threads work."""
WRONG_TOKEN_SECONDS = 0.1
"""After which a wrong token is refused: of sixteen clients that send nothing else, the API looks up 160 a second in
place of all it can, beside which the requests of others took 5.2 times as long as in the quiet."""
MAX_KNOWN_CALLERS = 10_000
MAX_OPEN_REQUESTS_PER_CALLER = 16
COSTLY_BODY_BYTES = 16 * 1024
"""Of a larger body, parsing and validation compute for milliseconds, in which the other threads wait: of one caller,
one is under way at a time, and one write of a guest or sign-in. With four, requests of others took 6.6, 7.5 and 5.3
times as long as in the quiet."""


@dataclass(frozen=True, slots=True)
class KnownCaller:
    """A caller, by the key of its share of the threads."""

    key: Hashable
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """What a route asks of its callers."""

    public: bool
    guests: bool
    browsers: bool
    body_bytes: int
    is_search: bool

    def refuses(self, caller: KnownCaller) -> bool:
        """Return whether the route is not for such a caller."""
        return caller.is_guest and not self.guests


class Admission:
    """The gates of one process; `threads` are shared by all callers, a quarter of them by searches."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        share = max(1, context.threads // 4)
        self.work = FairGate(context.threads, share)
        self.searches = FairGate(share, max(1, share // 2))
        self.costly = FairGate(share, 1)
        self.pages = FairGate(share, max(1, share // 2))
        self._open = FairGate(1_000_000, MAX_OPEN_REQUESTS_PER_CALLER)
        self.bodies = BodyMemory()
        self._known: dict[bytes, KnownCaller] = {}
        self._authentication = CapacityLimiter(AUTHENTICATION_THREADS)

    @asynccontextmanager
    async def open(self, rule: AdmissionRule, scope: Scope, receive: Receive) -> AsyncIterator[None]:
        """Admit a request and read its body, until its response was sent."""
        request = Request(scope)
        async with AsyncExitStack() as stack:
            if rule.public:
                caller, body_bytes = KnownCaller(("address", client_address(request))), PUBLIC_BODY_BYTES
            else:
                caller = await self._identify(rule, request)
                body_bytes = GUEST_BODY_BYTES if caller.is_guest else rule.body_bytes
                await stack.enter_async_context(self._open.enter(caller.key))
            body = await stack.enter_async_context(self.bodies.read(scope, receive, body_bytes))
            is_costly = len(body) > (0 if caller.is_guest or rule.public else COSTLY_BODY_BYTES)
            scope.update({"tapeless.body": body, "tapeless.caller": caller.key, "tapeless.is_costly": is_costly})
            yield

    def open_page(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Admit a request for a page, until its response was sent."""
        return self._open.enter(("address", client_address(request)))

    async def authenticate(self, request: Request, *, guests: bool, browsers: bool = False) -> Actor:
        """Return the caller that the headers authenticate, in a thread that does no other work."""

        def look_up() -> Actor:
            return transact(
                self._context.sessions,
                lambda session: authenticate(session, request, guests=guests, browsers=browsers),
            ).actor

        return await to_thread.run_sync(look_up, limiter=self._authentication)

    async def _identify(self, rule: AdmissionRule, request: Request) -> KnownCaller:
        secret = find_secret(request)
        if secret is None:
            raise NotAuthenticated
        digest = token_digest(secret)
        caller = self._known.get(digest)
        # A body that is larger than public routes take is read only for a token that is still valid. For smaller ones
        # that lookup, besides the one of the transaction, took a fifth of a write's processor time.
        is_large = int(request.headers.get("content-length", 0)) > PUBLIC_BODY_BYTES
        if caller is None or (is_large and not rule.refuses(caller)):
            caller = self._known[digest] = await self._look_up(request)
            if len(self._known) > MAX_KNOWN_CALLERS:
                del self._known[next(iter(self._known))]
        if rule.refuses(caller):
            raise PermissionDenied(GUESTS_REFUSED)
        return caller

    async def _look_up(self, request: Request) -> KnownCaller:
        try:
            actor = await self.authenticate(request, guests=True, browsers=True)
        except NotAuthenticated:
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
            raise
        return KnownCaller(actor.guest.share_user_id if actor.guest else actor.user_id, actor.guest is not None)


class AdmittedRoute(APIRoute):
    """Route that admits a request before it is parsed, and takes a thread when it is the caller's turn."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_in_turn(request: Request) -> Response:
            admission: Admission = request.app.state.admission
            rule: AdmissionRule = request.app.state.rules[self.name]
            caller = request.scope["tapeless.caller"]
            async with AsyncExitStack() as stack:
                if rule.is_search:
                    await stack.enter_async_context(admission.searches.enter(caller))
                if request.scope["tapeless.is_costly"]:
                    await stack.enter_async_context(admission.costly.enter(caller))
                await stack.enter_async_context(admission.work.enter(caller))
                return await handle(request)

        return handle_in_turn

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule: AdmissionRule | None = scope["app"].state.rules.get(self.name)
        if rule is None or scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        try:
            async with scope["app"].state.admission.open(rule, scope, receive):
                await super().handle(scope, receive, send)
        except ClientDisconnect:
            return
