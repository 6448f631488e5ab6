"""`tapeless plan FOLDER --diff`: preview the changes to the catalog of the running system."""

import json
import os
from pathlib import Path

import click

from grouping import Profile
from services.grouping.folder_preview import preview_folder, resolve_folder
from workers.commands.catalog.difference_tree import print_difference
from workers.commands.options import running_system
from workers.config.settings import Settings


def show_difference(folder: str, profile: Profile | None, data: Path | None, as_json: bool) -> None:
    """Compare and print, with the storage's own profile if none is given."""
    with running_system(data) as context:
        own = os.path.realpath(os.fsencode(Settings.for_data(data).data.absolute()))
        difference = preview_folder(context.sessions, resolve_folder(folder), profile, frozenset({own}))
    if as_json:
        click.echo(json.dumps(difference.to_json()))
    else:
        print_difference(difference)
