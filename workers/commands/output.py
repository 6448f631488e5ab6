"""Output of the commands: JSON for programs; tables, trees and lines for people.

Imports neither database nor Celery, because a dry run on a million names must not wait for them.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Literal

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

PIPE_WIDTH = 240
ID_WIDTH = 36
"""An id is never cut: people copy it into the next command."""


def print_result(as_json: bool, value: object, print_text: Callable[[], object]) -> None:
    """Print a result: as one line of JSON if requested, else by `print_text`."""
    if as_json:
        click.echo(json.dumps(value))
    else:
        print_text()


def make_console() -> Console:
    """Return a console for tables and trees, which crop their lines at its width; a pipe has none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def make_line_console() -> Console:
    """Return a console for lines, which are never cropped."""
    return Console(highlight=False, soft_wrap=True)


def print_table(
    headings: Iterable[str], rows: Iterable[Iterable[str]], overflow: Literal["fold", "ellipsis"] = "ellipsis"
) -> None:
    """Print a table; a cell is plain text, even if a name contains brackets or control codes."""
    columns = (
        Column(heading, overflow=overflow, no_wrap=heading == "id", min_width=ID_WIDTH if heading == "id" else None)
        for heading in headings
    )
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(replace_unprintable(cell)) for cell in row))
    make_console().print(table)


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control codes, line separators, directions of text, and bytes that are not UTF-8; `str.isprintable` also refuses
spaces that do not break, joiners of scripts and emoji, and letters newer than Python's tables."""


def print_records(rows: Iterable[Mapping[str, object]], empty: str) -> None:
    """Print one line for each row, never cropped, with its id and then its values in order; `empty` if there is none.

    A line that begins with the id does not wrap inside it.
    """
    console = make_line_console()
    parts = [[row.get("id"), *(value for key, value in row.items() if key != "id")] for row in rows]
    lines = ["  ".join(str(value) for value in values if value not in (None, "")) for values in parts]
    for line in lines or [empty]:
        console.print(Text(replace_unprintable(line)))


def format_timestamp(moment: datetime | None) -> str:
    """Format a time in the local time zone, with the zone; empty for None."""
    return moment.astimezone().isoformat(sep=" ", timespec="seconds") if moment else ""


def replace_unprintable(text: str) -> str:
    """Replace characters that could control a terminal."""
    return _CONTROLS.sub("\ufffd", text)
