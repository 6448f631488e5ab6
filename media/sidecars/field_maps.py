"""Sidecars that name metadata fields and values directly, in JSON or XML."""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import XmlNode
from media.sidecars.limits import (
    MAX_TABLE_ROWS,
    MAX_XML_DEPTH,
    SidecarFields,
    SidecarScalar,
    add_values,
    require_at_most,
    require_storable_text,
)
from media.sidecars.tables import ClipRow

ASSET_OWN_FIELDS = ("title", "external_id")
"""Keys for attributes of the asset itself, beside its metadata fields."""


VALUE_HOLDERS = ("field_values", "values", "value")
"""Keys of an object that is a field itself, with its values below one of them."""
EXIFTOOL_FILE_KEY = "SourceFile"


def read_fields_json(content: bytes) -> list[ClipRow]:
    """Parse `{"field": value}` or `{"field": [values]}`, also below `metadata_values` and as `{"field_values":
    [{"value"}]}`; or a list of such objects, each with the `SourceFile` that it describes, as ExifTool writes it.

    Beside `metadata_values` only the title and the external id are read; other keys there are no fields.
    """
    try:
        said = json.loads(decode_text(content), strict=False, parse_constant=_refuse_constant, parse_float=_parse_float)
    except RecursionError:
        raise UnreadableError("is no JSON that is read: it is nested too deep") from None
    except ValueError as error:
        raise UnreadableError(f"is no JSON that can be read: {error}"[:300]) from None
    listed = said if isinstance(said, list) else [said]
    if not listed or not all(isinstance(one, dict) for one in listed):
        raise UnreadableError('is no sidecar: an object is expected, such as {"field": "value"}')
    require_at_most(len(listed), MAX_TABLE_ROWS, "rows")
    if len(listed) > 1 and not all(isinstance(one.get(EXIFTOOL_FILE_KEY), str) for one in listed):
        raise UnreadableError(
            f'has {len(listed):,} objects without "{EXIFTOOL_FILE_KEY}", which says which file each is about'
        )
    return [_read_object(one) for one in listed]


def _read_object(said: Mapping[str, Any]) -> ClipRow:
    name = said.get(EXIFTOOL_FILE_KEY)
    if isinstance(name, str):
        require_storable_text(name, EXIFTOOL_FILE_KEY)
        said = {key: value for key, value in said.items() if key != EXIFTOOL_FILE_KEY}
    fields = said.get("metadata_values")
    if fields is not None and not isinstance(fields, dict):
        raise UnreadableError('is no sidecar: its "metadata_values" are no object such as {"field": "value"}')
    words: SidecarFields = {}
    own = {key: said.get(key) for key in ASSET_OWN_FIELDS}
    for word, value in (own | fields if fields is not None else said).items():
        _add_field(words, word, value)
    return ClipRow(name if isinstance(name, str) else None, words)


def _parse_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is larger than any number that is stored")
    return number


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _add_field(words: SidecarFields, word: str, given: Any, depth: int = 0) -> None:
    """Add the values of a field. Of other objects, such as groups and structures of ExifTool, each key is a field
    whose name begins with theirs: `EXIF:Make`, `XMP:History:Action`."""
    require_at_most(depth, MAX_XML_DEPTH, "objects inside of each other")
    if isinstance(given, Mapping):
        holder = next((key for key in VALUE_HOLDERS if key in given), None)
        if holder is None:
            for key, value in given.items():
                _add_field(words, f"{word}:{key}", value, depth + 1)
            return
        given = given[holder]
    values: list[SidecarScalar | None] = []
    for each in given if isinstance(given, list) else [given]:
        value = each["value"] if isinstance(each, Mapping) and "value" in each else each
        if isinstance(value, Mapping | list):
            _add_field(words, word, value, depth + 1)
        elif isinstance(value, str | int | float | bool):
            values.append(value)
    add_values(words, word, values)


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
