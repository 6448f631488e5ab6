"""`tapeless show ASSET`: its formats, files, missing frames, metadata and history."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from tasks.media_told import fact_texts
from tasks.metadata_types import as_text
from tasks.sentences import counted, in_words
from tasks.show import find_asset, show_asset
from workers.commands.options import data_option, json_option, running_system

PIPE_WIDTH = 240
SHOWN_CHARACTERS = 200
"""Of one field's values; `--json` prints all of them."""


@click.command()
@click.argument("asset")
@data_option
@json_option
def show(asset: str, data: Path | None, as_json: bool) -> None:
    """Show ASSET, given by its id, external id or title."""
    with running_system(data) as context, context.sessions() as session:
        found = show_asset(session, find_asset(session, asset))
    if as_json:
        click.echo(json.dumps(found))
    else:
        console = Console(highlight=False)
        # A tree crops its lines at the console's width, and a pipe has none.
        _print(console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH), found)


def _print(console: Console, asset: dict[str, Any]) -> None:
    root = Tree(Text.assemble((asset["title"], "bold"), f"  {asset['id']}", "" if asset["is_online"] else "  offline"))
    for part in asset["formats"]:
        what = "sidecars" if part["role"] == "sidecar" else in_words(part["kind"])
        node = root.add(Text.assemble((part["role"], "cyan"), f"  {what}", (f"  by rule: {part['rule']}", "dim")))
        for warning in part["warnings"]:
            node.add(Text(warning, style="yellow"))
        for row in part["file_sets"]:
            _grow(node, row)
    for name, values in asset["metadata"].items():
        root.add(Text.assemble((name, "cyan"), f"  {', '.join(map(as_text, values))[:SHOWN_CHARACTERS]}"))
    console.print(root)
    for entry in asset["history"]:
        when = datetime.fromisoformat(entry["date_created"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        line = f"{entry['operation_type']:<15} {entry['operation_description']}"
        console.print(Text.assemble((f"{when}  ", "dim"), line, (f"  {entry['actor']}", "dim")))


def _grow(parent: Tree, row: dict[str, Any]) -> None:
    label = f"{row['label']}: " if row["label"] else ""
    place = f"{row['base_dir']}/" if row["base_dir"] else ""
    text = Text(f"{label}{place}{row['name']}")
    text.append(f"  {counted(row['file_count'], 'file')}, {decimal(row['size_bytes'])}", style="dim")
    if row["missing_frames"]:
        text.append(f"  {counted(row['missing_frames'], 'frame')} missing: {row['missing']}", style="yellow")
    if row["empty_frames"]:
        text.append(f"  empty: {row['empty_frames']}", style="yellow")
    if row["note"]:
        text.append(f"  {row['note']}", style="yellow")
    node = parent.add(text)
    for component in row["components"]:
        facts = fact_texts(component["media"])
        if facts:
            node.add(Text.assemble((component["type"].lower(), "cyan"), f"  {', '.join(facts)}"))
