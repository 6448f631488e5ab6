"""Every field of every request body has a bound, in the OpenAPI document and where bodies are validated."""

from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
from pydantic import TypeAdapter

from api.documentation import UI_FILES, load_ui_file
from api.registry import ROUTE_GROUPS
from asgi.limits.bodies import DEFAULT_BODY_BYTES, LARGE_BODY_BYTES
from asgi.request_limits import MAX_URL_BYTES
from asgi.routing import ApiRoute, sort_routes
from tests.api.test_openapi import openapi_document

FIXED_FORMATS = {"uuid", "date-time", "uri"}
"""Formats whose texts have a length of their own; an address of pydantic's has at most 2,083 characters."""
ROUTES = {route.name: route for route in sort_routes(ROUTE_GROUPS) if "body" in get_type_hints(route.endpoint)}


def unbounded(schema: dict[str, Any], path: str, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the paths below a schema where a value may be of any size."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in above:
            yield from unbounded(openapi_document()["components"]["schemas"][name], path, above | {name})
        return
    for choice in schema.get("anyOf", []) + schema.get("allOf", []):
        yield from unbounded(choice, path, above)
    kinds = schema.get("type", [] if "anyOf" in schema or "allOf" in schema else ["any"])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if "enum" not in schema and "const" not in schema:
            yield from UNBOUNDED_KINDS.get(kind, unknown_kind)(schema, path, above)


def unknown_kind(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    yield f"{path}: any value"


def no_faults(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    yield from ()


def unbounded_text(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    if "maxLength" not in schema and schema.get("format") not in FIXED_FORMATS:
        yield f"{path}: a text without a length"


def unbounded_integer(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    low, high = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}
    if not low & schema.keys() or not high & schema.keys():
        yield f"{path}: a number without ends"


def unbounded_list(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    if "maxItems" not in schema:
        yield f"{path}: a list without a length"
    yield from unbounded(schema["items"], f"{path}[]", above)


def unbounded_object(schema: dict[str, Any], path: str, above: frozenset[str]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield from unbounded(inner, f"{path}.{name}", above)
    if "properties" in schema:
        return
    if "maxProperties" not in schema:
        yield f"{path}: a map without a size"
    values = schema.get("additionalProperties", True)
    if values is True and "x-max-bytes" not in schema:
        yield f"{path}: a map of values of any size"
    elif isinstance(values, dict):
        yield from unbounded(values, f"{path}{{}}", above)


UNBOUNDED_KINDS = {
    "string": unbounded_text,
    "integer": unbounded_integer,
    "array": unbounded_list,
    "object": unbounded_object,
    **dict.fromkeys(("boolean", "null", "number"), no_faults),
}


def test_every_field_of_every_body_is_bounded() -> None:
    found = [
        fault
        for path, operations in openapi_document()["paths"].items()
        for method, operation in operations.items()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for fault in unbounded(content["schema"], f"{method} {path} ")
    ]
    assert found == []


def test_every_list_in_an_address_has_a_length_and_nothing_in_it_is_an_object() -> None:
    """All texts together, and so the values that commas separate in them, are bounded by the length of an address."""
    faults = [
        fault
        for path, operations in openapi_document()["paths"].items()
        for method, operation in operations.items()
        for parameter in operation.get("parameters", [])
        for fault in unbounded(parameter["schema"], f"{method} {path} {parameter['name']}")
    ]
    assert [fault for fault in faults if not fault.endswith(("a text without a length", "a number without ends"))] == []
    assert {fault.split(" ")[2] for fault in faults if fault.endswith("a number without ends")} == {"page:"}, (
        "which is compared with the number of pages"
    )
    assert MAX_URL_BYTES <= 8 * 1024


@pytest.mark.parametrize(
    ("schema", "faults"),
    [
        ({"type": "string"}, 1),
        ({"type": "string", "maxLength": 1}, 0),
        ({"type": "string", "format": "binary"}, 1),
        ({"type": "integer", "minimum": 0}, 1),
        ({"type": "array", "items": {"type": "string"}}, 2),
        ({"type": "object"}, 2),
        ({"type": "object", "maxProperties": 5, "additionalProperties": {"type": "string"}}, 1),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "null"}, {"type": "string"}]}}}, 1),
        ({}, 1),
        ({"type": ["string", "null"]}, 1),
    ],
)
def test_a_field_without_a_bound_is_noticed(schema: dict[str, Any], faults: int) -> None:
    assert len(list(unbounded(schema, "x"))) == faults


def list_schemas(core: Any) -> Iterator[dict[str, Any]]:
    """Yield the schemas of lists inside a schema of pydantic's core."""
    if isinstance(core, dict):
        if core.get("type") == "list":
            yield core
        for inner in core.values():
            yield from list_schemas(inner)
    elif isinstance(core, list | tuple):
        for inner in core:
            yield from list_schemas(inner)


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_every_list_stops_at_its_first_invalid_item_and_its_end(name: str) -> None:
    """A million errors take a minute to put into words, though only the first are shown."""
    core = TypeAdapter(get_type_hints(ROUTES[name].endpoint, include_extras=True)["body"]).core_schema
    assert [one for one in list_schemas(core) if not one.get("fail_fast") or "max_length" not in one] == []


def test_a_file_of_the_documentation_is_the_same_bytes_for_all() -> None:
    """Anyone may ask for a megabyte of it, and read nothing."""
    assert all(load_ui_file(name) is load_ui_file(name) for name in UI_FILES)


def test_large_bodies_are_for_few_routes() -> None:
    def names(size: int) -> set[str]:
        return {route.name for route in all_routes if route.body_bytes == size}

    all_routes: list[ApiRoute] = sort_routes(ROUTE_GROUPS)
    assert len(names(DEFAULT_BODY_BYTES)) + len(names(LARGE_BODY_BYTES)) == len({route.name for route in all_routes})
    assert len(names(LARGE_BODY_BYTES)) <= 9
