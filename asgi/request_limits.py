"""Checks before routing: normalise slashes, limit the URL, reject NUL in it; and responses in pieces.

URLs are normalised, never redirected: the 2.x client does not follow redirects, and the 1.x client would turn a
redirected POST into a GET. 1.x also doubles slashes (`delete_queue//bulk/`).
"""

import re
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from asgi.tracing import HttpMiddleware, send_error

VERSIONED_SERVICE_PATH: Final = re.compile(r"/API/[a-z-]+/v\d+/")
REPEATED_SLASHES: Final = re.compile(r"/{2,}")
MAX_URL_BYTES: Final = 8 * 1024
MAX_QUERY_PARAMETERS: Final = 100
RESPONSE_PIECE_BYTES: Final = 64 * 1024
"""The server copies what it is given into the buffer of the connection, and waits only before the next piece."""


def normalize_path(path: str) -> str:
    """Return the path in the form that routes have: single slashes, and a trailing one on endpoints of a service."""
    path = REPEATED_SLASHES.sub("/", path)
    return path + "/" if VERSIONED_SERVICE_PATH.match(path) and not path.endswith("/") else path


class RequestLimits(HttpMiddleware):
    """Middleware for what holds for every request, on any route."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reject what no route answers; pass on the rest."""
        path, query = normalize_path(scope["path"]), scope["query_string"]
        if len(scope["raw_path"]) + len(query) > MAX_URL_BYTES:
            await send_error(send, 414, {"url": f"an address has at most {MAX_URL_BYTES} bytes"})
        elif query.count(b"&") >= MAX_QUERY_PARAMETERS:
            await send_error(send, 400, {"url": f"an address has at most {MAX_QUERY_PARAMETERS} parameters"})
        elif "\0" in path or b"%00" in query or b"\0" in query:
            await send_error(send, 400, {"url": "an address must not contain a NUL character"})
        else:
            # In place: the metrics middleware reads the route from the same scope afterwards.
            scope["path"] = path
            await self.app(scope, receive, close_after_unread_body(scope, send_in_pieces(send)))


def send_in_pieces(send: Send) -> Send:
    """Return a `send` that passes a large body on in pieces, as fast as the client reads them."""

    async def send_piece_by_piece(message: Message) -> None:
        body = message.get("body", b"")
        if len(body) <= RESPONSE_PIECE_BYTES:
            await send(message)
            return
        for start in range(0, len(body), RESPONSE_PIECE_BYTES):
            more = message.get("more_body", False) or start + RESPONSE_PIECE_BYTES < len(body)
            await send({**message, "body": body[start : start + RESPONSE_PIECE_BYTES], "more_body": more})

    return send_piece_by_piece


def close_after_unread_body(scope: Scope, send: Send) -> Send:
    """Return a `send` that announces the end of the connection where the body of the request was not read.

    The server closes such a connection after the response: a client that is not told sends its next request on it.
    """
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")

    async def send_and_announce(message: Message) -> None:
        if message["type"] == "http.response.start" and length != b"0" and "tapeless.body" not in scope:
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_and_announce
