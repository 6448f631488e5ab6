"""Tables beside clips: CSV with a row per file, Avid logs with a row per clip."""

import pytest

from media.sandbox.protocol import UnreadableError
from media.sidecars.tables import ClipRow, ClipTable, read_ale, read_csv

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
    "no name in the only row": ("file,scene\n,12\n", [ClipRow(None, {"scene": ["12"]})]),
    "empty cells beyond the head": ("file,scene\na.mov,12,, \n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "the column of ExifTool": ("SourceFile,Title\n./a.mov,T\n", [ClipRow("./a.mov", {"Title": ["T"]})]),
    "the line of Excel": ("sep=;\r\nfile;scene\r\na.mov;12\r\n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "blank lines before": ("\n\nfile,scene\na.mov,12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "bars": ("file|scene\na.mov|12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
    "commas in the names of columns": (
        'file;"scene, take, slate"\na.mov;1\n',
        [ClipRow("a.mov", {"scene, take, slate": ["1"]})],
    ),
    "clips by their name": (
        "Clip Name,Scene\na,1\nb,2\n",
        [ClipRow("a", {"Scene": ["1"]}), ClipRow("b", {"Scene": ["2"]})],
    ),
    "the name of its own clip": ("Clip Name,Scene\nDawn,1\n", [ClipRow(None, {"Clip Name": ["Dawn"], "Scene": ["1"]})]),
    "a column twice": ("file,notes,notes\na.mov,a,b\n", [ClipRow("a.mov", {"notes": ["a", "b"]})]),
    "a byte order mark": ("\ufefffile,scene\na.mov,12\n", [ClipRow("a.mov", {"scene": ["12"]})]),
}


@pytest.mark.parametrize("name", CSV)
def test_a_csv_gives_values_by_file(name: str) -> None:
    text, expected = CSV[name]
    assert read_csv(text.encode()) == ClipTable(expected)


NAMED = [ClipRow("a", {"Scene": ["12"]})]
ALE_HEAD = "Column\nName\tScene\nData\n"
LEFT_OUT: dict[str, tuple[str, str]] = {
    "more cells than the head of a CSV": (
        "file,Scene\na,12,x\na,12\na,12,,y\n",
        "2 rows with cells outside of the named columns, which were left out",
    ),
    "a column of a CSV without a name": (
        "file,,Scene\na,x,12\n",
        "1 row with cells outside of the named columns, which were left out",
    ),
    "rows of a CSV without a file": (
        "Scene,file\n12,a\n13,\n14\n",
        "2 rows without the name of a file left out",
    ),
    "more cells than the head of an Avid log": (
        f"{ALE_HEAD}a\t12\tx\n",
        "1 row with cells outside of the named columns, which were left out",
    ),
    "rows of an Avid log without a name": (
        f"{ALE_HEAD}a\t12\n\t13\n",
        "1 row without a Name, a Tape or a Source File left out",
    ),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_a_table_has_beside_its_columns_is_counted(what: str) -> None:
    text, note = LEFT_OUT[what]
    table = (read_ale if "Column" in text else read_csv)(text.encode())
    assert (table.rows[:1], table.notes) == (NAMED, [note])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its first row is to name the fields"),
        ("sep=;\n", "its first row is to name the fields"),
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
    assert read_ale(log(*rows, end=end)).rows == [
        ClipRow("A001C001", {"Tape": ["A001"], "Scene": ["12"]}, ("A001",)),
        ClipRow("A002", {"Tape": ["A002"], "Scene": ["13"]}),
    ], "a clip without a name is called by its tape, and one without either is skipped"


LOGS: dict[str, tuple[str, list[ClipRow]]] = {
    "capitals": ("COLUMN\nNAME\tSCENE\nDATA\na\t12\n", [ClipRow("a", {"SCENE": ["12"]})]),
    "commas": (
        "Heading\nFIELD_DELIM\tCOMMAS\nColumn\nName,Scene\nData\na,12\n",
        [ClipRow("a", {"Scene": ["12"]})],
    ),
    "commas in the heading too": (
        "Heading\nFIELD_DELIM,COMMAS\nColumn\nName,Scene\nData\na,12\n",
        [ClipRow("a", {"Scene": ["12"]})],
    ),
    "another delimiter than it says": (
        "Heading\nFIELD_DELIM\tTABS\nColumn\nName;Scene\nData\na;12\n",
        [ClipRow("a", {"Scene": ["12"]})],
    ),
    "no rows": ("Column\nName\tScene\nData\n", []),
    "three names": (
        "Column\nSource File\tTape\tName\nData\na.mov\tA001\tDawn\n",
        [ClipRow("Dawn", {"Source File": ["a.mov"], "Tape": ["A001"]}, ("A001", "a.mov"))],
    ),
    "a tab in quotes": (
        'Column\nName\tScene\tTake\nData\na\t"12\tA"\t3\n',
        [ClipRow("a", {"Scene": ["12\tA"], "Take": ["3"]})],
    ),
    "an inch": ('Column\nName\tNotes\nData\na\t5" lens\n', [ClipRow("a", {"Notes": ['5" lens']})]),
}


@pytest.mark.parametrize("kind", LOGS)
def test_avid_logs_of_other_programs_are_read(kind: str) -> None:
    text, expected = LOGS[kind]
    assert read_ale(text.encode()) == ClipTable(expected)


@pytest.mark.parametrize("content", [b"", b"Column\nName\n", b"Data\nA001\n"])
def test_an_avid_log_has_columns_and_data(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="no sections Column and Data"):
        read_ale(content)


def test_what_is_about_nothing_says_so() -> None:
    with pytest.raises(UnreadableError, match="is a table of a single row"):
        read_csv(b"clip.mov,12\n")
    with pytest.raises(UnreadableError, match="no row has a Name, a Tape or a Source File"):
        read_ale(b"Column\nScene\tTake\nData\n12\t3\n")
