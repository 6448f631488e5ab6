"""Sort order of hits, and `search_after`.

Every order ends with type and id, so that it is total: a page begins exactly where the previous one ended, even among a
thousand documents with one title. Numbers sort before texts, and missing values last in both directions.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Double,
    SQLColumnExpression,
    UnaryExpression,
    Uuid,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.types import Text, TypeEngine

from models.queues.index_mark import SearchDocument
from search.query.analysis import TextQuery, replace_unstorable
from search.query.budget import CriteriaError
from search.query.criteria import Criteria, SortKey
from search.query.sql_predicates import exact_title_tsquery, rank_tsquery, term_values

RANK_WEIGHTS = [0.1, 0.2, 0.2, 1.0]
"""Weights of D, C, B and A: a word of the title counts ten times as much as one of other fields."""
EXACT_TITLE_SCORE = 10.0
"""Score of a title that equals the query: more than any rank by words."""


@dataclass(frozen=True, slots=True)
class SqlSortColumn:
    """Expression of a sort order."""

    expression: SQLColumnExpression[Any]
    type: TypeEngine[Any]
    descending: bool = False
    nullable: bool = False

    def ordered(self) -> UnaryExpression[Any]:
        direction = self.expression.desc() if self.descending else self.expression.asc()
        return direction.nulls_last() if self.nullable else direction

    def behind(self, value: Any) -> ColumnElement[bool]:
        """Return the condition for rows strictly after `value` in this column."""
        if value is None:
            return false()
        bound = literal(value, self.type)
        further = self.expression < bound if self.descending else self.expression > bound
        return or_(further, self.expression.is_(None)) if self.nullable else further

    def level(self, value: Any) -> ColumnElement[bool]:
        """Return the condition for rows equal to `value` in this column."""
        return self.expression.is_(None) if value is None else self.expression == literal(value, self.type)

    def read(self, value: Any) -> Any:
        """Convert a value from a client's `search_after`; raises TypeError or ValueError."""
        if value is None and self.nullable:
            return None
        if isinstance(self.type, DateTime):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(self.type, Double):
            return float(value)
        if isinstance(self.type, Uuid):
            return uuid.UUID(value)
        if not isinstance(value, str):
            raise TypeError
        return replace_unstorable(value)


def sql_sort_columns(criteria: Criteria) -> list[SqlSortColumn]:
    """Return the columns of an order in SQL."""
    return [column for key in total_order(criteria) for column in _sql_key_columns(key, criteria.query)]


def sql_search_after(columns: Sequence[SqlSortColumn], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition for rows strictly after the hit with `_sort` of `values`."""
    read = read_sort_values([column.read for column in columns], values)
    clause: ColumnElement[bool] = false()
    for column, value in reversed(list(zip(columns, read, strict=True))):
        clause = or_(column.behind(value), and_(column.level(value), clause))
    return clause


def read_sort_values(readers: Sequence[Callable[[Any], Any]], values: Sequence[Any]) -> list[Any]:
    """Convert a client's `search_after`, each value by the reader of its column."""
    if len(values) != len(readers):
        raise CriteriaError("search_after", f"has {len(values)} values where this order has {len(readers)}")
    try:
        return [read(value) for read, value in zip(readers, values, strict=True)]
    except (TypeError, ValueError, AttributeError):
        raise CriteriaError("search_after", "is not the _sort of a hit of this order") from None


def sort_values_as_json(values: Sequence[Any]) -> list[Any]:
    """Return a hit's sort values as JSON values."""
    return [_as_json(value) for value in values]


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


BEST_FIRST = SortKey("_score", descending=True), SortKey("date_created", descending=True)


def total_order(criteria: Criteria) -> list[SortKey]:
    """Return the keys of an order: as requested, else best first, else newest first; only a query has scores."""
    keys = [key for key in criteria.sort or BEST_FIRST if key.name != "_score" or criteria.query is not None]
    # In the direction of the key before, so that the index on dates covers "newest first" completely.
    falling = bool(keys) and keys[-1].descending
    return [*keys, SortKey("id", falling), SortKey("object_type", falling)]


SORT_COLUMNS: dict[str, tuple[SQLColumnExpression[Any], TypeEngine[Any]]] = {
    "date_created": (SearchDocument.date_created, DateTime(timezone=True)),
    "title": (SearchDocument.title_key, Text()),
    "object_type": (SearchDocument.object_type, Text()),
    "id": (SearchDocument.object_id, Uuid()),
}
"""Columns of a document; all other names are terms."""


def _sql_key_columns(key: SortKey, query: TextQuery | None) -> list[SqlSortColumn]:
    if key.name == "_score":
        assert query is not None
        return [SqlSortColumn(_score(query), Double(), key.descending)]
    if key.name in SORT_COLUMNS:
        return [SqlSortColumn(*SORT_COLUMNS[key.name], key.descending)]
    first = term_values(key.name).op("->")(0)
    is_number = func.jsonb_typeof(first) == "number"
    as_text = first.op("#>>", return_type=Text())(literal([], ARRAY(Text)))
    return [
        SqlSortColumn(case((is_number, cast(as_text, Double)), else_=None), Double(), key.descending, nullable=True),
        SqlSortColumn(case((is_number, None), else_=as_text.collate("C")), Text(), key.descending, nullable=True),
    ]


def _score(query: TextQuery) -> ColumnElement[Any]:
    rank = func.ts_rank(literal(RANK_WEIGHTS, ARRAY(REAL)), SearchDocument.tokens, rank_tsquery(query))
    called = SearchDocument.tokens.op("@@")(exact_title_tsquery(query))
    return cast(rank, Double) + case((called, EXACT_TITLE_SCORE), else_=0.0)
