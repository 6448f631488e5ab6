"""Pages: addresses of neighbours, and what sorts and filters a list."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request
from sqlalchemy import Boolean, Column, DateTime, Integer, Text, Uuid, select
from sqlalchemy.orm import Session

from asgi.pagination import apply_filter, apply_sort, cursor_envelope, page_envelope, page_url, parse_column_value
from asgi.request_context import Call
from models.access.acl import Actor
from models.catalog.asset import Asset
from services.core.errors import ValidationFailed

COLUMNS = {"title": Asset.title, "status": Asset.status, "date_created": Asset.date_created}


def call_of(query: str) -> Call:
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("media.example", 80),
        "path": "/API/assets/v1/assets/",
        "query_string": query.encode(),
        "headers": [],
    }
    return Call(None, Request(scope), Session(), None, Actor("Ada"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "changes", "expected"),
    [
        ("", {"page": 2}, "page=2"),
        ("page=1&per_page=5", {"page": 2}, "per_page=5&page=2"),
        ("last_id=x&q=a%20b", {"last_id": None}, "q=a+b"),
        ("types=a&types=b&page=1", {"page": 2}, "types=a&types=b&page=2"),
        ("page=1&page=7", {"page": 2}, "page=2"),
        ("filter=title,eq,%26", {"page": 2}, "filter=title%2Ceq%2C%26&page=2"),
    ],
    ids=["no query", "replaced", "removed", "repeated parameters stay", "a repeated one is replaced", "escaped"],
)
def test_the_address_of_another_page_keeps_all_other_parameters(
    query: str, changes: dict[str, Any], expected: str
) -> None:
    assert page_url(call_of(query), **changes) == f"/API/assets/v1/assets/?{expected}"


@pytest.mark.parametrize(
    ("page", "pages", "before", "behind"),
    [(1, 1, False, False), (1, 3, False, True), (2, 3, True, True), (3, 3, True, False)],
)
def test_a_page_names_its_neighbours(page: int, pages: int, before: bool, behind: bool) -> None:
    body = page_envelope(call_of("sort=title"), [], page, pages, 10, 25)
    assert body["first_url"].endswith("?sort=title&page=1&per_page=10")
    assert body["last_url"].endswith(f"&page={pages}&per_page=10")
    assert body["prev_url"] == (body["first_url"].replace("page=1", f"page={page - 1}", 1) if before else None)
    assert (body["next_url"] is not None) is behind


def test_a_cursor_page_leads_on_from_its_last_row() -> None:
    rows = [SimpleNamespace(id=number) for number in (4, 5, 6)]
    render = lambda _call, shown: [{"id": row.id} for row in shown]  # noqa: E731
    body = cursor_envelope(call_of("last_id=3&q=a"), rows, "3", 2, 9, render)
    assert (body["objects"], body["pages"], body["total"]) == ([{"id": 4}, {"id": 5}], 5, 9)
    assert body["next_url"].endswith("?q=a&per_page=2&last_id=5")
    assert body["prev_url"] == body["first_url"]
    assert body["first_url"].endswith("?q=a&per_page=2")
    last = cursor_envelope(call_of(""), rows[:2], None, 2, 0, render)
    assert (last["next_url"], last["prev_url"], last["pages"]) == (None, None, 1)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", "asset.id"),
        ("title", "asset.title ASC NULLS LAST, asset.id"),
        ("title,desc", "asset.title DESC NULLS LAST, asset.id"),
        ("-title", "asset.title DESC NULLS LAST, asset.id"),
        ("status,asc;title,desc", "asset.status ASC NULLS LAST, asset.title DESC NULLS LAST, asset.id"),
        (" title ;", "asset.title ASC NULLS LAST, asset.id"),
    ],
)
def test_a_list_is_sorted_by_fields_and_then_by_id(sort: str, expected: str) -> None:
    assert str(apply_sort(select(Asset.id), sort, COLUMNS, Asset.id)).endswith(f"ORDER BY {expected}")


@pytest.mark.parametrize("sort", ["none", "title,down", "title;none,asc", "title,asc,x"])
def test_what_does_not_sort_is_named(sort: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        apply_sort(select(Asset.id), sort, COLUMNS, Asset.id)
    assert "does not sort here: write field,asc or field,desc with one of date_created" in refused.value.errors["sort"]


def test_filters_hold_together_and_a_value_may_have_commas() -> None:
    query = apply_filter(select(Asset.id), "title,eq,a,b;date_created,gt,2024-01-01;", COLUMNS)
    assert str(query).endswith("asset.title = :title_1 AND asset.date_created > :date_created_1")
    assert query.compile().params == {"title_1": "a,b", "date_created_1": datetime(2024, 1, 1, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("text", "field"),
    [("none,eq,1", "filter"), ("title,like,a", "filter"), ("title", "filter"), ("status,eq,GONE", "status")],
)
def test_what_does_not_filter_is_named(text: str, field: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        apply_filter(select(Asset.id), text, COLUMNS)
    assert list(refused.value.errors) == [field]


VALUES: list[tuple[Any, str, Any]] = [
    (Text(), "a", "a"),
    (Integer(), "-5", -5),
    (Integer(), "2147483647", 2**31 - 1),
    (Boolean(), "True", True),
    (Boolean(), "0", False),
    (Uuid(), "00000000-0000-0000-0000-000000000001", UUID(int=1)),
    (DateTime(), "2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
    (DateTime(), "2024-01-31T18:30:00 00:00", datetime(2024, 1, 31, 18, 30, tzinfo=UTC)),
]


@pytest.mark.parametrize(("kind", "text", "expected"), VALUES)
def test_a_value_is_read_as_its_column_holds_it(kind: Any, text: str, expected: Any) -> None:
    assert parse_column_value("field", Column("field", kind), text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Integer(), "2147483648"), (Integer(), "1.5"), (Boolean(), "yes"), (Uuid(), "1"), (DateTime(), "2024-13-01")],
)
def test_a_value_of_another_type_is_named(kind: Any, text: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        parse_column_value("field", Column("field", kind), text)
    assert refused.value.errors == {"field": f'"{text}" is not a value of field'}
