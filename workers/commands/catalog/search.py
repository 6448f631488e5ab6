"""`tapeless search WORDS…`: search from a terminal, with the permissions of an administrator."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.queues.index_queue import TooManyAccessReducedError, access_reduced_keys
from search.engine import SearchResults, SearchUnavailableError
from search.query.budget import CriteriaError
from search.query.criteria import Criteria, Visibility, parse_criteria
from services.core.text import pluralize
from workers.celery.context import ProcessContext
from workers.commands.options import data_option, json_option, running_system

SEARCH_PIPE_WIDTH = 240


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
            results = search_everything(context, parse_criteria({"query": " ".join(words)}, per_page=limit))
        except (CriteriaError, TooManyAccessReducedError, SearchUnavailableError) as error:
            raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"total": results.total, "hits": [hit.as_object() for hit in results.hits]}))
    else:
        console = Console(highlight=False)
        print_hits(console if console.is_terminal else Console(highlight=False, width=SEARCH_PIPE_WIDTH), results)


def search_everything(context: ProcessContext, criteria: Criteria) -> SearchResults:
    """Search everything, except for objects that were deleted or hidden since the last drain."""
    with context.sessions() as session:
        hidden = access_reduced_keys(session)
    return context.engine.search(criteria, Visibility(everything=True, excluded=hidden))


def print_hits(console: Console, results: SearchResults) -> None:
    """Print a table of hits."""
    table = Table("title", "formats", "files", "id", box=None, pad_edge=False, header_style="bold")
    for hit in results.hits:
        files = str(hit.body.get("file_count", ""))
        table.add_row(printable_title(hit.title), format_kinds(hit.body), files, str(hit.object_id))
    if results.hits:
        console.print(table)
    more = f", the first {len(results.hits)} shown" if results.total > len(results.hits) else ""
    console.print(f"{pluralize(results.total, 'asset')} found{more}")


def printable_title(title: str) -> Text:
    """Return a title as plain text: a name may contain brackets that look like markup, or terminal control codes."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in title))


def format_kinds(body: dict[str, Any]) -> str:
    """Return the kinds of a hit's formats, the original's first."""
    return ", ".join(dict.fromkeys(each["kind"] for each in body.get("formats", [])))
