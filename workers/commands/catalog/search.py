"""`tapeless search WORDS…`: search from a terminal, with the permissions of an administrator."""

from functools import partial
from typing import Any

import click

from models.queues.index_queue import access_reduced_keys
from search.engine import SearchResults
from search.query.criteria import Criteria, Visibility, parse_criteria
from services.core.text import pluralize
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, system_command
from workers.commands.output import print_result, print_table


@click.command()
@click.argument("words", nargs=-1, required=True)
@system_command
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="Hits that are shown.")
@json_option
def search(context: ProcessContext, words: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find assets by WORDS of their titles, file names, folders and external ids.

    Use `*` for prefix search: `pla*`.
    """
    results = search_everything(context, parse_criteria({"query": " ".join(words)}, per_page=limit))
    hits = [hit.as_object() for hit in results.hits]
    print_result(as_json, {"total": results.total, "hits": hits}, partial(print_hits, results))


def search_everything(context: ProcessContext, criteria: Criteria) -> SearchResults:
    """Search everything, except for objects that were deleted or hidden since the last drain."""
    with context.sessions() as session:
        hidden = access_reduced_keys(session)
    return context.engine.search(criteria, Visibility(everything=True, excluded=hidden))


def print_hits(results: SearchResults) -> None:
    """Print a table of hits."""
    if results.hits:
        rows = (
            (hit.title, format_kinds(hit.body), str(hit.body.get("file_count", "")), str(hit.object_id))
            for hit in results.hits
        )
        print_table(("title", "formats", "files", "id"), rows)
    more = f", the first {len(results.hits)} shown" if results.total > len(results.hits) else ""
    click.echo(f"{pluralize(results.total, 'asset')} found{more}")


def format_kinds(body: dict[str, Any]) -> str:
    """Return the kinds of a hit's formats, the original's first."""
    return ", ".join(dict.fromkeys(each["kind"] for each in body.get("formats", [])))
