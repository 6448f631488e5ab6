"""Everything that one search asks counts against one budget, and its lists have lengths."""

from typing import Any

import pytest

from search.query.budget import (
    FACET_COST,
    MAX_QUERY_WORDS,
    MAX_SEARCH_AFTER,
    MAX_SORT_KEYS,
    RANGE_COST,
    SEARCH_BUDGET,
    TERM_COST,
    CriteriaError,
)
from search.query.criteria import Criteria, parse_criteria
from search.query.ordering import sql_sort_columns

HALF_OF_TERMS = SEARCH_BUDGET // TERM_COST // 2


def terms(count: int, **asked: Any) -> list[dict[str, Any]]:
    return [{"name": f"metadata.f{number}", **(asked or {"value": "x"})} for number in range(count)]


def values(count: int) -> list[str]:
    return [f"v{number}" for number in range(count)]


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"terms": terms(HALF_OF_TERMS)}, "facets_filters": terms(HALF_OF_TERMS - 5)},
        {"filter": {"terms": [{"name": "id", "value_in": values(9_900)}]}},
        {"facets": [f"f{number}" for number in range(SEARCH_BUDGET // FACET_COST)]},
        {"sort": [{"name": f"f{number}"} for number in range(MAX_SORT_KEYS)]},
        {"query": "shot " * MAX_QUERY_WORDS},
        {"filter": {"terms": terms(SEARCH_BUDGET // (TERM_COST + RANGE_COST) - 1, range={"min": "1", "max": "2"})}},
        {"search_after": ["x"] * MAX_SEARCH_AFTER},
    ],
)
def test_what_people_and_programs_ask_for_is_within_the_budget(body: dict[str, Any]) -> None:
    assert isinstance(parse_criteria(body), Criteria)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {"terms": terms(1_000)}}, "filter"),
        ({"filter": {"filters": [{"terms": terms(1)}] * 300}}, "filter"),
        ({"filter": {"terms": [{"name": "id", "value_in": values(6_000)}] * 2}}, "filter"),
        ({"filter": {"terms": terms(20, value_in=values(50))}}, "filter"),
        ({"filter": {"terms": terms(100, range={"min": "2024", "max": "2025"})}}, "filter"),
        ({"filter": {"terms": terms(100, name="date_created", range={"min": "2024"})}}, "filter"),
        ({"facets_filters": terms(1_000)}, "facets_filters"),
        ({"facets_filters": [{"name": "id", "value_in": values(50)}] * 20}, "facets_filters"),
        ({"filter": {"terms": terms(HALF_OF_TERMS)}, "facets_filters": terms(HALF_OF_TERMS)}, "facets_filters"),
        ({"facets": ["f"] * 51}, "facets"),
        ({"filter": {"terms": terms(450)}, "facets": values(50)}, "filter"),
        ({"query": "a " * 300}, "query"),
        ({"query": "".join(f"a{number}" for number in range(1_800)), "search_fields": ["title", "metadata"]}, "query"),
        ({"sort": [{"name": "title"}] * (MAX_SORT_KEYS + 1)}, "sort"),
        ({"search_after": ["x"] * (MAX_SEARCH_AFTER + 1)}, "search_after"),
        ({"include_fields": values(1_001)}, "include_fields"),
        ({"exclude_fields": ["x" * 1_001]}, "exclude_fields"),
        ({"filter": {"terms": [{"name": "n" * 1_001, "value": "x"}]}}, "filter.terms[0].name"),
        ({"filter": {"terms": [{"name": "n", "value": "x" * 100_001}]}}, "filter.terms[0].value"),
        ({"sort": [{"name": "n" * 1_001}]}, "sort[0].name"),
        ({"doc_types": ["assets"] * 10_001}, "doc_types"),
    ],
)
def test_more_is_refused_and_names_its_place(body: dict[str, Any], field: str) -> None:
    with pytest.raises(CriteriaError) as error:
        parse_criteria(body)
    assert error.value.field == field


def test_the_sort_of_a_hit_always_fits_into_search_after() -> None:
    criteria = parse_criteria({"sort": [{"name": f"f{number}"} for number in range(MAX_SORT_KEYS)]})
    assert len(sql_sort_columns(criteria)) == MAX_SEARCH_AFTER
