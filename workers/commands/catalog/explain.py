"""`tapeless explain PATH`: explain why a file is (not) an asset."""

import json
import os
import uuid
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from services.operations.explain import explain_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark
from workers.commands.options import data_option, json_option, own_folders, running_system


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@data_option
@json_option
def explain(path: Path, data: Path | None, as_json: bool) -> None:
    """Explain the state of PATH and why."""
    # The folder is resolved, the name is not, because a symbolic link is explained as such.
    absolute = os.path.join(os.path.realpath(os.fsencode(path.parent)), os.fsencode(path.name))
    with running_system(data) as context:
        with context.sessions() as session:
            said = explain_path(session, absolute, own_folders(data))
            asset_id = uuid.UUID(said.asset_id) if said.asset_id else None
            marked = read_asset_mark(session, asset_id) if asset_id else None
        if asset_id is not None:
            said.lines.append(explain_indexed_document(context.engine, marked, asset_id))
    if as_json:
        click.echo(json.dumps(asdict(said)))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text.assemble((said.path, "bold"), f"  {said.state}"))
    for line in said.lines:
        console.print(Text(f"  {line}"))
