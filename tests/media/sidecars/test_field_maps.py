"""Sidecars that name fields directly: the forms of JSON and XML that are read, and what is no sidecar."""

from typing import Any

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.bounded_xml import parse_xml
from media.sidecars.field_maps import read_fields_json, read_fields_xml
from media.sidecars.tables import ClipRow

JSON: dict[str, tuple[str, dict[str, list[Any]]]] = {
    "plain values": ('{"scene": "12", "take": 3, "good": true}', {"scene": ["12"], "take": [3], "good": [True]}),
    "lists": ('{"tags": ["sea", "night"]}', {"tags": ["sea", "night"]}),
    "as the API writes values": (
        '{"metadata_values": {"tags": {"field_values": [{"value": "sea"}, {"value": 1.5}]}}}',
        {"tags": ["sea", 1.5]},
    ),
    "title and external id beside them": (
        '{"title": "T", "external_id": "X", "other": 1, "metadata_values": {"take": 3}}',
        {"title": ["T"], "external_id": ["X"], "take": [3]},
    ),
    "line breaks and tabs in a text": ('{"notes": "a\tb\nc"}', {"notes": ["a\tb\nc"]}),
    "a list of one": ('[{"scene": "12"}]', {"scene": ["12"]}),
    "groups of ExifTool (-g)": (
        '[{"EXIF": {"Make": "Canon", "ISO": 100}, "XMP": {"Subject": ["a", "b"]}}]',
        {"EXIF:Make": ["Canon"], "EXIF:ISO": [100], "XMP:Subject": ["a", "b"]},
    ),
    "structures of ExifTool (-struct)": (
        '{"RegionInfo": {"AppliedTo": {"W": 10, "H": 5}, "RegionList": [{"Name": "Ann"}, {"Name": "Bo"}]}, "Take": 3}',
        {
            **{"RegionInfo:AppliedTo:W": [10], "RegionInfo:AppliedTo:H": [5]},
            **{"RegionInfo:RegionList:Name": ["Ann", "Bo"], "Take": [3]},
        },
    ),
    "objects below metadata_values": ('{"metadata_values": {"camera": {"make": "X"}}}', {"camera:make": ["X"]}),
    "lists in lists": ('{"tags": [["a"], ["b", null]]}', {"tags": ["a", "b"]}),
    "objects with a value": ('{"scene": {"value": "12"}, "tags": {"values": ["a"]}}', {"scene": ["12"], "tags": ["a"]}),
}


@pytest.mark.parametrize("name", JSON)
def test_a_json_sidecar_gives_values_by_field(name: str) -> None:
    text, expected = JSON[name]
    assert read_fields_json(text.encode()) == [ClipRow(None, expected)]


def test_the_lists_of_exiftool_say_which_file_each_object_is_about() -> None:
    text = '[{"SourceFile": "./clip.mov", "Rating": 4}, {"SourceFile": "b.mov", "Keywords": ["a", "b"]}]'
    assert read_fields_json(text.encode()) == [
        ClipRow("./clip.mov", {"Rating": [4]}),
        ClipRow("b.mov", {"Keywords": ["a", "b"]}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "an object is expected"),
        ("[]", "an object is expected"),
        ('[{"a": 1}, {"a": 2}]', 'has 2 objects without "SourceFile"'),
        ('{"fps": 1e999, "scene": "8"}', "1e999 is larger than any number that is stored"),
        ('{"notes": "a\\u0000b", "scene": "9"}', 'holds a NUL in "notes", which no text may'),
        ('{"a\\u0000b": "v"}', r'holds a NUL in "a\\0b", which no text may'),
        ('{"title": "\\ud800", "scene": "6"}', 'holds half a surrogate pair in "title", which no text may'),
        ('[{"SourceFile": "a\\u0000b"}]', 'holds a NUL in "SourceFile"'),
        ('{"metadata_values": [1]}', 'its "metadata_values" are no object'),
        ('{"take": NaN}', "NaN is no JSON number"),
        ('{"take": 1', "is no JSON that can be read"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 99 + "1" + "}" * 99, "has more than 60 objects inside of each other"),
    ],
    ids=[
        *("a list", "an empty list", "whose objects", "infinity", "NUL", "NUL in a key", "half a surrogate pair"),
        *("NUL in a file", "values in a list", "not a number", "cut off", "a bomb", "deep objects"),
    ],
)
def test_what_is_no_json_sidecar_says_why(text: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read_fields_json(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "<asset><scene>12</scene><tags>sea</tags><tags>night</tags></asset>",
        "<fields><field name='scene'>12</field><field name='tags'>sea</field><field name='tags'>night</field></fields>",
        "<asset><metadata_values><field><name>scene</name><value>12</value></field><field><name>tags</name>"
        "<value>sea</value><value>night</value></field></metadata_values></asset>",
        "<asset><metadata><scene value='12'/><tags><value>sea</value><value>night</value></tags></metadata></asset>",
    ],
    ids=["elements", "named fields", "fields with values", "attributes"],
)
def test_an_xml_sidecar_gives_values_by_field(text: str) -> None:
    assert read_fields_xml(parse_xml(text.encode(), 100)) == {"scene": ["12"], "tags": ["sea", "night"]}


def test_the_title_may_be_beside_the_fields_and_nothing_else() -> None:
    text = b"<asset><title>T</title><other>1</other><metadata_values><take>3</take></metadata_values></asset>"
    assert read_fields_xml(parse_xml(text, 100)) == {"title": ["T"], "take": ["3"]}
