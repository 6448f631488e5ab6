"""Mapping of sidecar keys to fields: by the storage's table, by name, and by another spelling of the name."""

import uuid
from typing import Any

import pytest

from models.catalog.metadata import FieldType
from services.metadata.forms import FieldRule, MetadataForm
from services.sidecars.field_mapping import SidecarFieldTable, fit_values, fold_field_name, list_formats_read


def rule(name: str, kind: FieldType = FieldType.STRING, *, multi: bool = False) -> FieldRule:
    return FieldRule(uuid.UUID(int=1), name, name, kind, multi=multi)


FORM = MetadataForm({name: rule(name) for name in ("title", "reel_name", "Reel Name", "scene", "camera_roll")})


@pytest.mark.parametrize(
    ("word", "mapping", "expected"),
    [
        ("scene", {}, "scene"),
        ("Scene", {}, "scene"),
        ("dc:title", {}, "title"),
        ("xmpDM:scene", {}, "scene"),
        ("reel_name", {}, "reel_name"),
        ("Reel Name", {}, "Reel Name"),
        ("REEL-NAME", {}, "reel_name"),
        ("Camroll", {}, "camera_roll"),
        ("Camroll", {"Camroll": "scene"}, "scene"),
        ("Camroll", {"Camroll": "none"}, None),
        ("dc:creator", {}, None),
        ("none", {}, None),
        ("", {}, None),
    ],
)
def test_a_key_finds_its_field(word: str, mapping: dict[str, str], expected: str | None) -> None:
    found = SidecarFieldTable.of(FORM, mapping).rule_of(word)
    assert (found and found.name) == expected


def test_keys_are_sorted_by_where_they_go() -> None:
    table = SidecarFieldTable.of(MetadataForm({"scene": rule("scene")}), {})
    words: dict[str, list[Any]] = {"scene": ["12"], "title": ["T"], "external_id": [5], "none": ["x"]}
    plain = table.sort(words, is_plain=True)
    assert {name: list(one.values) for name, one in plain.given.items()} == {"scene": ["12"]}
    assert (plain.own, plain.unmapped) == ({"title": "T", "external_id": "5"}, ["none"])
    foreign = table.sort(words, is_plain=False)
    assert (foreign.own, foreign.unmapped) == ({}, ["title", "external_id", "none"])


def test_a_title_field_takes_precedence_over_the_title_of_the_asset() -> None:
    taken = SidecarFieldTable.of(FORM, {}).sort({"title": ["T"]}, is_plain=True)
    assert (list(taken.given), taken.own) == (["title"], {})


def test_the_last_key_of_a_field_wins() -> None:
    taken = SidecarFieldTable.of(FORM, {}).sort({"scene": ["1"], "xmpDM:scene": ["2"]}, is_plain=False)
    assert taken.given["scene"].values == ["2"]


@pytest.mark.parametrize(
    ("kind", "multi", "values", "expected"),
    [
        ("string", False, ["Ada", "Bo"], ["Ada; Bo"]),
        ("text", False, ["Ada", 5], ["Ada; 5"]),
        ("string", True, ["Ada", "Bo"], ["Ada", "Bo"]),
        ("string", False, ["Ada"], ["Ada"]),
        ("integer", False, [1, 2], [1, 2]),
        ("string", False, [], []),
    ],
)
def test_several_values_are_one_text_in_a_field_of_one(
    kind: str, multi: bool, values: list[Any], expected: list[Any]
) -> None:
    assert fit_values(rule("n", FieldType(kind), multi=multi), values) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Reel Name", "reel_name"), ("reel--name_", "reel_name"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("", "")],
)
def test_spellings_of_a_name_are_one(name: str, expected: str) -> None:
    assert fold_field_name(name) == expected


def test_formats_are_listed_once() -> None:
    assert list_formats_read([{"format": "XMP"}, {"error": "x"}, {"format": "ALE"}, {"format": "XMP"}]) == "XMP, ALE"


@pytest.mark.parametrize(
    ("kind", "written", "fitted"),
    [
        (FieldType.INTEGER, "4.0", "4"),
        (FieldType.INTEGER, "-1", "-1"),
        (FieldType.INTEGER, "4.5", "4.5"),
        (FieldType.INTEGER, 4.0, 4.0),
        (FieldType.STRING, "4.0", "4.0"),
        (FieldType.DATETIME, "2023:05:01 10:20:30", "2023-05-01 10:20:30"),
        (FieldType.DATETIME, "2024-01-23T18:12:34+02", "2024-01-23T18:12:34+02:00"),
        (FieldType.DATETIME, "2024-01-23T18:12+02", "2024-01-23T18:12+02:00"),
        (FieldType.DATETIME, "2024-01-23T18:12:34-0700", "2024-01-23T18:12:34-0700"),
        (FieldType.DATETIME, "2024-05-01T10:20", "2024-05-01T10:20"),
        (FieldType.DATETIME, "2024-05-01", "2024-05-01"),
        (FieldType.DATE, "2024-05-01T10:20:30+02:00", "2024-05-01"),
        (FieldType.DATE, "2023:05:01 10:20:30", "2023-05-01"),
        (FieldType.STRING, "2023:05:01 10:20:30", "2023:05:01 10:20:30"),
    ],
)
def test_a_value_is_written_in_the_form_of_its_field(kind: FieldType, written: Any, fitted: Any) -> None:
    assert fit_values(rule("a", kind), [written]) == [fitted]


@pytest.mark.parametrize("written", ["2024", "2024-05"])
def test_a_date_without_a_day_is_left_out_alone_and_told(written: str) -> None:
    form = MetadataForm({"creation_time": rule("creation_time", FieldType.DATETIME), "scene": rule("scene")})
    taken = SidecarFieldTable.of(form, {}).sort({"xmp:CreateDate": [written], "scene": ["12"]}, is_plain=False)
    assert ({name: list(one.values) for name, one in taken.given.items()}, taken.unmapped) == ({"scene": ["12"]}, [])
    assert taken.left_out == [f'"xmp:CreateDate" says only {written}, which the field "creation_time" does not take']
