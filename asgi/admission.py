"""Admission of requests: who calls is known from the headers before a body is read or a thread is taken for work.

1. A caller without valid credentials is refused first. Its body is never read, unless the route is public, where it is
   small.
2. Every caller has a share of the threads, so that none of them stops the others (`FairGate`). The share is found by a
   token that was valid a moment ago; whether it still is, and what it permits, is decided in the transaction itself.
3. The responses of a caller that are not read yet count as requests under way, because they take memory.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from asgi.authentication import NotAuthenticated, authenticate, find_secret
from asgi.context import ApiContext
from asgi.limits.bodies import GUEST_BODY_BYTES, PUBLIC_BODY_BYTES, BodyMemory
from asgi.limits.fair_gate import FairGate
from asgi.request_context import client_address
from models.access.acl import Actor
from models.core.sessions import transact
from services.access.tokens import token_digest

AUTHENTICATION_THREADS = 4
"""Of their own, so that a caller is never refused late because all other threads work."""
MAX_KNOWN_CALLERS = 10_000
MAX_OPEN_REQUESTS_PER_CALLER = 16
COSTLY_BODY_BYTES = 16 * 1024
"""Of a larger body, parsing and validation compute for milliseconds, in which the other threads wait: of one caller,
one is under way at a time, and one write of a guest. With four, requests of others took 6.6 and 7.5 times as long as in
the quiet."""


@dataclass(frozen=True, slots=True)
class AdmissionRule:
    """What a route asks of its callers."""

    public: bool
    guests: bool
    browsers: bool
    body_bytes: int
    is_search: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller, by the key of its share."""

    key: Hashable
    body_bytes: int
    is_guest: bool = False


class Admission:
    """The gates of one process; `threads` are shared by all callers, a quarter of them by searches."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        share = max(1, context.threads // 4)
        self.work = FairGate(context.threads, share)
        self.searches = FairGate(share, max(1, share // 2))
        self.costly = FairGate(share, 1)
        self._open = FairGate(1_000_000, MAX_OPEN_REQUESTS_PER_CALLER)
        self.bodies = BodyMemory()
        self._known: dict[bytes, tuple[Hashable, bool]] = {}
        self._authentication = CapacityLimiter(AUTHENTICATION_THREADS)

    @asynccontextmanager
    async def open(self, rule: AdmissionRule, scope: Scope, receive: Receive) -> AsyncIterator[None]:
        """Admit a request and read its body, until its response was sent."""
        request = Request(scope)
        async with AsyncExitStack() as stack:
            if rule.public:
                admitted = Admitted(("address", client_address(request)), PUBLIC_BODY_BYTES)
            else:
                admitted = await self._identify(rule, request)
                await stack.enter_async_context(self._open.enter(admitted.key))
            body = await stack.enter_async_context(self.bodies.read(scope, receive, admitted.body_bytes))
            is_costly = len(body) > (0 if admitted.is_guest else COSTLY_BODY_BYTES)
            scope.update({"tapeless.body": body, "tapeless.caller": admitted.key, "tapeless.is_costly": is_costly})
            yield

    async def authenticate(self, request: Request, *, guests: bool, browsers: bool = False) -> Actor:
        """Return the caller that the headers authenticate, in a thread that does no other work."""

        def look_up() -> Actor:
            return transact(
                self._context.sessions,
                lambda session: authenticate(session, request, guests=guests, browsers=browsers),
            ).actor

        return await to_thread.run_sync(look_up, limiter=self._authentication)

    async def _identify(self, rule: AdmissionRule, request: Request) -> Admitted:
        secret = find_secret(request)
        if secret is None:
            raise NotAuthenticated
        digest = token_digest(secret)
        known = self._known.get(digest)
        if known is None or int(request.headers.get("content-length", 0)) > 0:
            actor = await self.authenticate(request, guests=rule.guests, browsers=rule.browsers)
            known = (actor.guest.share_user_id if actor.guest else actor.user_id, actor.guest is not None)
            if len(self._known) >= MAX_KNOWN_CALLERS:
                del self._known[next(iter(self._known))]
            self._known[digest] = known
        key, is_guest = known
        return Admitted(key, GUEST_BODY_BYTES if is_guest else rule.body_bytes, is_guest)


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
