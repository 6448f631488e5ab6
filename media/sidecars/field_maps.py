"""Sidecars that name metadata fields and values directly, in JSON or XML."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from media.captions import decoded
from media.child import UnreadableError
from media.sidecars.limits import Value, Words, note
from media.sidecars.xml_tree import Node

OWN = ("title", "external_id")
"""Keys for attributes of the asset itself, beside its metadata fields."""


def read_json(content: bytes) -> Words:
    """Parse `{"field": value}` or `{"field": [values]}`, also below `metadata_values` and as `{"field_values":
    [{"value"}]}`.

    Beside `metadata_values` only the title and the external id are read; other keys there are no fields.
    """
    try:
        said = json.loads(decoded(content), parse_constant=_refuse_constant)
    except RecursionError:
        raise UnreadableError("is no JSON that is read: it is nested too deep") from None
    except ValueError as error:
        raise UnreadableError(f"is no JSON that can be read: {error}"[:300]) from None
    if not isinstance(said, dict):
        raise UnreadableError('is no sidecar: an object is expected, such as {"field": "value"}')
    fields = said.get("metadata_values")
    if fields is not None and not isinstance(fields, dict):
        raise UnreadableError('is no sidecar: its "metadata_values" are no object such as {"field": "value"}')
    words: Words = {}
    for name, value in ({name: said.get(name) for name in OWN} | fields if fields is not None else said).items():
        note(words, name, _values(value))
    return words


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _values(given: Any) -> list[Value | None]:
    """Return the values of a field; nested objects and other types are ignored."""
    if isinstance(given, Mapping):
        given = given.get("field_values", given.get("values", given.get("value")))
    found = given if isinstance(given, list) else [given]
    values = [each.get("value") if isinstance(each, Mapping) else each for each in found]
    return [each for each in values if isinstance(each, str | int | float | bool)]


def read_fields_xml(root: Node) -> Words:
    """Read `<field name="F">V</field>`, `<field><name>F</name><value>V</value></field>` or `<F>V</F>`, repeated for
    several values, inside one or two outer elements such as `<asset><metadata_values>`."""
    words: Words = {}
    holder = next((node for node in root.walk() if node.name in ("metadata_values", "metadata")), root)
    for parent in {id(node): node for node in (root, holder)}.values():
        for node in parent.children:
            if parent is holder or node.name in OWN:
                _note_element(words, node)
    return words


def _note_element(words: Words, node: Node) -> None:
    name = node.attributes.get("name") or node.text_of("name") or node.name
    values = [child for child in node.walk() if child.name in ("value", "field_value") and not child.children]
    if values:
        note(words, name, [each.text for each in values])
    elif not node.children:
        note(words, name, [node.attributes.get("value") or node.text])
