"""Change sets of metadata: which inputs are valid, what values result, and how history describes them."""

import json
import uuid
from typing import Any

import pytest

from models.catalog.metadata import FieldType, MetadataView
from services.core.errors import FieldsInvalid
from services.metadata.change_set import (
    MAX_FIELD_VALUES,
    MAX_FIELD_VALUES_BYTES,
    MAX_HISTORY_FIELDS,
    MAX_REPORTED_FAULTS,
    FieldInput,
    FieldWrite,
    WriteMode,
    compute_field_writes,
    describe_field_writes,
    parse_field_inputs,
    validate_changes,
)
from services.metadata.forms import FieldRule, MetadataForm

APPEND, DELETE = WriteMode.APPEND, WriteMode.DELETE
IDS = {name: uuid.UUID(int=number) for number, name in enumerate(("text", "tags", "rating", "stock", "fixed"), 1)}
RULES = {
    "text": FieldRule(IDS["text"], "text", "Text", FieldType.TEXT),
    "tags": FieldRule(IDS["tags"], "tags", "Tags", FieldType.TAG_CLOUD, multi=True),
    "rating": FieldRule(IDS["rating"], "rating", "Rating", FieldType.INTEGER, low=1, high=5),
    "stock": FieldRule(IDS["stock"], "stock", "Stock", FieldType.DROP_DOWN, options=frozenset({"Kodak", "Fuji"})),
    "fixed": FieldRule(IDS["fixed"], "fixed", "Fixed", FieldType.STRING, read_only=True),
}
FORM = MetadataForm(RULES)
Kept = dict[str, list[Any]]


def required_form(name: str) -> MetadataForm:
    rules = {**RULES, name: FieldRule(IDS[name], name, name.title(), RULES[name].kind, required=True)}
    return MetadataForm(rules, MetadataView(name="Logging"))


def write(given: dict[str, Any], kept: Kept | None = None, form: MetadataForm = FORM) -> list[FieldWrite]:
    """Validate and compute a write, as every writer does."""
    stored = {IDS[name]: values for name, values in (kept or {}).items()}
    return compute_field_writes(form, stored, validate_changes(form, parse_field_inputs(given), stored))


def faults(given: dict[str, Any], kept: Kept | None = None, form: MetadataForm = FORM) -> dict[str, str]:
    with pytest.raises(FieldsInvalid) as refused:
        write(given, kept, form)
    return dict(refused.value.errors)


WRITES: dict[str, tuple[Kept, dict[str, Any], dict[str, tuple[Any, ...]]]] = {
    "a plain value": ({}, {"rating": "3"}, {"rating": (3,)}),
    "a list": ({}, {"tags": ["a", "b"]}, {"tags": ("a", "b")}),
    "a set and a tuple are lists": ({}, {"tags": ("a",), "text": {"x"}}, {"tags": ("a",), "text": ("x",)}),
    "duplicates count once, the first decides the order": ({}, {"tags": ["b", "a", "b"]}, {"tags": ("b", "a")}),
    "a blank value is none": ({"text": ["x"]}, {"text": ""}, {"text": ()}),
    "blanks beside values": ({}, {"tags": ["a", None, "", " "]}, {"tags": ("a",)}),
    "nothing given changes nothing": ({"text": ["x"]}, {}, {}),
    "appending keeps what is there": ({"tags": ["a"]}, {"tags": FieldInput(["b", "a"], APPEND)}, {"tags": ("a", "b")}),
    "appending to an empty field": ({}, {"rating": FieldInput([3], APPEND)}, {"rating": (3,)}),
    "appending the same value again": ({"rating": [3]}, {"rating": FieldInput([3], APPEND)}, {"rating": (3,)}),
    "deleting": ({"tags": ["a", "b"]}, {"tags": FieldInput(["a", "x"], DELETE)}, {"tags": ("b",)}),
    "deleting the last": ({"rating": [3]}, {"rating": FieldInput([3], DELETE)}, {"rating": ()}),
    "deleting what options no longer have": (
        {"stock": ["Agfa"]},
        {"stock": FieldInput(["Agfa"], DELETE)},
        {"stock": ()},
    ),
    "writing back what options no longer have": ({"stock": ["Agfa"]}, {"stock": "Agfa"}, {"stock": ("Agfa",)}),
    "writing back what is out of limits": ({"rating": [9]}, {"rating": 9}, {"rating": (9,)}),
    "writing back a read-only value": ({"fixed": ["x"]}, {"fixed": "x"}, {"fixed": ("x",)}),
    "one of several values of a field that takes one since": (
        {"text": ["a", "b", "c"]},
        {"text": FieldInput(["a"], DELETE)},
        {"text": ("b", "c")},
    ),
}


@pytest.mark.parametrize("name", WRITES)
def test_values_result_from_input_and_stored_values(name: str) -> None:
    kept, given, expected = WRITES[name]
    written = write(given, kept)
    assert {one.rule.name: one.after for one in written} == expected
    assert {one.rule.name: list(one.before) for one in written} == {name: kept.get(name, []) for name in expected}


