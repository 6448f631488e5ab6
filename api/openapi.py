"""Build the OpenAPI document: what each operation takes and answers, and the errors that it can give.

The response of an operation is the return annotation of its endpoint. The errors follow from what the operation is:
each rule says when a server can give that status, and tests compare the document with what real requests get.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NoReturn, get_type_hints

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from api.descriptions.fields import FIELD_DESCRIPTIONS
from api.descriptions.services import DOCUMENT_DESCRIPTION, SERVICE_DESCRIPTIONS
from api.examples import add_examples
from api.registry import ROUTE_GROUPS
from asgi.answers import ErrorsAnswer, iterate_answer_types
from asgi.routing import ApiRoute, sort_routes
from asgi.transaction import copy_signature

DocumentedOperation = dict[str, Any]
SECOND_SUCCESSES = {
    200: "The object existed already",
    201: "The object was created",
    202: "A job does the rest",
    206: "The range that was asked for",
}
EXTENSION_MARK, CONSTANT_MARK = "x-tapeless-extension", "x-tapeless-constant"
SCHEMA_REFERENCE = "#/components/schemas/"
ERRORS_SCHEMA_NAME = ErrorsAnswer.__name__.removesuffix("Answer")


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """An error, and which operations can give it."""

    status: int
    text: str
    applies: Callable[[ApiRoute, DocumentedOperation, bool], bool]
    """Of an operation and its description; the flag says whether it names an object by its id."""

    @property
    def name(self) -> str:
        return f"Error{self.status}"


ERROR_RULES = (
    # Parameters that no operation knows count too: more than a hundred are refused.
    ErrorRule(400, "Bad request", lambda *_: True),
    ErrorRule(401, "Not authenticated", lambda route, _shown, _: not route.public),
    # To a guest who reads what is not shared, it does not exist.
    ErrorRule(
        403, "Forbidden", lambda route, _shown, _: not route.public and not (route.guests and route.method == "GET")
    ),
    ErrorRule(404, "Not found", lambda _route, _shown, names_object: names_object),
    ErrorRule(408, "Request timeout", lambda _route, shown, _: "requestBody" in shown),
    # A concurrent change, or an Idempotency-Key that another request used.
    ErrorRule(409, "Conflict", lambda route, _shown, _: route.method != "GET" and not route.public),
    ErrorRule(411, "Length required", lambda _route, shown, _: "requestBody" in shown),
    ErrorRule(413, "Content too large", lambda _route, shown, _: "requestBody" in shown),
    ErrorRule(414, "URI too long", lambda _route, shown, _: "parameters" in shown),
    ErrorRule(416, "Range not satisfiable", lambda route, _shown, _: route.other == 206),
    # A caller has a share of the threads, for any request; sign-ins and writes of guests have limits of their own.
    ErrorRule(429, "Too many requests", lambda *_: True),
    ErrorRule(431, "Request header fields too large", lambda *_: True),
    ErrorRule(501, "This server has no key to sign with", lambda route, _shown, _: route.needs_signing_key),
    ErrorRule(503, "Service unavailable, try again", lambda *_: True),
)


def build_openapi_document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document; it is built at the first call."""
    if app.openapi_schema is None:
        routes = sort_routes(ROUTE_GROUPS)
        errors = APIRoute("/errors", _never_called, response_model=ErrorsAnswer)
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DOCUMENT_DESCRIPTION,
            tags=[{"name": name, "description": text} for name, text in SERVICE_DESCRIPTIONS.items()],
            routes=[*map(document_route, routes), errors],
        )
        del document["paths"]["/errors"]
        schemas = document["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for route in routes:
            _describe_operation(route, document["paths"][route.url][route.method.lower()], schemas)
        document = _rename_answers(document)
        _describe_fields(document)
        add_examples(document)
        document["components"]["responses"] = {rule.name: _describe_error(rule.text) for rule in ERROR_RULES}
        document["components"]["securitySchemes"] = {
            name: {"type": "apiKey", "in": "header", "name": name} for name in ("App-ID", "Auth-Token")
        }
        document["security"] = [{"App-ID": [], "Auth-Token": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _never_called(**_: Any) -> Response:
    """Stand for an endpoint in the OpenAPI document."""
    raise AssertionError


def _describe_error(text: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"{SCHEMA_REFERENCE}{ERRORS_SCHEMA_NAME}"}}}
    return {"description": text, "content": content}


def document_route(route: ApiRoute) -> APIRoute:
    """Return the route as it is documented: with its body, which the served route reads without FastAPI, and with the
    type of its response, which the served route does not check."""
    answer = answer_of(route, route.status)
    responses: dict[int | str, dict[str, Any]] = {}
    if route.other is not None:
        other = answer_of(route, route.other)
        responses[route.other] = {"description": SECOND_SUCCESSES[route.other]} | (
            {} if other is None else {"model": other}
        )
    for status in (route.status, route.other) if route.media_types else ():
        if status is not None:
            content = {name: {"schema": {"type": "string", "format": "binary"}} for name in route.media_types}
            responses.setdefault(status, {"description": "Success"})["content"] = content
    return APIRoute(
        route.url,
        copy_signature(route.endpoint, _never_called, with_body=True),
        methods=[route.method],
        status_code=route.status,
        name=route.name,
        operation_id=f"{route.name}.{route.method.lower()}",
        summary=re.split(r"[.;:](?:\s|$)", route.endpoint.__doc__ or "")[0],
        tags=[route.service],
        response_model=answer,
        response_class=Response if answer is None else JSONResponse,
        responses=responses,
        openapi_extra={"security": []} if route.public else None,
    )


def answer_of(route: ApiRoute, status: int) -> Any:
    """Return the type of the JSON body with one of the success statuses; None if it has none."""
    if status == 204:
        return None
    types = list(iterate_answer_types(get_type_hints(route.endpoint, include_extras=True).get("return")))
    if route.other_answer is not None:
        types = [route.other_answer] if status == route.other else [one for one in types if one != route.other_answer]
    return reduce(or_, types) if types else None


def _describe_operation(route: ApiRoute, shown: DocumentedOperation, schemas: dict[str, Any]) -> None:
    """Add the errors that the operation can give, and what kind of operation it is."""
    asked = [shown.get("parameters", []), shown.get("requestBody")]
    names = {one["name"] for one in shown.get("parameters", ())}
    names_object = (
        "{" in route.url
        or "page" in names
        or any(part.get("format") == "uuid" for part in iterate_schemas(asked, schemas))
    )
    responses = shown["responses"]
    responses.pop("422", None)
    for one in responses.values():
        for content in one.get("content", {}).values():
            content["schema"].pop("title", None)
    for rule in ERROR_RULES:
        follows = rule.status not in route.never_gives and rule.applies(route, shown, names_object)
        if rule.status in route.errors or follows:
            responses[str(rule.status)] = {"$ref": f"#/components/responses/{rule.name}"}
    if shown.get("description", "").rstrip(".") == shown["summary"]:
        del shown["description"]
    if get_type_hints(route.endpoint).get("return") is NoReturn:
        del responses[str(route.status)]
    if route.is_extension:
        shown[EXTENSION_MARK] = True
    if route.is_constant:
        shown[CONSTANT_MARK] = True


def iterate_schemas(node: Any, schemas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every object in a part of the document, and in the schemas that it refers to."""
    waiting, known = [node], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            yield one
            waiting.extend(one.values())
            reference = one.get("$ref")
            if isinstance(reference, str) and reference not in known:
                known.add(reference)
                waiting.append(schemas[reference.removeprefix(SCHEMA_REFERENCE)])


def name_answer(name: str) -> str:
    """Return the name of a schema in the document: `ListedAssetPage` for a page of `ListedAssetAnswer`."""
    parts = re.findall(r"([A-Za-z]+?)Answer(?=_|$)", name)
    suffix = {"Page": "Page", "ObjectList": "List"}.get(parts[0], "") if len(parts) > 1 else ""
    return "Or".join(parts[1:] if suffix else parts) + suffix if parts else name


def _rename_answers(document: dict[str, Any]) -> dict[str, Any]:
    """Name the schemas of responses after what they describe."""
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        if (new := name_answer(name)) != name:
            if f'"{new}": {{' in text:
                raise ValueError(f"two schemas of the document are named {new}")
            text = text.replace(f'"{SCHEMA_REFERENCE}{name}"', f'"{SCHEMA_REFERENCE}{new}"')
            text = text.replace(f'"{name}": {{', f'"{new}": {{')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _describe_fields(document: dict[str, Any]) -> None:
    """Describe parameters and properties by their names, where they do not describe themselves."""
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"].pop("title", None)
                _describe_field(parameter, parameter["name"], "parameter")
    for schema_name, schema in document["components"]["schemas"].items():
        schema.pop("title", None)
        for name, field in schema.get("properties", {}).items():
            field.pop("title", None)
            _describe_field(field, name, schema_name)


def _describe_field(shown: dict[str, Any], name: str, schema_name: str = "") -> None:
    text = FIELD_DESCRIPTIONS.get(f"{schema_name}.{name}") or FIELD_DESCRIPTIONS.get(name)
    if text is not None:
        shown.setdefault("description", text)
