"""Checks each answer that a test receives against the OpenAPI document: its status, its media type and its body.

In the document objects are open, so that clients tolerate keys that later versions add. Here they are closed, so that
no answer has a key that the document does not describe.
"""

import copy
import fnmatch
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from api.app import create_api
from api.registry import ROUTE_GROUPS
from asgi.context import ApiContext
from asgi.routing import sort_routes
from models.core.sessions import make_engine, make_sessions
from search.postgres.engine import PostgresEngine

BEFORE_THE_OPERATION = {405, 408, 411, 413, 414, 431}
"""Statuses that the server gives to any request, before it knows the operation."""
REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


@cache
def openapi_document() -> dict[str, Any]:
    """Return the document, from an application without a database."""
    nowhere = make_sessions(make_engine("postgresql+psycopg://nowhere"))
    document: dict[str, Any] = create_api(ApiContext(nowhere, PostgresEngine(nowhere))).openapi()
    return document


@cache
def closed_schemas() -> dict[str, Any]:
    """Return the schemas of the document, in which no object has keys that are not described."""
    schemas: dict[str, Any] = copy.deepcopy(openapi_document()["components"]["schemas"])
    for schema in schemas.values():
        if schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
    return schemas


def response_of(path: str, method: str, status: str) -> dict[str, Any] | None:
    """Return the description of a response; None if there is none."""
    described: dict[str, Any] | None = openapi_document()["paths"][path][method]["responses"].get(status)
    if described is not None and "$ref" in described:
        described = openapi_document()["components"]["responses"][described["$ref"].rpartition("/")[2]]
    return described


@cache
def validator_of(schema: str) -> jsonschema_rs.Validator:
    """Return the validator of a schema, given as JSON; it holds copies of those schemas alone that this one needs."""
    needed: dict[str, Any] = {}
    missing = set(REFERENCE.findall(schema))
    while missing:
        needed |= {name: closed_schemas()[name] for name in missing}
        missing = set(REFERENCE.findall(json.dumps([needed[name] for name in missing]))) - needed.keys()
    whole = {**json.loads(schema), "components": {"schemas": needed}}
    return jsonschema_rs.validator_for(whole, validate_formats=True)


@dataclass(frozen=True, slots=True)
class DocumentedPath:
    """The pattern of a path, as the server matches it."""

    path: str
    pattern: re.Pattern[str]


@cache
def documented_paths() -> dict[tuple[str, int], list[DocumentedPath]]:
    """Return paths by method and number of parts, in the order in which the server tries them."""
    found: dict[tuple[str, int], list[DocumentedPath]] = defaultdict(list)
    for route in sort_routes(ROUTE_GROUPS):
        pattern = re.compile(re.sub(r"\{[^}]*\}", "[^/]+", route.url))
        found[route.method, route.url.count("/")].append(DocumentedPath(route.url, pattern))
    return found


def find_path(method: str, asked: str) -> str | None:
    """Return the path of the operation that the server chooses; None if there is none."""
    whole = re.sub("/+", "/", f"{asked}/")
    paths = documented_paths().get((method, whole.count("/")), [])
    return next((one.path for one in paths if one.pattern.fullmatch(whole)), None)


def wrong_with(response: httpx.Response) -> Iterator[str]:
    """Yield what an answer has that the document does not describe."""
    method, path = response.request.method, find_path(response.request.method, response.request.url.path)
    if path is None or response.status_code in BEFORE_THE_OPERATION:
        return
    status = str(response.status_code)
    described = response_of(path, method.lower(), status)
    if described is None:
        yield f"{status} is not documented"
        return
    content = described.get("content", {})
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if not response.content:
        if "application/json" in content and status != "416":
            yield "no body"
    elif "application/json" in content:
        schema = json.dumps(content["application/json"]["schema"], sort_keys=True)
        for error in validator_of(schema).iter_errors(response.json()):
            yield f"{'.'.join(map(str, error.instance_path))}: {error.message[:300]}"
    elif not any(fnmatch.fnmatch(media_type, one) for one in content):
        yield f"a body of {media_type}, where {' '.join(content) or 'none'} is documented"


class CheckedClient(httpx.Client):
    """Client that requires of each answer, except streamed ones, that the document describes it."""

    def request(self, *arguments: Any, **options: Any) -> httpx.Response:
        return require_documented(super().request(*arguments, **options))


def require_documented(response: httpx.Response) -> httpx.Response:
    """Return an answer that the document describes."""
    wrong = list(wrong_with(response))
    assert not wrong, f"{response.request.method} {response.request.url.path} {response.status_code}: {wrong[:5]}"
    return response
