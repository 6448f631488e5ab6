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

CSV_DELIMITERS = (",", ";", "\t")
FILE_NAME_COLUMNS = frozenset({"filename", "file_name", "file name", "file", "original_name"})
ALE_NAME_COLUMNS = ("Name", "Tape", "Source File")
"""Columns that may name the clip; the first non-empty one is used."""
VALUE_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class ClipRow:
    """Values for one clip; without a name, for the sidecar's own clip."""

    name: str | None
    words: SidecarFields


def read_csv(content: bytes) -> list[ClipRow]:
    """Parse a CSV with field names in the first row. Several values in one cell are separated by `|`."""
    text = decode_text(content).lstrip("\ufeff")
    first = text.split("\n", 1)[0]
    if not first.strip():
        raise UnreadableError("is no table: its first row is to name the fields")
    csv.field_size_limit(MAX_SIDECAR_TEXT_CHARACTERS)
    delimiter = max(CSV_DELIMITERS, key=lambda each: (first.count(each), -CSV_DELIMITERS.index(each)))
    try:
        header, *rows = list(_bounded(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)))
    except csv.Error as error:
        raise UnreadableError(f"is no table that can be read: {error}") from None
    header = [name.strip() for name in header]
    place = next((place for place, name in enumerate(header) if name.lower() in FILE_NAME_COLUMNS), None)
    found = [_parse_csv_row(header, row, place) for row in rows if any(cell.strip() for cell in row)]
    if place is None and len(found) > 1:
        raise UnreadableError(
            f'has {len(found):,} rows and no column "filename" that says which file each is about: {", ".join(header)}'[
                :300
            ]
        )
    return found


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
    header = [name.strip() for name in columns.split("\t")]
    rows = _bounded(line.split("\t") for line in lines[sections["data"] + 1 :] if line.strip())
    found = []
    for cells in rows:
        said = dict(zip(header, cells, strict=False))
        name = next((said[column].strip() for column in ALE_NAME_COLUMNS if said.get(column, "").strip()), None)
        words: SidecarFields = {}
        for column, cell in said.items():
            if column and column != "Name":
                add_values(words, column, [cell])
        if name:
            found.append(ClipRow(name, words))
    return found
