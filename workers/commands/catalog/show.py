"""`tapeless show ASSET`: its formats, files, missing frames, metadata and history."""

from datetime import datetime
from functools import partial
from typing import Any

import click
from rich.filesize import decimal
from rich.text import Text
from rich.tree import Tree

from services.core.text import label_structure, pluralize
from services.metadata.types import value_to_text
from services.operations.asset_report import build_asset_report, find_asset_by_word
from services.operations.explain_progress import format_media_facts
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, system_command
from workers.commands.output import make_console, print_result

MAX_SHOWN_VALUE_CHARACTERS = 200
"""Of one field's values; `--json` prints all of them."""


@click.command()
@click.argument("asset")
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
        when = datetime.fromisoformat(entry["date_created"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
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
