"""Tables beside clips: CSV with a row per file, Avid logs with a row per clip."""

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.tables import ClipRow, read_ale, read_csv

CSV: dict[str, tuple[str, list[ClipRow]]] = {
    "a row per file": (
        "filename,scene\na.mov,12\nb.mov,13\n",
        [ClipRow("a.mov", {"scene": ["12"]}), ClipRow("b.mov", {"scene": ["13"]})],
    ),
    "the column may be anywhere and in any case": (
        "scene;File Name\n12;a.mov\n",
        [ClipRow("a.mov", {"scene": ["12"]})],
    ),
    "tabs": ("file\tscene\na.mov\t12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "a comma in a quoted cell": ('file,notes\na.mov,"dark, wet"\n', [ClipRow("a.mov", {"notes": ["dark, wet"]})]),
    "several values": ("file,tags\na.mov,sea|night\n", [ClipRow("a.mov", {"tags": ["sea", "night"]})]),
    "one row about its own clip": ("scene,take\n12,3\n", [ClipRow(None, {"scene": ["12"], "take": ["3"]})]),
    "empty cells and rows": ("file,scene,take\na.mov,,3\n,,\n", [ClipRow("a.mov", {"take": ["3"]})]),
    "a short row": ("scene,file\n12\n", [ClipRow(None, {"scene": ["12"]})]),
    "a column without a name": ("file,,scene\na.mov,x,12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "a byte order mark": ("\ufefffile,scene\na.mov,12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
}


@pytest.mark.parametrize("name", CSV)
def test_a_csv_gives_values_by_file(name: str) -> None:
    text, expected = CSV[name]
    assert read_csv(text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first row is to name the fields"),
        ("\nfile,scene\n", "its first row is to name the fields"),
        (
            "scene,take\n1,2\n3,4\n",
            'has 2 rows and no column "filename" that says which file each is about: scene, take',
        ),
        ('file,scene\n"a.mov,12\n', "is no table that can be read"),
    ],
    ids=["empty", "no heading", "whose rows", "an open quote"],
)
def test_a_csv_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        read_csv(text.encode())


def log(*rows: str, end: str = "\n") -> bytes:
    return end.join(["Heading", "FIELD_DELIM\tTABS", "", "Column", "Name\tTape\tScene", "", "Data", *rows]).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["Unix", "Windows", "old Mac"])
def test_an_avid_log_gives_values_by_clip(end: str) -> None:
    rows = ["A001C001\tA001\t12", "\tA002\t13", "\t\t14", ""]
    assert read_ale(log(*rows, end=end)) == [
        ClipRow("A001C001", {"Tape": ["A001"], "Scene": ["12"]}),
        ClipRow("A002", {"Tape": ["A002"], "Scene": ["13"]}),
    ], "a clip without a name is called by its tape, and one without either is skipped"


@pytest.mark.parametrize("content", [b"", b"Column\nName\n", b"Data\nA001\n"])
def test_an_avid_log_has_columns_and_data(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="no sections Column and Data"):
        read_ale(content)
