"""Sort order and `search_after` for OpenSearch: the same orders as `search.query.ordering`.

Names with one value are sorted by the column of their slot. All others are read from the column of a shared slot by a
script, because an index has no room for one column per name: 200,000 hits take some tenths of a second.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from search.document import SCALAR_TERMS
from search.opensearch.mapping import slot_field
from search.query.criteria import Criteria, SortKey
from search.query.ordering import total_order
from search.query.term_keys import TERM_FIRST_SEPARATOR, TERM_VALUE_SEPARATOR, name_key

# Keys are sorted, so the first of several values precedes all others of its name.
SORT_SCRIPT = """
    for (String key : doc[params.slot]) {
        if (key.startsWith(params.first) || key.startsWith(params.name)) {
            int at = params.name.length();
            return params.kinds.indexOf(key.substring(at, at + 1)) < 0 ? params.none : key.substring(at + 1);
        }
    }
    return params.none;
"""
MISSING_SORT_VALUES = {"asc": "\U0010ffff", "desc": ""}
"""Sort values of missing values, which come last in both directions."""


@dataclass(frozen=True, slots=True)
class OpenSearchSortColumn:
    """Sort key with the type of its values."""

    spec: dict[str, Any]
    kind: type
    nullable: bool = False

    def read(self, value: Any) -> Any:
        """Convert a value from a client's `search_after`; raises TypeError or ValueError."""
        if value is None and self.nullable:
            return None
        if self.kind is uuid.UUID:
            return str(uuid.UUID(value))
        if self.kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, self.kind) or isinstance(value, bool):
            raise TypeError
        return value


def opensearch_sort_columns(criteria: Criteria) -> list[OpenSearchSortColumn]:
    """Return the columns of an order in the index."""
    return [column for key in total_order(criteria) for column in _opensearch_key_columns(key)]


def _opensearch_key_columns(key: SortKey) -> list[OpenSearchSortColumn]:
    if key.name in DEDICATED_SORT_FIELDS:
        field, kind = DEDICATED_SORT_FIELDS[key.name]
        return [OpenSearchSortColumn({field: {"order": _direction(key.descending)}}, kind)]
    if key.name in SCALAR_TERMS:
        spec = {"order": _direction(key.descending), "missing": "_last"}
        return [OpenSearchSortColumn({slot_field(key.name): spec}, str, nullable=True)]
    return [_scripted(key, "n"), _scripted(key, "tb")]


DEDICATED_SORT_FIELDS: dict[str, tuple[str, type]] = {
    "_score": ("_score", float),
    "date_created": ("created_us", int),
    "title": ("title_key", str),
    "object_type": ("object_type", str),
    "id": ("object_id", uuid.UUID),
}


def _scripted(key: SortKey, kinds: str) -> OpenSearchSortColumn:
    name, direction = name_key(key.name), _direction(key.descending)
    params = {
        "slot": slot_field(key.name),
        "name": f"{name}{TERM_VALUE_SEPARATOR}",
        "first": f"{name}{TERM_FIRST_SEPARATOR}",
        "kinds": kinds,
        "none": MISSING_SORT_VALUES[direction],
    }
    script = {"lang": "painless", "source": SORT_SCRIPT, "params": params}
    return OpenSearchSortColumn({"_script": {"type": "string", "order": direction, "script": script}}, str)


def _direction(descending: bool) -> str:
    return "desc" if descending else "asc"
