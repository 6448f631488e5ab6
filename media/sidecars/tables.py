"""Tables: CSV with a row per file, or Avid log (ALE) with a row per clip."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError
from media.sidecars.limits import (
    MAX_SIDECAR_FIELDS,
    MAX_SIDECAR_TEXT_CHARACTERS,
    MAX_TABLE_ROWS,
    SidecarFields,
    add_values,
    describe_count,
    require_at_most,
)

CSV_DELIMITERS = (",", ";", "\t", "|")
EXCEL_DELIMITER_LINE = re.compile(r"(?i)sep=(.)\s*")
FILE_NAME_COLUMNS = frozenset(
    {"filename", "file_name", "file name", "file", "original_name", "sourcefile", "source file"}
)
CLIP_NAME_COLUMNS = frozenset({"clip name", "clip_name", "clipname", "clip"})
"""Columns that name the file where there are several rows and no other column does; of one clip they are fields."""
ALE_NAME_COLUMNS = ("name", "tape", "source file", "source file path")
"""Columns that may name the clip, in lower case, in the order in which a clip is looked for."""
ALE_DELIMITERS = {"TABS": "\t", "COMMAS": ",", "SEMICOLONS": ";", "PIPES": "|"}
VALUE_SEPARATOR = "|"
UNNAMED_CELLS_LEFT_OUT = "with cells outside of the named columns, which were left out"


@dataclass(frozen=True, slots=True)
class ClipRow:
    """Values for one clip; without a name, for the sidecar's own clip."""

    name: str | None
    words: SidecarFields
    other_names: tuple[str, ...] = ()
    """Names to look for where no clip has the first."""


@dataclass(frozen=True, slots=True)
class ClipTable:
    """Rows of a table, and notes about what was left out."""

    rows: list[ClipRow]
    notes: list[str] = field(default_factory=list)


def read_csv(content: bytes) -> ClipTable:
    """Parse a CSV with field names in the first row. Several values in one cell are separated by `|`."""
    text = decode_text(content).lstrip("\ufeff").lstrip()
    first, _, rest = text.partition("\n")
    excel = EXCEL_DELIMITER_LINE.fullmatch(first)
    if excel:
        text, first = rest.lstrip(), rest.lstrip().partition("\n")[0]
    if not first.strip():
        raise UnreadableError("is no table: its first row is to name the fields")
    csv.field_size_limit(MAX_SIDECAR_TEXT_CHARACTERS)
    delimiter = excel[1] if excel else _guess_delimiter(first)
    try:
        header, *rows = list(_bounded(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)))
    except csv.Error as error:
        raise UnreadableError(f"is no table that can be read: {error}") from None
    header = [name.strip() for name in header]
    place = next((place for place, name in enumerate(header) if name.lower() in FILE_NAME_COLUMNS), None)
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if place is None and len(rows) > 1:
        place = next((place for place, name in enumerate(header) if name.lower() in CLIP_NAME_COLUMNS), None)
    if not rows:
        raise UnreadableError("is a table of a single row, the names of the fields; add a row with their values")
    if place is None and len(rows) > 1:
        raise UnreadableError(
            f'has {len(rows):,} rows and no column "filename" that says which file each is about: {", ".join(header)}'[
                :300
            ]
        )
    found = [_parse_csv_row(header, row, place) for row in rows]
    kept = [row for row in found if row.name is not None or len(found) == 1]
    notes = describe_count(len(found) - len(kept), "row", "without the name of a file left out")
    return ClipTable(kept, notes + describe_count(_count_unnamed(header, rows), "row", UNNAMED_CELLS_LEFT_OUT))


def _guess_delimiter(first: str) -> str:
    """Return the most frequent delimiter of the first row outside of quotes; a bar separates values of a cell, so that
    it counts only where no other occurs."""
    bare = re.sub(r'"[^"]*"', "", first)
    return max(CSV_DELIMITERS, key=lambda each: (bare.count(each) and each != "|", bare.count(each)))


def _bounded(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    for count, row in enumerate(rows):
        require_at_most(count, MAX_TABLE_ROWS, "rows")
        require_at_most(len(row), MAX_SIDECAR_FIELDS, "columns")
        yield row


def _parse_csv_row(header: Sequence[str], row: Sequence[str], place: int | None) -> ClipRow:
    words: SidecarFields = {}
    for column, (name, cell) in enumerate(zip(header, row, strict=False)):
        if name and column != place:
            add_values(words, name, cell.split(VALUE_SEPARATOR))
    name = row[place].strip() if place is not None and place < len(row) else ""
    return ClipRow(name or None, words)


def _count_unnamed(header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Count the rows with a text where the head has no name, or beyond its end."""
    unnamed = [place for place, name in enumerate(header) if not name]
    return sum(
        1
        for row in rows
        if any(cell.strip() for cell in (*row[len(header) :], *(row[place] for place in unnamed if place < len(row))))
    )


def read_ale(content: bytes) -> ClipTable:
    """Parse an Avid log: a heading, the columns, and a row per clip, separated by tabs."""
    text = decode_text(content)
    require_at_most(text.count("\n"), MAX_TABLE_ROWS, "rows")
    lines = re.split("\r\n|\n|\r", text)
    sections = {line.strip().lower(): place for place, line in reversed(list(enumerate(lines)))}
    if "column" not in sections or "data" not in sections:
        raise UnreadableError("is no Avid log: it has no sections Column and Data")
    columns = next((line for line in lines[sections["column"] + 1 :] if line.strip()), "")
    delimiter = _ale_delimiter(lines[: sections["column"]], columns)
    header = [name.strip() for name in columns.split(delimiter)]
    data = (line for line in lines[sections["data"] + 1 :] if line.strip())
    rows = list(_bounded(_ale_cells(line, delimiter, len(header)) for line in data))
    found = [row for cells in rows if (row := _parse_ale_row(header, cells)) is not None]
    if rows and not found:
        raise UnreadableError("is an Avid log of no clip: no row has a Name, a Tape or a Source File")
    notes = describe_count(len(rows) - len(found), "row", "without a Name, a Tape or a Source File left out")
    return ClipTable(found, notes + describe_count(_count_unnamed(header, rows), "row", UNNAMED_CELLS_LEFT_OUT))


def _parse_ale_row(header: Sequence[str], cells: Sequence[str]) -> ClipRow | None:
    named: dict[str, str] = {}
    words: SidecarFields = {}
    for column, cell in zip(header, cells, strict=False):
        if column.lower() in ALE_NAME_COLUMNS and cell.strip():
            named.setdefault(column.lower(), cell.strip())
        if column and column.lower() != "name":
            add_values(words, column, [cell])
    names = list(dict.fromkeys(named[column] for column in ALE_NAME_COLUMNS if column in named))
    return ClipRow(names[0], words, tuple(names[1:])) if names else None


def _ale_delimiter(heading: Sequence[str], columns: str) -> str:
    """Return the delimiter that the heading names; the most frequent one where that is not between the columns."""
    said = next((line for line in heading if line.upper().startswith("FIELD_DELIM")), "")
    named = ALE_DELIMITERS.get(re.split(r"[\s,;|]+", said.strip().upper())[-1], "\t")
    return named if named in columns else max(ALE_DELIMITERS.values(), key=columns.count)


def _ale_cells(line: str, delimiter: str, count: int) -> list[str]:
    """Split a row; with too many cells for its columns, some were quoted because the delimiter is in them."""
    cells = line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter)) if len(cells) > count and '"' in line else cells
