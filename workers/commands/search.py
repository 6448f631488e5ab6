"""`tapeless search WORDS…`: search from a terminal, with the permissions of an administrator."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.index_queue import TooManyNarrowedError, narrowed_keys
from search.criteria import Criteria, CriteriaError, Visibility, parse_criteria
from search.engine import Results, SearchUnavailableError
from tasks.sentences import counted
from workers.commands.options import data_option, json_option, running_system
from workers.context import Context

PIPE_WIDTH = 240


@click.command()
@click.argument("words", nargs=-1, required=True)
@data_option
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="Hits that are shown.")
@json_option
def search(words: tuple[str, ...], data: Path | None, limit: int, as_json: bool) -> None:
    """Find assets by WORDS of their titles, file names, folders and external ids.

    Use `*` for prefix search: `pla*`.
    """
    with running_system(data) as context:
        try:
            results = find(context, parse_criteria({"query": " ".join(words)}, per_page=limit))
        except (CriteriaError, TooManyNarrowedError, SearchUnavailableError) as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"total": results.total, "hits": [hit.as_object() for hit in results.hits]}))
    else:
        console = Console(highlight=False)
        show(console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH), results)


def find(context: Context, criteria: Criteria) -> Results:
    """Search everything, except for objects that were deleted or hidden since the last drain."""
    with context.sessions() as session:
        hidden = narrowed_keys(session)
    return context.engine.search(criteria, Visibility(everything=True, excluded=hidden))


def show(console: Console, results: Results) -> None:
    """Print a table of hits."""
    table = Table("title", "formats", "files", "id", box=None, pad_edge=False, header_style="bold")
    for hit in results.hits:
        files = str(hit.body.get("file_count", ""))
        table.add_row(printable(hit.title), kinds(hit.body), files, str(hit.object_id))
    if results.hits:
        console.print(table)
    more = f", the first {len(results.hits)} shown" if results.total > len(results.hits) else ""
    console.print(f"{counted(results.total, 'asset')} found{more}")


def printable(title: str) -> Text:
    """Return a title as plain text: a name may contain brackets that look like markup, or terminal control codes."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in title))


def kinds(body: dict[str, Any]) -> str:
    """Return the kinds of a hit's formats, the original's first."""
    return ", ".join(dict.fromkeys(each["kind"] for each in body.get("formats", [])))
