"""Parsing of a client's search body, and the errors that it reports."""

from typing import Any

import pytest

from search.query.budget import CriteriaError
from search.query.criteria import MAX_FILTER_DEPTH, Criteria, FilterNode, SearchTerm, parse_criteria, possible_values
from search.query.ranges import RangeError, ValueRange, parse_value_range


def nested(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {"operator": "AND", "terms": [{"name": "a", "value": "b"}]}
    for _ in range(depth - 1):
        tree = {"operator": "NOT", "filters": [tree]}
    return tree


def term(**asked: Any) -> dict[str, Any]:
    return {"filter": {"operator": "AND", "terms": [asked]}}


def test_empty_is_absent_everywhere() -> None:
    body = {
        "query": "",
        "doc_types": [],
        "search_after": [],
        "metadata_view_id": "",
        "search_fields": [""],
        "facets": None,
        "include_fields": [],
        "sort": "",
        "filter": {
            "operator": "AND",
            "terms": [{"name": "a", "value": "", "value_in": [], "range": {"min": "", "max": None}, "exists": None}],
            "filters": [{"operator": "OR", "terms": []}, {"operator": "NOT", "filters": [{"operator": "AND"}]}],
        },
    }
    assert parse_criteria(body) == parse_criteria({}) == Criteria()


def test_keys_that_nobody_knows_are_ignored() -> None:
    assert parse_criteria({"colour": "blue"}) == Criteria()


def test_values_may_come_as_numbers_and_truth_values() -> None:
    asked = parse_criteria({"filter": {"operator": "OR", "terms": [{"name": "a", "value_in": [1, True, "x", 1.5]}]}})
    assert asked.filter == FilterNode("OR", (SearchTerm("a", ("1", "true", "x", "1.5")),))


@pytest.mark.parametrize(
    ("given", "exists"),
    [
        ({"exists": True}, True),
        ({"missing": True}, False),
        ({"exists": False}, False),
        ({"missing": False}, True),
        ({"exists": True, "missing": False}, True),
        ({"exists": False, "missing": True}, False),
        ({"exists": False, "missing": False}, None),
    ],
)
def test_exists_and_missing_are_one_question(given: dict[str, bool], exists: bool | None) -> None:
    tree = parse_criteria(term(name="a", **given)).filter
    assert (tree.terms[0].exists if tree else None) is exists


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": 5}, "query"),
        ({"doc_types": ["cars"]}, "doc_types"),
        ({"doc_types": "assets"}, "doc_types"),
        ({"facets": [1]}, "facets"),
        ({"facets": ["f"] + [f"f{n}" for n in range(60)]}, "facets"),
        ({"search_fields": ["colour"]}, "search_fields"),
        ({"sort": [{"order": "asc"}]}, "sort[0].name"),
        ({"sort": [{"name": "a"}, {"name": "b", "order": "up"}]}, "sort[1].order"),
        ({"sort": {"name": "a"}}, "sort"),
        ({"search_after": {"a": 1}}, "search_after"),
        ({"filter": "x"}, "filter"),
        ({"filter": {"operator": "XOR"}}, "filter.operator"),
        ({"filter": {"operator": "AND", "filters": [{"operator": "xor"}]}}, "filter.filters[0].operator"),
        (term(value="x"), "filter.terms[0].name"),
        (term(name="a", value={"x": 1}), "filter.terms[0].value"),
        (term(name="a", value_in=[["x"]]), "filter.terms[0].value_in"),
        (term(name="a", exists="yes"), "filter.terms[0].exists"),
        (term(name="a", exists=True, missing=True), "filter.terms[0]"),
        (term(name="a", range="1-2"), "filter.terms[0].range"),
        (term(name="a", range={"min": [1]}), "filter.terms[0].range"),
        (term(name="date_created", value="soon"), "filter.terms[0].range"),
        (term(name="date_created", range={"min": "2024-13"}), "filter.terms[0].range"),
        (term(name="date_created", range={"min": "2024", "timezone": "Mars/Base"}), "filter.terms[0].range"),
        (term(name="date_created", range={"min": "2024", "timezone": 5}), "filter.terms[0].range"),
        (term(name="date_created", range={"min": "2024", "timezone": "../etc/passwd"}), "filter.terms[0].range"),
        ({"facets_filters": [{"value_in": ["a"]}]}, "facets_filters[0].name"),
        ({"filter": {"operator": "OR", "terms": [{"name": "a", "value": "b"}] * 2_000}}, "filter"),
    ],
)
def test_a_mistake_is_told_with_the_field_that_it_is_in(body: dict[str, Any], field: str) -> None:
    with pytest.raises(CriteriaError) as error:
        parse_criteria(body)
    assert error.value.field == field
    assert str(error.value).startswith(field)


@pytest.mark.parametrize(("page", "per_page"), [(0, 10), (-1, 10), (1, 0), (1, 1_001), (1_001, 10)])
def test_pages_that_cannot_be_shown_are_refused(page: int, per_page: int) -> None:
    with pytest.raises(CriteriaError):
        parse_criteria({}, page, per_page)


