"""Routes as plain values, registered on the app in one order: literal path segments before parameters.

So `assets/relation_types/` never matches `assets/{asset_id}/`, regardless of the order of modules.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import FastAPI

from asgi.transaction import wrap_in_transaction, wrap_self_committing

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def _describe_error(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}}


ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: _describe_error(text)
    for status, text in {
        400: "Bad request",
        401: "Not authenticated",
        403: "Not allowed",
        404: "No such thing",
        409: "Another state",
        413: "Too large",
        429: "Too often",
        503: "Try again",
    }.items()
}


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One endpoint. `path` begins after the version."""

    service: str
    version: str
    method: str
    path: str
    status: int
    endpoint: Callable[..., Any]
    other: int | None = None
    """Second success status (200 where the object existed already)."""
    needs_signing_key: bool = False
    """Whether it responds 501 on a server without a key to sign links and downloads."""
    public: bool = False
    own_transactions: bool = False
    replayable: bool = True
    """Whether its response may be stored for an Idempotency-Key; responses that hold a secret must not be."""
    guests: bool = False
    """Whether guests may call it, within what their share allows; all other routes deny them."""

    @property
    def url(self) -> str:
        return f"/API/{self.service}/{self.version}{self.path}"

    @property
    def name(self) -> str:
        version = "" if self.version == "v1" else f".{self.version}"
        return f"{self.service}{version}.{self.endpoint.__name__}"

    def handler(self) -> Callable[..., Any]:
        """Return the function that FastAPI calls."""
        if self.own_transactions:
            return wrap_self_committing(self.endpoint, self.status, public=self.public, guests=self.guests)
        return wrap_in_transaction(
            self.endpoint, self.status, public=self.public, replayable=self.replayable, guests=self.guests
        )


@dataclass(slots=True)
class RouteGroup:
    """Collects the routes of one service of iconik's API: `assets acls auth files jobs search users …`."""

    name: str
    version: str = "v1"
    routes: list[ApiRoute] = field(default_factory=list)

    def get(self, path: str, status: int = 200, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._register("GET", path, status, options)

    def post(self, path: str, status: int = 201, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._register("POST", path, status, options)

    def put(self, path: str, status: int = 200, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._register("PUT", path, status, options)

    def patch(self, path: str, status: int = 200, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._register("PATCH", path, status, options)

    def delete(self, path: str, status: int = 204, **options: Any) -> Callable[[Endpoint], Endpoint]:
        return self._register("DELETE", path, status, options)

    def _register(self, method: str, path: str, status: int, options: dict[str, Any]) -> Callable[[Endpoint], Endpoint]:
        def register(endpoint: Endpoint) -> Endpoint:
            self.routes.append(ApiRoute(self.name, self.version, method, path, status, endpoint, **options))
            return endpoint

        return register


def sort_routes(services: Iterable[RouteGroup]) -> list[ApiRoute]:
    """Return all routes, literal segments before parameters."""
    return sorted(
        (route for service in services for route in service.routes), key=lambda route: list(_route_sort_key(route.url))
    )


def _route_sort_key(url: str) -> Iterator[tuple[bool, str]]:
    for segment in url.strip("/").split("/"):
        yield segment.startswith("{"), "" if segment.startswith("{") else segment


def install_routes(app: FastAPI, services: Iterable[RouteGroup]) -> list[ApiRoute]:
    """Register every route on the app."""
    routes = sort_routes(services)
    for route in routes:
        others: dict[int | str, dict[str, Any]] = {route.other: {"description": "Success too"}} if route.other else {}
        if route.needs_signing_key:
            others[501] = _describe_error("This server has no key to sign with")
        app.add_api_route(
            route.url,
            route.handler(),
            methods=[route.method],
            status_code=route.status,
            name=route.name,
            operation_id=f"{route.name}.{route.method.lower()}",
            tags=[route.service],
            response_model=None,
            responses={**ERROR_RESPONSES, **others},
            openapi_extra={"security": []} if route.public else None,
        )
    return routes
