"""Checks before routing: normalise slashes, limit the body size, reject NUL in URLs.

URLs are normalised, never redirected: the 2.x client does not follow redirects, and the 1.x client would turn a
redirected POST into a GET. 1.x also doubles slashes (`delete_queue//bulk/`).
"""

import json
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.tracing import request_id

SERVICE: Final = re.compile(r"/API/[a-z-]+/v\d+/")
SLASHES: Final = re.compile(r"/{2,}")
LARGEST_BODY: Final = 2 * 1024 * 1024
FARTHEST: Final = 64 * 1024 * 1024
"""A body that is too large is read and discarded up to here: a client that still sends when the connection closes gets
a reset instead of the response."""


def one_form(path: str) -> str:
    """Return the path in the form that routes have: single slashes, and a trailing one on endpoints of a service."""
    path = SLASHES.sub("/", path)
    return path + "/" if SERVICE.match(path) and not path.endswith("/") else path


class Intake:
    """Middleware that reads the whole body first, as FastAPI would, so that a disconnect is noticed before any work."""

    def __init__(self, app: ASGIApp, largest_body: int = LARGEST_BODY) -> None:
        self.app = app
        self.largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = one_form(scope["path"])
        if "\0" in path or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
            await refuse(send, 400, {"url": "an address holds no NUL"})
            return
        try:
            body = await self._read(receive)
        except TooLarge:
            await refuse(send, 413, {"body": f"a body has at most {self.largest_body} bytes"})
            return
        if body is None:
            return
        # In place: the metrics middleware reads the route from the same scope afterwards.
        scope |= {"path": path, "tapeless.body": body}
        await self.app(scope, replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, or None where the client disconnected."""
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > FARTHEST:
                break
            if size <= self.largest_body:
                chunks.append(chunk)
            more = message.get("more_body", False)
        if size > self.largest_body:
            raise TooLarge
        return b"".join(chunks)


class TooLarge(Exception):
    """Raised for a body that is larger than any endpoint accepts."""


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body already read, then passes on later messages."""
    sent = False

    async def receive_again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def refuse(send: Send, status: int, errors: dict[str, str]) -> None:
    """Respond with an error before routing. The connection closes, since the rest of the body is not read."""
    content = json.dumps({"errors": errors, "request_id": request_id()}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
