"""`tapeless explain PATH`: explain why a file is (not) an asset."""

import os
import uuid
from dataclasses import asdict
from pathlib import Path

import click
from rich.text import Text

from services.operations.explain import explain_path
from services.operations.explain_progress import explain_indexed_document, read_asset_mark
from workers.commands.options import data_option, json_option, own_folders, running_system
from workers.commands.output import make_line_console, print_result


@click.command()
@click.argument("path", type=click.Path(path_type=Path, readable=False))
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
    lines = Text("\n").join(
        [Text.assemble((said.path, "bold"), f"  {said.state}"), *(Text(f"  {line}") for line in said.lines)]
    )
    print_result(as_json, asdict(said), lambda: make_line_console().print(lines))
