"""Pagination: numbered pages with sort and filter, and cursors by last id."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import Query
from sqlalchemy import Boolean, ColumnElement, DateTime, Enum, Integer, SQLColumnExpression, Uuid
from sqlalchemy.orm import InstrumentedAttribute

from asgi.answers import ListedObject, PageAnswer
from asgi.request_context import Call, SelfCommittingCall
from models.core.statements import AnySelect, count_rows
from services.core.errors import NotFound, ValidationFailed

MAX_PAGE_SIZE = 1000
MAX_INT32 = 2**31 - 1
PageNumber = Annotated[int, Query(ge=1)]
PerPage = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE)]
LastId = Annotated[UUID | None, Query()]
SortParam = Annotated[str, Query(max_length=500)]
FilterParam = Annotated[str, Query(max_length=2000)]
QueryColumns = Mapping[str, InstrumentedAttribute[Any]] | Mapping[str, ColumnElement[Any]]
ResultRow = Any
ListSerializer = Callable[[Call, Sequence[ResultRow]], list[ListedObject]]
"""Serialises the rows of a page."""


class PageNotFound(NotFound):
    """Raised for a page number beyond the last page."""

    def __init__(self) -> None:
        Exception.__init__(self, "Requested page does not exist")


def paginate(
    call: Call,
    query: AnySelect,
    page: int,
    per_page: int,
    render: ListSerializer[ListedObject],
) -> PageAnswer[ListedObject]:
    """Return one numbered page of `query`, which is already ordered, in two queries."""
    return paginate_rows(call, query, page, per_page, lambda call, rows: render(call, first_of_each(rows)))


def paginate_rows(
    call: Call,
    query: AnySelect,
    page: int,
    per_page: int,
    render: ListSerializer[ListedObject],
) -> PageAnswer[ListedObject]:
    """Return one numbered page of a query of several columns; `render` gets whole rows."""
    total = count_rows(call.session, query)
    pages = max(1, math.ceil(total / per_page))
    if page > pages:
        raise PageNotFound
    rows = call.session.execute(query.limit(per_page).offset((page - 1) * per_page)).all()
    return page_envelope(call, render(call, rows), page, pages, per_page, total)


def page_envelope(
    call: Call | SelfCommittingCall, objects: list[ListedObject], page: int, pages: int, per_page: int, total: int
) -> PageAnswer[ListedObject]:
    """Build the body of a numbered page, with the URLs of its neighbours."""
    return {
        "objects": objects,
        "page": page,
        "pages": pages,
        "per_page": per_page,
        "total": total,
        "first_url": page_url(call, page=1, per_page=per_page),
        "last_url": page_url(call, page=pages, per_page=per_page),
        "next_url": page_url(call, page=page + 1, per_page=per_page) if page < pages else None,
        "prev_url": page_url(call, page=page - 1, per_page=per_page) if page > 1 else None,
    }


def serialize_each(serialize: Callable[[ResultRow], ListedObject]) -> ListSerializer[ListedObject]:
    """Return a function that serialises rows one by one."""
    return lambda _call, rows: [serialize(row) for row in rows]


def first_of_each(rows: Sequence[ResultRow]) -> Sequence[ResultRow]:
    """Return the first column of each row."""
    return [row[0] for row in rows]


def paginate_by_cursor(
    call: Call,
    query: AnySelect,
    key: InstrumentedAttribute[Any],
    last: UUID | str | None,
    per_page: int,
    render: ListSerializer[ListedObject],
    *,
    build: Callable[[Sequence[ResultRow]], Sequence[ResultRow]] = first_of_each,
    parameter: str = "last_id",
) -> PageAnswer[ListedObject]:
    """Return the rows of `query` after `last` in the order of `key`: new rows never shift earlier pages.

    Args:
        build: makes from rows what `render` gets; it has an attribute of the name of `key`.
        parameter: query parameter that carries the key of the last row.
    """
    behind = query.where(key > last) if last else query
    rows = build(call.session.execute(behind.order_by(key).limit(per_page + 1)).all())
    return cursor_envelope(call, rows, last, per_page, count_rows(call.session, query), render, key.key, parameter)


def cursor_envelope(
    call: Call,
    rows: Sequence[ResultRow],
    last: UUID | str | None,
    per_page: int,
    total: int,
    render: ListSerializer[ListedObject],
    key: str = "id",
    parameter: str = "last_id",
) -> PageAnswer[ListedObject]:
    """Build the body of a cursor page; `rows` has one row more than the page where a next page exists."""
    shown, more = rows[:per_page], len(rows) > per_page
    first = page_url(call, per_page=per_page, **{parameter: None})
    following = {parameter: getattr(shown[-1], key)} if more else {}
    return {
        "objects": render(call, shown),
        "page": 1,
        "pages": max(1, math.ceil(total / per_page)),
        "per_page": per_page,
        "total": total,
        "first_url": first,
        "last_url": None,
        "next_url": page_url(call, per_page=per_page, **following) if more else None,
        "prev_url": first if last else None,
    }


def page_url(call: Call | SelfCommittingCall, **changes: object) -> str:
    """Return the URL of this list with some query parameters replaced; None removes one."""
    query = [(name, value) for name, value in parse_qsl(call.request.url.query) if name not in changes]
    query += [(name, str(value)) for name, value in changes.items() if value is not None]
    return f"{call.request.url.path}?{urlencode(query)}"


def query_columns(*columns: InstrumentedAttribute[Any]) -> dict[str, InstrumentedAttribute[Any]]:
    """Return columns by their names, by which lists are sorted and filtered."""
    return {column.key: column for column in columns}


def apply_sort(query: AnySelect, sort: str, columns: QueryColumns, default: SQLColumnExpression[Any]) -> AnySelect:
    """Order by `field,desc;field2,asc`; `default` decides among equals, so that pages never overlap."""
    order = []
    for part in filter(None, sort.split(";")):
        name, _, direction = part.strip().partition(",")
        if name.startswith("-"):
            name, direction = name[1:], "desc"
        if name not in columns or direction not in ("", "asc", "desc"):
            known = ", ".join(sorted(columns))
            raise ValidationFailed(
                "sort", f'"{part}" does not sort here: write field,asc or field,desc with one of {known}'
            )
        column = columns[name]
        order.append(column.desc().nulls_last() if direction == "desc" else column.asc().nulls_last())
    return query.order_by(*order, default)


FILTER_OPERATORS: Mapping[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
}


def apply_filter(query: AnySelect, text: str, columns: QueryColumns) -> AnySelect:
    """Filter by an expression `field,eq,value;…`."""
    for part in filter(None, text.split(";")):
        name, operator, value = [*part.split(",", 2), "", ""][:3]
        if name not in columns or operator not in FILTER_OPERATORS:
            known = f"{', '.join(sorted(columns))} with {', '.join(FILTER_OPERATORS)}"
            raise ValidationFailed("filter", f'"{part}" does not filter here: write field,eq,value with {known}')
        query = query.where(FILTER_OPERATORS[operator](columns[name], parse_column_value(name, columns[name], value)))
    return query


def filter_by_values(query: AnySelect, columns: QueryColumns, wanted: Mapping[str, str | None]) -> AnySelect:
    """Filter by column values; several values of one column are separated by commas, empty ones do not filter."""
    for name, value in wanted.items():
        if value:
            column = columns[name]
            query = query.where(column.in_([parse_column_value(name, column, one) for one in value.split(",")]))
    return query


def parse_column_value(name: str, column: InstrumentedAttribute[Any] | ColumnElement[Any], text: str) -> Any:
    """Parse a query value as the type of its column.

    Raises:
        ValidationFailed: names the field and the value.
    """
    try:
        kind = column.type
        return _enum_from_query(kind, text) if isinstance(kind, Enum) else COLUMN_PARSERS.get(type(kind), str)(text)
    except (ValueError, KeyError):
        raise ValidationFailed(name, f'"{text[:80]}" is not a value of {name}') from None


def _enum_from_query(kind: Enum, text: str) -> Any:
    if text not in kind.enums:
        raise ValueError
    return text


def _datetime_from_query(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _boolean_from_query(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def _integer_from_query(text: str) -> int:
    number = int(text)
    if abs(number) > MAX_INT32:
        raise ValueError
    return number


COLUMN_PARSERS: Mapping[type, Callable[[str], Any]] = {
    Uuid: UUID,
    DateTime: _datetime_from_query,
    Boolean: _boolean_from_query,
    Integer: _integer_from_query,
}
