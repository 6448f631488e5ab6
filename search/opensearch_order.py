"""In which order OpenSearch gives hits, and how a search goes on behind one of them: the orders of `search.ordering`.

Names that have one value are sorted by their slot's column. All others are looked for in the column of a slot that they
share, by a script, because a column of its own for each name is what an index has no room for: 200,000 hits take some
tenths of a second.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.criteria import Criteria, CriteriaError, SortKey
from search.documents import SCALARS
from search.mapping import slot_field
from search.ordering import default_order
from search.term_keys import FIRST, VALUE, name_key

# Keys are in their order, so the first of several values stands before all others of its name.
SCRIPT = """
    for (String key : doc[params.slot]) {
        if (key.startsWith(params.first) || key.startsWith(params.name)) {
            int at = params.name.length();
            return params.kinds.indexOf(key.substring(at, at + 1)) < 0 ? params.none : key.substring(at + 1);
        }
    }
    return params.none;
"""
LAST = {"asc": "\U0010ffff", "desc": ""}
"""What stands for no value, so that it comes last in both directions."""


@dataclass(frozen=True, slots=True)
class Column:
    """One key of an order, and the type that its values have."""

    spec: dict[str, Any]
    kind: type
    nullable: bool = False

    def read(self, value: Any) -> Any:
        """A value that a client sent back, as this column compares it."""
        if value is None and self.nullable:
            return None
        if self.kind is uuid.UUID:
            return str(uuid.UUID(value))
        if self.kind is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, self.kind) or isinstance(value, bool):
            raise TypeError
        return value


def order_of(criteria: Criteria) -> list[Column]:
    """The columns that `criteria` is sorted by: as asked, else the best first, else the newest."""
    columns: list[Column] = []
    falling = False
    for key in criteria.sort or default_order(criteria.query):
        more = _columns(key, criteria)
        columns += more
        falling = key.descending if more else falling
    tail = (("object_id", uuid.UUID), ("object_type", str))
    return [*columns, *(_column(name, kind, falling) for name, kind in tail)]


def behind(columns: Sequence[Column], values: Sequence[Any]) -> list[Any]:
    """`values` as OpenSearch goes on behind them."""
    if len(values) != len(columns):
        raise CriteriaError("search_after", f"has {len(values)} values where this order has {len(columns)}")
    try:
        return [column.read(value) for column, value in zip(columns, values, strict=True)]
    except (TypeError, ValueError, AttributeError):
        raise CriteriaError("search_after", "is not the _sort of a hit of this order") from None


def _columns(key: SortKey, criteria: Criteria) -> list[Column]:
    if key.name == "_score":
        return [_column("_score", float, key.descending)] if criteria.query is not None else []
    if key.name in OWN:
        return [_column(*OWN[key.name], key.descending)]
    if key.name in SCALARS:
        spec = {"order": _direction(key.descending), "missing": "_last"}
        return [Column({slot_field(key.name): spec}, str, nullable=True)]
    return [_scripted(key, "n"), _scripted(key, "tb")]


OWN: dict[str, tuple[str, type]] = {
    "date_created": ("created_us", int),
    "title": ("title_key", str),
    "object_type": ("object_type", str),
    "id": ("object_id", uuid.UUID),
}


def _column(field: str, kind: type, descending: bool) -> Column:
    return Column({field: {"order": _direction(descending)}}, kind)


def _scripted(key: SortKey, kinds: str) -> Column:
    name, direction = name_key(key.name), _direction(key.descending)
    params = {
        "slot": slot_field(key.name),
        "name": f"{name}{VALUE}",
        "first": f"{name}{FIRST}",
        "kinds": kinds,
        "none": LAST[direction],
    }
    script = {"lang": "painless", "source": SCRIPT, "params": params}
    return Column({"_script": {"type": "string", "order": direction, "script": script}}, str)


def _direction(descending: bool) -> str:
    return "desc" if descending else "asc"