def test_a_tree_may_be_nested_as_deep_as_anybody_writes_and_no_deeper() -> None:
    parse_criteria({"filter": nested(MAX_FILTER_DEPTH)})
    with pytest.raises(CriteriaError, match="nested deeper"):
        parse_criteria({"filter": nested(MAX_FILTER_DEPTH + 1)})
    with pytest.raises(CriteriaError, match="nested deeper"):
        parse_criteria({"filter": nested(900)})


@pytest.mark.parametrize(
    ("value", "forms"),
    [
        ("x", ["x"]),
        ("3", ["3", 3]),
        ("-2.5", ["-2.5", -2.5]),
        ("true", ["true", True]),
        ("1e999", ["1e999"]),
        ("-", ["-"]),
        ("1_000", ["1_000"]),
        ("", [""]),
        ("٣", ["٣"]),
        ("0x1", ["0x1"]),
    ],
)
def test_a_value_stands_for_a_text_a_number_or_a_truth_value(value: str, forms: list[object]) -> None:
    assert [(type(form), form) for form in possible_values(value)] == [(type(form), form) for form in forms]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("size", {"min": "3", "max": "4.5"}, ValueRange("number", 3, 4.5)),
        ("size", {"min": 3}, ValueRange("number", 3, None)),
        ("size", {"min": "2024", "max": "2025"}, ValueRange("number", 2024, 2025)),
        ("metadata.due", {"min": "2024-01-02"}, ValueRange("time", "2024-01-02T00:00:00.000000+00:00", None)),
        ("metadata.code", {"min": "A", "max": "C"}, ValueRange("text", "A", "C")),
        (
            "date_created",
            {"min": "2024", "max": "2024"},
            ValueRange("time", "2024-01-01T00:00:00.000000+00:00", "2024-12-31T23:59:59.999999+00:00"),
        ),
        (
            "date_created",
            {"min": "2024-02-29", "max": "2024-02", "timezone": "+02:00"},
            ValueRange("time", "2024-02-28T22:00:00.000000+00:00", "2024-02-29T21:59:59.999999+00:00"),
        ),
        (
            "date_created",
            {"min": "2024-07-01", "timezone": "Europe/Berlin"},
            ValueRange("time", "2024-06-30T22:00:00.000000+00:00", None),
        ),
        (
            "date_created",
            {"min": "2024-01-02T03:04:05.5Z", "max": "2024-01-02 03:04", "timezone": "-05:00"},
            ValueRange("time", "2024-01-02T03:04:05.500000+00:00", "2024-01-02T08:04:59.999999+00:00"),
        ),
    ],
)
def test_a_range_is_of_numbers_times_or_texts_with_its_ends(
    name: str, given: dict[str, Any], expected: ValueRange
) -> None:
    assert parse_value_range(name, given) == expected


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    day = parse_value_range("date_created", {"min": "2024-03-31", "max": "2024-03-31", "timezone": "Europe/Berlin"})
    assert (day.low, day.high) == ("2024-03-30T23:00:00.000000+00:00", "2024-03-31T21:59:59.999999+00:00")


@pytest.mark.parametrize("end", ["2024-02-30", "0000-01-01", "1e400", "soon", "2024-1-1", "२०२४"])
def test_a_date_that_no_calendar_has_is_refused(end: str) -> None:
    with pytest.raises(RangeError):
        parse_value_range("date_created", {"max": end})


@pytest.mark.parametrize("end", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59:59"])
def test_the_end_of_the_calendar_is_a_date_like_any_other(end: str) -> None:
    asked = parse_value_range("date_created", {"min": "0001-01-01", "max": end, "timezone": "-11:00"})
    assert (asked.low, asked.high) == ("0001-01-01T11:00:00.000000+00:00", "9999-12-31T23:59:59.999999+00:00")


def test_a_date_as_a_value_is_the_whole_day() -> None:
    tree = parse_criteria(term(name="date_created", value="2024-01-31")).filter
    assert tree.terms[0].within == (
        ValueRange("time", "2024-01-31T00:00:00.000000+00:00", "2024-01-31T23:59:59.999999+00:00"),
    )


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("day", {"min": "2024", "max": "2024-02"}, ValueRange("text", "2024-01-01", "2024-02-29")),
        ("day", {"min": "2024-01-31T23:00-05:00", "timezone": "+02:00"}, ValueRange("text", "2024-01-31")),
        ("time", {"max": "2024"}, ValueRange("time", None, "2024-12-31T23:59:59.999999+00:00")),
        ("text", {"min": "10", "max": "2024-01-31"}, ValueRange("text", "10", "2024-01-31")),
        ("number", {"min": "-1", "max": "1e3"}, ValueRange("number", -1, 1000.0)),
    ],
)
def test_what_a_name_holds_tells_how_the_ends_of_its_range_are_read(
    kind: Any, given: dict[str, Any], expected: ValueRange
) -> None:
    assert parse_value_range("metadata.x", given, kind) == expected


@pytest.mark.parametrize(
    ("kind", "end"), [("number", "2024-01-31"), ("day", "31"), ("day", "2024-02-30"), ("time", "x")]
)
def test_an_end_that_the_name_cannot_hold_is_refused(kind: Any, end: str) -> None:
    with pytest.raises(RangeError):
        parse_value_range("metadata.x", {"min": end}, kind)
