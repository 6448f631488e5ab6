"""Request durations by route pattern: an id in a label would create a series for every asset.

With tracing enabled, each request is a span, and its changes continue that trace.
"""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.core.tracing import is_tracing, span
from workers.celery.metrics import HTTP_SECONDS

MEASURED_HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_HTTP_METHOD = "other"
"""Label of unknown methods: every label is a permanent series, and clients can send any method."""
NO_ROUTE = "none"


class HttpMetricsMiddleware:
    """ASGI middleware around the whole application, so that requests rejected by other middleware are measured too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, start = 0, time.perf_counter()

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with span("http", [_read_caller_trace(scope)] if is_tracing() else ()) as following:
            try:
                await self.app(scope, receive, send_noted)
            finally:
                method = scope["method"] if scope["method"] in MEASURED_HTTP_METHODS else OTHER_HTTP_METHOD
                route = getattr(scope.get("route"), "path", NO_ROUTE)
                HTTP_SECONDS.labels(method, route, str(status)).observe(time.perf_counter() - start)
                if following is not None:
                    told = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                    following.tell(f"{method} {route}", told)


def _read_caller_trace(scope: Scope) -> str | None:
    """Return the caller's trace header; the tracing library starts a new trace if it is invalid."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
