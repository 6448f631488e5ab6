"""Request durations by route pattern: an id in a label would create a series for every asset.

With tracing enabled, each request is a span, and its changes continue that trace.
"""

import time

from starlette.types import Receive, Scope, Send

from asgi.tracing import HttpMiddleware, StatusSend
from models.core.tracing import is_tracing, span
from workers.celery.metrics import HTTP_SECONDS

MEASURED_HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_HTTP_METHOD = "other"
"""Label of unknown methods: every label is a permanent series, and clients can send any method."""
NO_ROUTE = "none"


class HttpMetricsMiddleware(HttpMiddleware):
    """Middleware around the whole application, so that requests rejected by other middleware are measured too."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure a request."""
        noted, start = StatusSend(send), time.perf_counter()
        with span("http", [_read_caller_trace(scope)] if is_tracing() else ()) as following:
            try:
                await self.app(scope, receive, noted)
            finally:
                method = scope["method"] if scope["method"] in MEASURED_HTTP_METHODS else OTHER_HTTP_METHOD
                route = getattr(scope.get("route"), "path", NO_ROUTE)
                HTTP_SECONDS.labels(method, route, str(noted.status)).observe(time.perf_counter() - start)
                if following is not None:
                    about = {"http.request.method": method, "http.route": route}
                    following.tell(f"{method} {route}", about | {"http.response.status_code": noted.status})


def _read_caller_trace(scope: Scope) -> str | None:
    """Return the caller's trace header; the tracing library starts a new trace if it is invalid."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