REFUSED: dict[str, tuple[Kept, dict[str, Any], dict[str, str]]] = {
    "an unknown field": ({}, {"none": 1}, {"none": "there is no such field"}),
    "a value of another type": ({}, {"rating": "three"}, {"rating": '"three" is no whole number'}),
    "below the limit": ({}, {"rating": 0}, {"rating": "0 is less than 1"}),
    "above the limit": ({}, {"rating": 6}, {"rating": "6 is more than 5"}),
    "none of the options": ({}, {"stock": "Agfa"}, {"stock": '"Agfa" is none of its options'}),
    "an option in another case": ({}, {"stock": "kodak"}, {"stock": '"kodak" is none of its options'}),
    "several values": ({}, {"rating": [1, 2]}, {"rating": "takes one value, not 2"}),
    "a second value": (
        {"rating": [1]},
        {"rating": FieldInput([2], APPEND)},
        {"rating": 'takes one value, and has "1" already'},
    ),
    "a change of a read-only field": ({"fixed": ["x"]}, {"fixed": "y"}, {"fixed": "is read-only"}),
    "emptying a read-only field": ({"fixed": ["x"]}, {"fixed": ""}, {"fixed": "is read-only"}),
    "every fault at once": (
        {},
        {"rating": 9, "stock": "x", "text": "right"},
        {"rating": "9 is more than 5", "stock": '"x" is none of its options'},
    ),
    "too many values": (
        {},
        {"tags": [str(number) for number in range(MAX_FIELD_VALUES + 1)]},
        {"tags": "takes at most 1,000 values, not 1,001"},
    ),
    "too many values together": (
        {"tags": [str(number) for number in range(MAX_FIELD_VALUES)]},
        {"tags": FieldInput(["more"], APPEND)},
        {"tags": "takes at most 1,000 values, and would have 1,001"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_write_names_every_fault(name: str) -> None:
    kept, given, expected = REFUSED[name]
    assert faults(given, kept) == expected


@pytest.mark.parametrize("character", ["a", "ä", "𝄞", '"', "\x01"], ids=["ASCII", "two", "four", "quoted", "escaped"])
def test_the_limit_of_bytes_is_that_of_the_stored_json(character: str) -> None:
    width = len(json.dumps(character, ensure_ascii=False).encode()[1:-1])
    for size, is_accepted in ((984, True), (996, False)):
        values = [f"{number:04}" + character * (size // width) for number in range(MAX_FIELD_VALUES)]
        stored = len(json.dumps(values, ensure_ascii=False).encode())
        assert (stored <= MAX_FIELD_VALUES_BYTES) is is_accepted
        if is_accepted:
            assert len(write({"tags": values})[0].after) == MAX_FIELD_VALUES
        else:
            assert faults({"tags": values}) == {"tags": f"takes at most 1,000,000 bytes, and would have {stored:,}"}


def test_faults_are_cut_and_names_are_quoted() -> None:
    assert len(faults({f"none {number}": 1 for number in range(500)})) == MAX_REPORTED_FAULTS
    [name] = faults({"x" * 5_000: 1})
    assert len(name) == 200


def test_a_view_names_itself_and_requires_its_fields() -> None:
    form = required_form("text")
    assert faults({"none": 1, "text": "x"}, form=form) == {"none": 'the view "Logging" has no such field'}
    assert faults({"rating": 3}, form=form) == {"text": "is required"}
    assert faults({"text": ""}, {"text": ["x"]}, form) == {"text": "is required"}
    assert faults({"text": FieldInput(["x"], DELETE)}, {"text": ["x"]}, form) == {"text": "is required"}
    assert write({"rating": 3}, {"text": ["x"]}, form)[0].after == (3,)
    assert write({"text": FieldInput(["x"], APPEND)}, {}, form)[0].after == ("x",)
    without_view = MetadataForm(form.rules)
    assert write({"rating": 3}, form=without_view)[0].after == (3,)


def one_write(name: str, before: list[Any], after: list[Any]) -> FieldWrite:
    return FieldWrite(RULES[name], tuple(before), tuple(after))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([], "metadata was saved; nothing changed"),
        ([one_write("text", ["a"], ["a"])], "metadata was saved; nothing changed"),
        ([one_write("text", [], ["a"])], 'metadata changed: Text from nothing to "a"'),
        ([one_write("rating", [3], [])], 'metadata changed: Rating from "3" to nothing'),
        ([one_write("tags", ["a"], ["a", "b"])], 'metadata changed: Tags from "a" to "a, b" (2 values)'),
        ([one_write("text", [True], [False])], 'metadata changed: Text from "true" to "false"'),
        ([one_write("text", [], ["x" * 300])], f'metadata changed: Text from nothing to "{"x" * 199}…"'),
        (
            [one_write("text", [], ["a"]), one_write("tags", [], []), one_write("rating", [], [1])],
            'metadata changed: Text from nothing to "a"; Rating from nothing to "1"',
        ),
    ],
)
def test_history_has_old_and_new_values(written: list[FieldWrite], expected: str) -> None:
    assert describe_field_writes(written) == expected


@pytest.mark.parametrize(("more", "expected"), [(0, '"a"'), (1, "; and 1 more field"), (2, "; and 2 more fields")])
def test_history_counts_the_fields_that_it_does_not_list(more: int, expected: str) -> None:
    written = [one_write("text", [], ["a"])] * (MAX_HISTORY_FIELDS + more)
    assert describe_field_writes(written).endswith(expected)
