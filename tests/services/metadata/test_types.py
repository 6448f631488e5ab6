"""The twelve field types: accepted input, stored form, and error messages for people."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalog.metadata import FieldType
from search.document import format_date_term
from services.metadata.types import MAX_VALUE_CHARACTERS, parse_value, restore_value, value_to_text
from tests.said_strategy import MOMENTS, VALUES


@pytest.mark.parametrize(
    ("kind", "raw", "kept"),
    [
        ("string", "  Ärger \n", "  Ärger \n"),
        ("string", 5, "5"),
        ("string", "", None),
        ("string_exact", "007", "007"),
        ("text", "a\nb", "a\nb"),
        ("integer", 5, 5),
        ("integer", "-5", -5),
        ("integer", 5.0, 5),
        ("integer", " 7 ", 7),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("integer", str(-(2**63)), -(2**63)),
        ("integer", "", None),
        ("float", 2, 2.0),
        ("float", "1e-3", 0.001),
        ("float", "-.5", -0.5),
        ("float", -0.0, 0.0),
        ("boolean", True, True),
        ("boolean", "False", False),
        ("boolean", None, None),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", "2024-02-29T00:00:00.000Z", "2024-02-29"),
        ("datetime", "2024-01-31", "2024-01-31T00:00:00.000000+00:00"),
        ("datetime", "2024-01-31T18:30:00+02:00", "2024-01-31T16:30:00.000000+00:00"),
        ("datetime", "2024-01-31 18:30", "2024-01-31T18:30:00.000000+00:00"),
        ("datetime", "2024-01-31T18:30:00.1234567Z", "2024-01-31T18:30:00.123456+00:00"),
        ("drop_down", " a ", "a"),
        ("tag_cloud", " \t", None),
        ("email", " ada@example.org ", "ada@example.org"),
        ("url", "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("url", "mailto:ada@example.org", "mailto:ada@example.org"),
        ("url", "file:///mnt/rushes/a.mov", "file:///mnt/rushes/a.mov"),
    ],
)
def test_a_value_is_kept_in_one_form(kind: str, raw: Any, kept: Any) -> None:
    found = parse_value(FieldType(kind), raw)
    assert (found, type(found)) == (kept, type(kept))


TOO_LONG = [(kind.value, "x" * (longest + 1)) for kind, longest in MAX_VALUE_CHARACTERS.items()]
NO_TEXTS = [(kind.value, raw) for kind in FieldType for raw in ([], {}, [[]], "a\0b", "a\ud800b", float("nan"))]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        *TOO_LONG,
        *NO_TEXTS,
        ("string", True),
        ("integer", True),
        ("integer", 5.5),
        ("integer", "5.5"),
        ("integer", "five"),
        ("integer", "०"),
        ("integer", 2**63),
        ("integer", -(2**63) - 1),
        ("integer", "9" * 40),
        ("float", True),
        ("float", 10**400),
        ("float", "1e999"),
        ("float", "NaN"),
        ("float", "Infinity"),
        ("float", float("inf")),
        ("float", "1,5"),
        ("boolean", 1),
        ("boolean", "yes"),
        ("date", "2024-02-30"),
        ("date", "2023-02-29"),
        ("date", "31.01.2024"),
        ("date", "2024-01-31T18:30:00Z"),
        ("date", 20240131),
        ("datetime", "2024-01-31T25:00:00Z"),
        ("datetime", "2024-01-31T18:30:00+99:00"),
        ("datetime", "0001-01-01T00:00:00+02:00"),
        ("datetime", "9999-12-31T23:59:59-02:00"),
        ("datetime", "yesterday"),
        ("datetime", 1706725800),
        ("email", "ada"),
        ("email", "ada @example.org"),
        ("email", "ada@example.org, bob@example.org"),
        ("url", "example.org"),
        ("url", "javascript:alert(1)"),
        ("url", "JavaScript:alert(1)"),
        ("url", "java\nscript:alert(1)"),
        ("url", "data:text/html,x"),
        ("url", "https://"),
        ("url", "https://a b/"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_with_words(kind: str, raw: Any) -> None:
    with pytest.raises(ValueError, match=r"^\S.{10,}") as refused:
        parse_value(FieldType(kind), raw)
    said = str(refused.value)
    assert len(said) < 300
    said.encode()


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind])))
def test_what_is_kept_reads_as_itself_as_json_and_as_text(case: tuple[str, Any]) -> None:
    kind = FieldType(case[0])
    kept = parse_value(kind, case[1])
    assert kept is not None
    assert (
        restore_value(kind, json.loads(json.dumps(kept)))
        == kept
        == parse_value(kind, kept)
        == parse_value(kind, value_to_text(kept))
    )


@given(MOMENTS, MOMENTS)
def test_kept_moments_are_in_order_as_texts(one: datetime, other: datetime) -> None:
    first, second = (parse_value(FieldType.DATETIME, each.isoformat()) for each in (one, other))
    assert (first < second, first == second) == (one < other, one == other)
    assert first == format_date_term(one)
