"""Rules of fields: what a view overrides, and which values a field rejects."""

import uuid
from typing import Any

import pytest

from models.catalog.metadata import FieldType, MetadataField
from services.metadata.forms import FieldRule, build_field_rule

OPTIONS = [{"label": "Kodak", "value": "kodak"}, {"label": "Fuji", "value": "fuji"}]
PLAIN: dict[str, Any] = {
    "id": uuid.UUID(int=1),
    "name": "stock",
    "label": "Stock",
    "field_type": FieldType.STRING,
    "multi": False,
    "required": False,
    "read_only": False,
    "min_value": None,
    "max_value": None,
    "options": [],
    "details": {},
}
DROP_DOWN = {"field_type": FieldType.DROP_DOWN, "options": OPTIONS}

RULES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "as the field says": ({}, {}, {"label": "Stock", "multi": False, "required": False, "options": None}),
    "the view's label": ({}, {"label": "Film"}, {"label": "Film", "name": "stock"}),
    "an override of nothing": ({"required": True}, {"required": None}, {"required": True}),
    "a view that requires less": ({"required": True}, {"required": False}, {"required": False}),
    "a view that allows writing": ({"read_only": True}, {"read_only": False}, {"read_only": False}),
    "a tag cloud has many values": ({"field_type": FieldType.TAG_CLOUD}, {}, {"multi": True}),
    "limits": ({"min_value": 1.0, "max_value": 5.0}, {}, {"low": 1.0, "high": 5.0}),
    "options": (DROP_DOWN, {}, {"options": frozenset({"kodak", "fuji"})}),
    "options of the view": (DROP_DOWN, {"options": OPTIONS[:1]}, {"options": frozenset({"kodak"})}),
    "a list without options allows none": ({**DROP_DOWN, "options": []}, {}, {"options": frozenset()}),
    "options of another type are hints": ({"options": OPTIONS}, {}, {"options": None}),
    "options from elsewhere": (
        {**DROP_DOWN, "options": [], "details": {"source_url": "https://example.org"}},
        {},
        {"options": None},
    ),
    "options from elsewhere by the view": (
        {**DROP_DOWN, "options": []},
        {"source_url": "https://example.org"},
        {"options": None},
    ),
    "own options beside those from elsewhere": (
        {**DROP_DOWN, "details": {"source_url": "https://example.org"}},
        {},
        {"options": frozenset({"kodak", "fuji"})},
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_the_field_with_the_overrides_of_a_view(name: str) -> None:
    columns, overrides, expected = RULES[name]
    rule = build_field_rule(MetadataField(**PLAIN | columns), overrides)
    assert {attribute: getattr(rule, attribute) for attribute in expected} == expected


@pytest.mark.parametrize(
    ("kind", "low", "high", "value", "expected"),
    [
        ("integer", 1, 5, 1, None),
        ("integer", 1, 5, 5, None),
        ("integer", 1, 5, 0, "0 is less than 1"),
        ("integer", 1, 5, 6, "6 is more than 5"),
        ("float", 0.5, None, 0.25, "0.25 is less than 0.5"),
        ("float", None, 0.5, 1e9, "1000000000.0 is more than 0.5"),
        ("integer", 0, None, -1, "-1 is less than 0"),
        ("string", 1, 5, "9", None),
        ("boolean", 2, None, True, None),
    ],
)
def test_limits_are_those_of_numbers(
    kind: str, low: float | None, high: float | None, value: Any, expected: str | None
) -> None:
    assert FieldRule(uuid.UUID(int=1), "n", "N", FieldType(kind), low=low, high=high).fault(value) == expected
