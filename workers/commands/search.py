"""`tapeless search WORDS…`: ask the index from a terminal, as an administrator sees it."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from models.index_queue import TooManyNarrowedError, narrowed_keys
from search.criteria import Criteria, CriteriaError, Visibility, parse_criteria
from search.engine import Results, SearchUnavailableError
from workers.context import Context, open_running
from workers.settings import Settings, SettingsError


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--data", type=click.Path(path_type=Path), help="The data folder of the running system.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="Hits that are shown.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
def search(words: tuple[str, ...], data: Path | None, limit: int, as_json: bool) -> None:
    """Find assets by WORDS of their titles, file names, folders and external ids; `pla*` takes every word that
    begins so."""
    try:
        criteria = parse_criteria({"query": " ".join(words)}, per_page=limit)
        with open_running(Settings.for_data(data)) as context:
            results = find(context, criteria)
    except (CriteriaError, SettingsError, TooManyNarrowedError, SearchUnavailableError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"total": results.total, "hits": [hit.as_object() for hit in results.hits]}))
    else:
        show(results, Console())


def find(context: Context, criteria: Criteria) -> Results:
    """Everything that answers, but for what was deleted or hidden since the last drain."""
    with context.sessions() as session:
        hidden = narrowed_keys(session)
    return context.engine.search(criteria, Visibility(everything=True, excluded=hidden))


def show(results: Results, console: Console) -> None:
    """A table of hits for people."""
    table = Table("title", "kind", "files", "id", box=None, pad_edge=False, header_style="bold")
    for hit in results.hits:
        table.add_row(hit.title, kinds(hit.body), str(hit.body.get("file_count", "")), str(hit.object_id))
    if results.hits:
        console.print(table)
    more = f", the first {len(results.hits)} shown" if results.total > len(results.hits) else ""
    console.print(f"{results.total} {'asset' if results.total == 1 else 'assets'} found{more}")


def kinds(body: dict[str, Any]) -> str:
    """The kinds of a hit's formats, the original's first."""
    return ", ".join(dict.fromkeys(each["kind"] for each in body.get("formats", [])))
