"""Routes as plain values, registered on the app in one order: literal path segments before parameters.

So `assets/relation_types/` never matches `assets/{asset_id}/`, regardless of the order of modules.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fastapi import FastAPI

from asgi.admission import AdmissionRule, AdmittedRoute
from asgi.limits.bodies import DEFAULT_BODY_BYTES
from asgi.transaction import wrap_in_transaction, wrap_self_committing

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class SharedEndpoint:
    """An operation that has its function in common with another one, but a name and a documentation of its own."""

    name: str
    text: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that follow from the URL; the operation has no such parameters."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Names of parameters that the URL calls otherwise than the function."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """Types of parameters that are stricter than those of the function; that of its response as `return`."""

    def of(self, endpoint: Endpoint) -> Endpoint:
        """Return the function of this operation."""

        @functools.wraps(endpoint)
        def shared(*call: Any, **values: Any) -> Any:
            given = {own: values.pop(name) for own, name in self.names.items()}
            return endpoint(*call, **given, **values, **self.fixed)

        shared.__name__, shared.__doc__ = self.name, self.text
        annotations = endpoint.__annotations__ | dict(self.types)
        shared.__annotations__ = {self.names.get(own, own): kind for own, kind in annotations.items()}
        signature = inspect.signature(endpoint)
        parameters = [
            one.replace(name=self.names.get(one.name, one.name))
            for one in signature.parameters.values()
            if one.name not in self.fixed
        ]
        # Functions do not declare `__signature__`, which `inspect.signature` reads.
        shared.__dict__["__signature__"] = signature.replace(parameters=parameters)
        return cast(Endpoint, shared)


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
    other_answer: Any = None
    """Type of the body with the second status, where it is not that of the first."""
    media_types: tuple[str, ...] = ()
    """Of a response that is no JSON."""
    errors: tuple[int, ...] = ()
    """Statuses of errors that do not follow from its signature and its other properties."""
    never_gives: tuple[int, ...] = ()
    """Statuses of errors that would follow, but that it cannot give."""
    is_extension: bool = False
    """Whether it is no operation of iconik."""
    is_constant: bool = False
    """Whether it changes nothing and always answers the same: it exists for clients that call it."""
    needs_signing_key: bool = False
    """Whether it responds 501 on a server without a key to sign links and downloads."""
    public: bool = False
    own_transactions: bool = False
    replayable: bool = True
    """Whether its response may be stored for an Idempotency-Key; responses that hold a secret must not be."""
    guests: bool = False
    """Whether guests may call it, within what their share allows; all other routes deny them."""
    browsers: bool = False
    """Whether users who only browse may call it although it is no GET: it changes nothing but their own sign-ins."""
    body_bytes: int = DEFAULT_BODY_BYTES
    """Maximum size of a user's body; guests and public routes have lower limits."""
    is_search: bool = False
    """Whether it is one of the few searches that run at once."""

    @property
    def url(self) -> str:
        return f"/API/{self.service}/{self.version}{self.path}"

    @property
    def name(self) -> str:
        version = "" if self.version == "v1" else f".{self.version}"
        return f"{self.service}{version}.{self.endpoint.__name__}"

    @property
    def rule(self) -> AdmissionRule:
        """Return what a request is admitted by."""
        return AdmissionRule(self.public, self.guests, self.is_open_to_browsers, self.body_bytes, self.is_search)

    @property
    def is_open_to_browsers(self) -> bool:
        """Return whether users who only browse may call it with any method."""
        return self.browsers or self.is_search

    def handler(self) -> Callable[..., Any]:
        """Return the function that FastAPI calls."""
        if self.own_transactions:
            return wrap_self_committing(
                self.endpoint,
                self.status,
                public=self.public,
                guests=self.guests,
                browsers=self.is_open_to_browsers,
            )
        return wrap_in_transaction(
            self.endpoint,
            self.status,
            public=self.public,
            replayable=self.replayable,
            guests=self.guests,
            browsers=self.is_open_to_browsers,
        )


@dataclass(slots=True)
class RouteGroup:
    """Collects the routes of one service of iconik's API: `assets acls auth files jobs search users …`."""

    name: str
    version: str = "v1"
    is_extension: bool = False
    """Whether its operations are none of iconik."""
    routes: list[ApiRoute] = field(default_factory=list)

    def get(
        self, path: str, shared: SharedEndpoint | None = None, *, status: int = 200, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        return self._register("GET", path, shared, status, options)

    def post(
        self, path: str, shared: SharedEndpoint | None = None, *, status: int = 201, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        return self._register("POST", path, shared, status, options)

    def put(
        self, path: str, shared: SharedEndpoint | None = None, *, status: int = 200, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        return self._register("PUT", path, shared, status, options)

    def patch(
        self, path: str, shared: SharedEndpoint | None = None, *, status: int = 200, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        return self._register("PATCH", path, shared, status, options)

    def delete(
        self, path: str, shared: SharedEndpoint | None = None, *, status: int = 204, **options: Any
    ) -> Callable[[Endpoint], Endpoint]:
        return self._register("DELETE", path, shared, status, options)

    def _register(
        self, method: str, path: str, shared: SharedEndpoint | None, status: int, options: dict[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        """Register the decorated function, or with `shared` another operation that it serves too."""

        def register(endpoint: Endpoint) -> Endpoint:
            own = endpoint if shared is None else shared.of(endpoint)
            about = {"is_extension": self.is_extension, **options}
            self.routes.append(ApiRoute(self.name, self.version, method, path, status, own, **about))
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
    app.router.route_class = AdmittedRoute
    for route in routes:
        app.add_api_route(
            route.url,
            route.handler(),
            methods=[route.method],
            status_code=route.status,
            name=route.name,
            response_model=None,
            include_in_schema=False,
        )
    return routes
