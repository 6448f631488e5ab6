"""News for open pages: an event when something changed that they may show, and never the thing itself.

1. One poller of the process asks the database every two seconds, and only while pages listen.
2. An event names topics. A page then loads itself again and replaces its parts, so it shows what its reader may see.
3. Streams end with the sign-in that opened them, after minutes, and with the server; browsers open them again, and are
   authenticated again.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from asgi.admission import WRONG_TOKEN_SECONDS
from models.core.sessions import Sessions, transact
from services.access.tokens import AuthenticatedToken, find_valid_tokens
from services.viewing.news import read_news_state

log = logging.getLogger(__name__)
NEWS_PATH = "/events"
POLL_NEWS_SECONDS, KEEPALIVE_SECONDS, STREAM_SECONDS = 2.0, 15.0, 300.0
MAX_NEWS_STREAMS, MAX_NEWS_STREAMS_PER_USER = 1_000, 20
NEWS_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}
UserFinder = Callable[[Request], Awaitable[AuthenticatedToken | None]]


@dataclass(slots=True, eq=False)
class Listener:
    """An open page, with the topics that it was not yet told of."""

    user_id: UUID | None
    token_id: UUID
    topics: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    is_signed_in: bool = True


class NewsStreams:
    """The streams of one process, with the poller that they share."""

    def __init__(self, sessions: Sessions, find_user: UserFinder) -> None:
        self._sessions, self._find_user = sessions, find_user
        self._listeners: set[Listener] = set()
        self._poller: asyncio.Task[None] | None = None
        self._limiter = CapacityLimiter(1)
        self._is_stopping = False

    def stop(self) -> None:
        """End all streams, so that a server that stops need not wait for them."""
        self._is_stopping = True
        for listener in self._listeners:
            listener.news.set()

    async def respond(self, request: Request) -> Response:
        """Open a stream for a user who is signed in."""
        found = await self._find_user(request)
        if found is None:
            await asyncio.sleep(WRONG_TOKEN_SECONDS)
            return Response(status_code=401)
        held = Counter(listener.user_id for listener in self._listeners)
        if len(self._listeners) >= MAX_NEWS_STREAMS or held[found.actor.user_id] >= MAX_NEWS_STREAMS_PER_USER:
            return Response(status_code=429)
        stream = self._listen(Listener(found.actor.user_id, found.token_id))
        return StreamingResponse(stream, media_type="text/event-stream", headers=NEWS_HEADERS)

    async def _listen(self, listener: Listener) -> AsyncIterator[bytes]:
        self._listeners.add(listener)
        if self._poller is None or self._poller.done():
            self._poller = asyncio.get_running_loop().create_task(self._poll())
        end = time.monotonic() + STREAM_SECONDS
        try:
            yield b"retry: 3000\n\n"
            while listener.is_signed_in and not self._is_stopping and time.monotonic() < end:
                try:
                    await asyncio.wait_for(listener.news.wait(), KEEPALIVE_SECONDS)
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                topics, listener.topics = sorted(listener.topics), set()
                listener.news.clear()
                if topics and listener.is_signed_in:
                    yield f"data: {' '.join(topics)}\n\n".encode()
        finally:
            self._listeners.discard(listener)

    async def _poll(self) -> None:
        """Tell the listeners what changed, until there are none."""
        before: dict[str, str] | None = None
        while self._listeners and not self._is_stopping:
            listeners = set(self._listeners)
            try:
                now, valid = await to_thread.run_sync(self._look, listeners, limiter=self._limiter)
            except SQLAlchemyError as error:
                log.warning("open pages get no news: %s", error)
                now, valid = before or {}, {listener.token_id for listener in listeners}
            for listener in listeners:
                if listener.token_id not in valid:
                    listener.is_signed_in = False
                    listener.news.set()
            changed = {topic for topic, state in now.items() if before is not None and before.get(topic) != state}
            for listener in self._listeners if changed else ():
                listener.topics |= changed
                listener.news.set()
            before = now or before
            await asyncio.sleep(POLL_NEWS_SECONDS)

    def _look(self, listeners: set[Listener]) -> tuple[dict[str, str], set[UUID]]:
        """Return what tells changes, and the tokens of listeners that are still valid."""

        def look(session: Session) -> tuple[dict[str, str], set[UUID]]:
            return read_news_state(session), find_valid_tokens(session, {each.token_id for each in listeners})

        return transact(self._sessions, look)
