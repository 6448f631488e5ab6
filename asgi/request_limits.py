"""Checks before routing: normalise slashes, limit the body size, reject NUL in URLs.

URLs are normalised, never redirected: the 2.x client does not follow redirects, and the 1.x client would turn a
redirected POST into a GET. 1.x also doubles slashes (`delete_queue//bulk/`).
"""

import json
import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from asgi.tracing import current_request_id

VERSIONED_SERVICE_PATH: Final = re.compile(r"/API/[a-z-]+/v\d+/")
REPEATED_SLASHES: Final = re.compile(r"/{2,}")
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
MAX_DISCARDED_BYTES: Final = 64 * 1024 * 1024
"""A body that is too large is read and discarded up to here: a client that still sends when the connection closes gets
a reset instead of the response."""


def normalize_path(path: str) -> str:
    """Return the path in the form that routes have: single slashes, and a trailing one on endpoints of a service."""
    path = REPEATED_SLASHES.sub("/", path)
    return path + "/" if VERSIONED_SERVICE_PATH.match(path) and not path.endswith("/") else path


class RequestLimits:
    """Middleware that reads the whole body first, as FastAPI would, so that a disconnect is noticed before any work."""

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = normalize_path(scope["path"])
        if "\0" in path or b"%00" in scope["query_string"] or b"\0" in scope["query_string"]:
            await reject_request(send, 400, {"url": "an address holds no NUL"})
            return
        try:
            body = await self._read(receive)
        except BodyTooLargeError:
            await reject_request(send, 413, {"body": f"a body has at most {self.max_body_bytes} bytes"})
            return
        if body is None:
            return
        # In place: the metrics middleware reads the route from the same scope afterwards.
        scope["path"], scope["tapeless.body"] = path, body
        await self.app(scope, replay_body(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """Return the body, or None where the client disconnected."""
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > MAX_DISCARDED_BYTES:
                break
            if size <= self.max_body_bytes:
                chunks.append(chunk)
            more = message.get("more_body", False)
        if size > self.max_body_bytes:
            raise BodyTooLargeError
        return b"".join(chunks)


class BodyTooLargeError(Exception):
    """Raised for a body that is larger than any endpoint accepts."""


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields the body already read, then passes on later messages."""
    sent = False

    async def receive_again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def reject_request(send: Send, status: int, errors: dict[str, str]) -> None:
    """Respond with an error before routing. The connection closes, since the rest of the body is not read."""
    content = json.dumps({"errors": errors, "request_id": current_request_id()}).encode()
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
