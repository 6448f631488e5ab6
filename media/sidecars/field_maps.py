"""Sidecars that name metadata fields and values directly, in JSON or XML."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode
from media.sidecars.limits import SidecarFields, SidecarScalar, add_values

ASSET_OWN_FIELDS = ("title", "external_id")
"""Keys for attributes of the asset itself, beside its metadata fields."""


def read_fields_json(content: bytes) -> SidecarFields:
    """Parse `{"field": value}` or `{"field": [values]}`, also below `metadata_values` and as `{"field_values":
    [{"value"}]}`.

    Beside `metadata_values` only the title and the external id are read; other keys there are no fields.
    """
    try:
        said = json.loads(decode_text(content), parse_constant=_refuse_constant)
    except RecursionError:
        raise UnreadableError("is no JSON that is read: it is nested too deep") from None
    except ValueError as error:
        raise UnreadableError(f"is no JSON that can be read: {error}"[:300]) from None
    if not isinstance(said, dict):
        raise UnreadableError('is no sidecar: an object is expected, such as {"field": "value"}')
    fields = said.get("metadata_values")
    if fields is not None and not isinstance(fields, dict):
        raise UnreadableError('is no sidecar: its "metadata_values" are no object such as {"field": "value"}')
    words: SidecarFields = {}
    for name, value in (
        {name: said.get(name) for name in ASSET_OWN_FIELDS} | fields if fields is not None else said
    ).items():
        add_values(words, name, _field_values(value))
    return words


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _field_values(given: Any) -> list[SidecarScalar | None]:
    """Return the values of a field; nested objects and other types are ignored."""
    if isinstance(given, Mapping):
        given = given.get("field_values", given.get("values", given.get("value")))
    found = given if isinstance(given, list) else [given]
    values = [each.get("value") if isinstance(each, Mapping) else each for each in found]
    return [each for each in values if isinstance(each, str | int | float | bool)]


def read_fields_xml(root: XmlNode) -> SidecarFields:
    """Read `<field name="F">V</field>`, `<field><name>F</name><value>V</value></field>` or `<F>V</F>`, repeated for
    several values, inside one or two outer elements such as `<asset><metadata_values>`."""
    words: SidecarFields = {}
    holder = next((node for node in root.walk() if node.name in ("metadata_values", "metadata")), root)
    for parent in {id(node): node for node in (root, holder)}.values():
        for node in parent.children:
            if parent is holder or node.name in ASSET_OWN_FIELDS:
                _add_element(words, node)
    return words


def _add_element(words: SidecarFields, node: XmlNode) -> None:
    name = node.attributes.get("name") or node.text_of("name") or node.name
    values = [child for child in node.walk() if child.name in ("value", "field_value") and not child.children]
    if values:
        add_values(words, name, [each.text for each in values])
    elif not node.children:
        add_values(words, name, [node.attributes.get("value") or node.text])
