"""Request ids: each request has the caller's or a new one, in the response, in every log line and in every error.

A log line holds method, path, status and duration; never headers, query or body, since those hold secrets. A secret in
a path (the link of a share, the ticket of a download) is replaced by `***`.
"""

import json
import logging
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextvars import ContextVar
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.core.log_context import bind_log_fields

log = logging.getLogger("tapeless.api")
LOGGED_PATH_PARAMETERS = ("asset_id", "job_id")
"""Path parameters that log lines carry as fields, so that all lines about one object are found."""
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECRET_PATH_PATTERN = re.compile(r"^(/share/|/API/files/v1/(?:downloads|pictures|playback)/)[^/]+")
CURRENT_REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")


def current_request_id() -> str:
    """Return the id of the current request."""
    return CURRENT_REQUEST_ID.get()


class HttpMiddleware(ABC):
    """Middleware of HTTP requests; other connections pass it by."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handle = self.handle if scope["type"] == "http" else self.app
        await handle(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, mostly by `app`."""


class StatusSend:
    """A `send` that notes the status of the response, 0 before there is one, and adds headers to it."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._send, self._headers = send, headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


class RequestTracing(HttpMiddleware):
    """Outermost middleware: assigns the request id, logs the outcome, and turns a crash into a response with the id."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under its id."""
        identity = _read_request_id(scope)
        CURRENT_REQUEST_ID.set(identity)
        with bind_log_fields(request_id=identity):
            await self._follow(scope, receive, send, identity)

    async def _follow(self, scope: Scope, receive: Receive, send: Send, identity: str) -> None:
        start = time.monotonic()
        send_named = StatusSend(send, [(b"x-request-id", identity.encode())])
        try:
            await self.app(scope, receive, send_named)
        except Exception:
            log.exception("%s %s failed", scope["method"], _redact_path(scope["path"]))
            if send_named.status == 0:
                await send_error(send_named, 500, [f"an internal error; the log has its traceback under {identity}"])
        finally:
            took = (time.monotonic() - start) * 1000
            about = {
                name: value for name, value in scope.get("path_params", {}).items() if name in LOGGED_PATH_PARAMETERS
            }
            path, status = _redact_path(scope["path"]), send_named.status
            log.info("%s %s %d %.0f ms", scope["method"], path, status, took, extra=about)


def _read_request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and REQUEST_ID_PATTERN.fullmatch(value):
            return str(value.decode())
    return uuid4().hex


def _redact_path(path: str) -> str:
    """Return the path for a log line: control characters escaped, secrets replaced."""
    return SECRET_PATH_PATTERN.sub(r"\1***", re.sub("/{2,}", "/", path))[:300].encode("unicode_escape").decode()


async def send_error(send: Send, status: int, errors: list[str] | dict[str, str]) -> None:
    """Respond with an error outside of any route."""
    content = json.dumps({"errors": errors, "request_id": current_request_id()}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
