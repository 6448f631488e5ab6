"""Sidecars that name metadata fields and their values outright, in JSON or XML."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from media.captions import decoded
from media.child import UnreadableError
from media.sidecars.limits import Value, Words, note
from media.sidecars.xml_tree import Node

OWN = ("title", "external_id")
"""What is the asset's own, beside the fields."""


def read_json(content: bytes) -> Words:
    """`{"field": value}` or `{"field": [values]}`, also below `metadata_values` and as `{"field_values": [{"value"}]}`.

    What stands beside `metadata_values` is not the fields': of it only the title and the external id are taken.
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
    """The values of a field; what is no value, such as an object in an object, says nothing to a field."""
    if isinstance(given, Mapping):
        given = given.get("field_values", given.get("values", given.get("value")))
    found = given if isinstance(given, list) else [given]
    values = [each.get("value") if isinstance(each, Mapping) else each for each in found]
    return [each for each in values if isinstance(each, str | int | float | bool)]


def read_fields_xml(root: Node) -> Words:
    """`<field name="F">V</field>`, `<field><name>F</name><value>V</value></field>` or `<F>V</F>`, repeated for several
    values; one element around them all, or two, such as `<asset><metadata_values>`."""
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
