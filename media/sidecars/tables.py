"""Tables: CSV with a row per file, or Avid log (ALE) with a row per clip."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from media.probe.captions import decode_text
from media.sandbox.protocol import UnreadableError
from media.sidecars.limits import (
    MAX_SIDECAR_FIELDS,
    MAX_SIDECAR_TEXT_CHARACTERS,
    MAX_TABLE_ROWS,
    SidecarFields,
    add_values,
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


@dataclass(frozen=True, slots=True)
class ClipRow:
    """Values for one clip; without a name, for the sidecar's own clip."""

    name: str | None
    words: SidecarFields
    other_names: tuple[str, ...] = ()
    """Names to look for where no clip has the first."""


def read_csv(content: bytes) -> list[ClipRow]:
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
    found = [_parse_csv_row(header, row, place) for row in rows]
    if place is None and len(found) > 1:
        raise UnreadableError(
            f'has {len(found):,} rows and no column "filename" that says which file each is about: {", ".join(header)}'[
                :300
            ]
        )
    return found


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
    return ClipRow(row[place].strip() if place is not None and place < len(row) else None, words)


def read_ale(content: bytes) -> list[ClipRow]:
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
    rows = [line for line in lines[sections["data"] + 1 :] if line.strip()]
    found = []
    for cells in _bounded(_ale_cells(line, delimiter, len(header)) for line in rows):
        named: dict[str, str] = {}
        words: SidecarFields = {}
        for column, cell in zip(header, cells, strict=False):
            if column.lower() in ALE_NAME_COLUMNS and cell.strip():
                named.setdefault(column.lower(), cell.strip())
            if column and column.lower() != "name":
                add_values(words, column, [cell])
        names = list(dict.fromkeys(named[column] for column in ALE_NAME_COLUMNS if column in named))
        if names:
            found.append(ClipRow(names[0], words, tuple(names[1:])))
    if rows and not found:
        raise UnreadableError("is an Avid log of no clip: no row has a Name, a Tape or a Source File")
    return found


def _ale_delimiter(heading: Sequence[str], columns: str) -> str:
    """Return the delimiter that the heading names; the most frequent one where that is not between the columns."""
    said = next((line for line in heading if line.upper().startswith("FIELD_DELIM")), "")
    named = ALE_DELIMITERS.get(re.split(r"[\s,;|]+", said.strip().upper())[-1], "\t")
    return named if named in columns else max(ALE_DELIMITERS.values(), key=columns.count)


def _ale_cells(line: str, delimiter: str, count: int) -> list[str]:
    """Split a row; with too many cells for its columns, some were quoted because the delimiter is in them."""
    cells = line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter)) if len(cells) > count and '"' in line else cells
