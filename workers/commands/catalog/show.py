"""`tapeless show ASSET`: its formats, files, missing frames, metadata and history; `explain PATH`: why a file is (not)
an asset; `search WORDS…`, with the permissions of an administrator."""

import os
import textwrap
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from models.queues.index_queue import access_reduced_keys
from search.engine import SearchResults
from search.query.criteria import Criteria, Visibility, parse_criteria
from services.core.text import label_structure, pluralize
from services.metadata.types import value_to_text
from services.operations.asset_report import (
    build_asset_report,
    describe_places,
    find_asset_by_word,
    load_asset_places,
)
from services.operations.explain import explain_path
from services.operations.explain_progress import explain_indexed_document, format_media_facts, read_asset_mark
from workers.celery.context import ProcessContext
from workers.commands.completion import complete_assets
from workers.commands.options import data_option, json_option, own_folders, running_system, system_command
from workers.commands.output import (
    format_timestamp,
    make_console,
    make_line_console,
    print_result,
    replace_unprintable,
)

MAX_SHOWN_VALUE_CHARACTERS = 200
"""Of one field's values; `--json` prints all of them."""


@click.command()
@click.argument("asset", shell_complete=complete_assets)
@system_command
@json_option
def show(context: ProcessContext, asset: str, as_json: bool) -> None:
    """Show ASSET, given by its id, external id or title."""
    with context.sessions() as session:
        found = build_asset_report(session, find_asset_by_word(session, asset))
    print_result(as_json, found, partial(_print, found))


def _print(asset: dict[str, Any]) -> None:
    console = make_console()
    root = Tree(Text.assemble((asset["title"], "bold"), f"  {asset['id']}", "" if asset["is_online"] else "  offline"))
    for part in asset["formats"]:
        what = "sidecars" if part["role"] == "sidecar" else label_structure(part["kind"])
        node = root.add(Text.assemble((part["role"], "cyan"), f"  {what}", (f"  by rule: {part['rule']}", "dim")))
        for warning in part["warnings"]:
            node.add(Text(warning, style="yellow"))
        for row in part["file_sets"]:
            _grow(node, row)
    for name, values in asset["metadata"].items():
        root.add(
            Text.assemble((name, "cyan"), f"  {', '.join(map(value_to_text, values))[:MAX_SHOWN_VALUE_CHARACTERS]}")
        )
    console.print(root)
    for entry in asset["history"]:
        when = format_timestamp(datetime.fromisoformat(entry["date_created"]))
        line = f"{entry['operation_type']:<15} {entry['operation_description']}"
        console.print(Text.assemble((f"{when}  ", "dim"), line, (f"  {entry['actor']}", "dim")))


def _grow(parent: Tree, row: dict[str, Any]) -> None:
    label = f"{row['label']}: " if row["label"] else ""
    place = f"{row['base_dir']}/" if row["base_dir"] else ""
    text = Text(f"{label}{place}{row['name']}")
    text.append(f"  {pluralize(row['file_count'], 'file')}, {decimal(row['size_bytes'])}", style="dim")
    if row["missing_frames"]:
        text.append(f"  {pluralize(row['missing_frames'], 'frame')} missing: {row['missing']}", style="yellow")
    if row["empty_frames"]:
        text.append(f"  empty: {row['empty_frames']}", style="yellow")
    if row["note"]:
        text.append(f"  {row['note']}", style="yellow")
    node = parent.add(text)
    for component in row["components"]:
        facts = format_media_facts(component["media"])
        if facts:
            node.add(Text.assemble((component["type"].lower(), "cyan"), f"  {', '.join(facts)}"))


@click.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
@data_option
@json_option
def explain(path: Path, data: Path | None, as_json: bool) -> None:
    """Explain the state of PATH and why: of a file, or of all that a folder or a card holds."""
    # The folder is resolved, the name is not, because a symbolic link is explained as such.
    absolute = os.path.join(os.path.realpath(os.fsencode(path.parent)), os.fsencode(path.name))
    with running_system(data) as context:
        with context.sessions() as session:
            said = explain_path(session, absolute, own_folders(data))
            asset_id = uuid.UUID(said.asset_id) if said.asset_id else None
            marked = read_asset_mark(session, asset_id) if asset_id else None
        if asset_id is not None:
            said.lines.append(explain_indexed_document(context.engine, marked, asset_id))
    wrapped = [part for line in said.lines for part in (_wrap(line) if said.folder else [line])]
    lines = Text("\n").join(
        [Text.assemble((said.path, "bold"), f"  {said.state}"), *(Text(f"  {line}") for line in wrapped)]
    )
    print_result(as_json, asdict(said), lambda: make_line_console().print(lines))


def _wrap(line: str) -> list[str]:
    """Return a line of a folder's report in parts that fit a terminal of 80 columns, the later ones indented more."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, 78, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


@click.command()
@click.argument("words", nargs=-1)
@click.option("--has-warning", is_flag=True, help="Only assets of which something cannot be read, shown or verified.")
@system_command
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="Maximum number of hits.")
@json_option
def search(context: ProcessContext, words: tuple[str, ...], has_warning: bool, limit: int, as_json: bool) -> None:
    """Find assets by WORDS of their titles, file names, folders and external ids.

    Use `*` for prefix search: `pla*`.
    """
    if not words and not has_warning:
        raise click.UsageError("give words, or --has-warning")
    asked: dict[str, Any] = {"query": " ".join(words)}
    if has_warning:
        asked["filter"] = {"operator": "AND", "terms": [{"name": "has_warning", "value": "true"}]}
    results = search_everything(context, parse_criteria(asked, per_page=limit))
    with context.sessions() as session:
        places = load_asset_places(session, [hit.object_id for hit in results.hits])
    hits = [hit.as_object() | {"places": places[hit.object_id]} for hit in results.hits]
    print_result(as_json, {"total": results.total, "hits": hits}, partial(print_hits, results, places))


def search_everything(context: ProcessContext, criteria: Criteria) -> SearchResults:
    """Search everything, except for objects that were deleted or hidden since the last drain."""
    with context.sessions() as session:
        hidden = access_reduced_keys(session)
    return context.engine.search(criteria, Visibility(everything=True, excluded=hidden))


def print_hits(results: SearchResults, places: Mapping[uuid.UUID, Sequence[str]]) -> None:
    """Print two lines for each hit, never cropped: its id and title, and below what it is and where."""
    console = make_line_console()
    for hit in results.hits:
        files = pluralize(int(hit.body.get("file_count") or 0), "file")
        what = f"{format_kinds(hit.body)}, {files}, in {describe_places(places[hit.object_id])}"
        console.print(Text.assemble(f"{hit.object_id}  ", (replace_unprintable(hit.title), "bold")))
        console.print(Text(f"  {replace_unprintable(what)}", style="dim"))
    more = f", the first {len(results.hits)} shown" if results.total > len(results.hits) else ""
    click.echo(f"{pluralize(results.total, 'asset')} found{more}")


def format_kinds(body: dict[str, Any]) -> str:
    """Return the kinds of a hit's formats, the original's first."""
    return ", ".join(dict.fromkeys(each["kind"] for each in body.get("formats", [])))
