"""Add examples to the OpenAPI document: to parameters, to bodies of requests and to what operations answer.

Bodies are written by hand, since a request sends few of the keys that it may send. An answer has all its keys, so its
example is composed of an example for each key; ids, dates, choices and numbers need none of their own.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from api.descriptions.body_examples import BODY_EXAMPLES
from api.descriptions.field_examples import FIELD_EXAMPLES

SchemaNode = Mapping[str, Any]
EXAMPLE_DATE = "2026-03-05T09:41:07.120000+00:00"
SCALAR_EXAMPLES: Mapping[str, Any] = {"boolean": False, "integer": 1, "number": 1, "string": "text", "null": None}


def example_id(name: str) -> str:
    """Return the id that stands for a thing in all examples."""
    return f"01930000-0000-7000-8000-{zlib.crc32(name.encode()):012x}"


def add_examples(document: dict[str, Any]) -> None:
    """Add examples to the whole document."""
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                parameter["example"] = compose_field(parameter["schema"], parameter["name"], "parameter", schemas)
    for name, schema in schemas.items():
        if name in BODY_EXAMPLES:
            schema["examples"] = [BODY_EXAMPLES[name]]
        elif schema.get("type") == "object" and "properties" in schema:
            schema["examples"] = [compose_object(name, schemas)]


def compose_object(name: str, schemas: Mapping[str, SchemaNode]) -> dict[str, Any]:
    """Return an example of an object with all its properties."""
    properties: Mapping[str, SchemaNode] = schemas[name].get("properties", {})
    return {key: compose_field(field, key, name, schemas) for key, field in properties.items()}


def compose_field(field: SchemaNode, name: str, owner: str, schemas: Mapping[str, SchemaNode]) -> Any:
    """Return an example of a property or parameter: the one of its name, or else one that follows from its schema.

    Args:
        field: its schema.
        name: its name.
        owner: name of the schema whose property it is; `parameter` for a parameter.
        schemas: all schemas of the document.
    """
    if (qualified := f"{owner}.{name}") in FIELD_EXAMPLES:
        return FIELD_EXAMPLES[qualified]
    schema_name, own = _resolve(field, schemas)
    if "const" in own or "enum" in own:
        return own["const"] if "const" in own else own["enum"][0]
    if name in FIELD_EXAMPLES:
        return FIELD_EXAMPLES[name]
    if "properties" in own:
        return compose_object(schema_name, schemas)
    return _compose_by_type(own, name, schemas)


def _resolve(field: SchemaNode, schemas: Mapping[str, SchemaNode], name: str = "") -> tuple[str, SchemaNode]:
    """Return the schema that a field refers to, with its name; of several the first that is more than null."""
    if "anyOf" in field:
        return _resolve(next(_without_null(field["anyOf"]), field["anyOf"][0]), schemas)
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return _resolve(schemas[name], schemas, name)
    return name, field


def _compose_by_type(field: SchemaNode, name: str, schemas: Mapping[str, SchemaNode]) -> Any:
    kinds = field.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return [compose_field(field.get("items", {}), f"{name}[]", "", schemas)]
    if kind == "object":
        values = field.get("additionalProperties")
        return {"name": compose_field(values, f"{name}{{}}", "", schemas)} if isinstance(values, Mapping) else {}
    by_format = {"uuid": example_id(name.rstrip("s[]")), "date-time": EXAMPLE_DATE}
    return by_format.get(field.get("format", ""), SCALAR_EXAMPLES[kind])


def _without_null(choices: list[SchemaNode]) -> Iterator[SchemaNode]:
    return (one for one in choices if one.get("type") != "null")
