"""How long each request took, by the pattern of its address: an id in a label would make a series for every asset."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workers.metrics import HTTP_SECONDS

NO_ROUTE = "none"


class Measured:
    """Around the whole application, so that what middleware refuses is measured too."""

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

        try:
            await self.app(scope, receive, send_noted)
        finally:
            route = getattr(scope.get("route"), "path", NO_ROUTE)
            HTTP_SECONDS.labels(scope["method"], route, str(status)).observe(time.perf_counter() - start)
