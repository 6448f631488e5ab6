"""`tapeless plan`: preview how a folder or a list of names would be grouped, before anything is watched."""

from __future__ import annotations

import codecs
import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.text import Text
from rich.tree import Tree as RichTree

from grouping import DEFAULT_PROFILE, Profile, ProfileError, count_numbered_photographs, group_tree
from grouping.model.gc_pause import gc_paused
from grouping.render import TreeBranch, escape_non_utf8, tree_to_branches, tree_to_json
from workers.commands.output import make_console, replace_unprintable

MAX_HINTS = 5


@click.command()
@click.argument("folder")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@click.option(
    "--profile",
    "profile_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read the storage's rules from a JSON or TOML file.",
)
@click.option("-0", "nul_separated", is_flag=True, help="Names on standard input end with NUL, not with a newline.")
@click.option("--diff", is_flag=True, help="Show what would change in the catalogue of the running system instead.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    help="With --diff: the data folder of the running system (default: TAPELESS_DATA, else the one that runs).",
)
def plan(
    folder: str, as_json: bool, profile_file: Path | None, nul_separated: bool, diff: bool, data: Path | None
) -> None:
    """Show how the files of FOLDER would become assets; nothing is written.

    With - in place of FOLDER, relative paths are read from standard input, one per line. With --diff, FOLDER is inside
    a storage, whose own rules apply unless --profile gives others.
    """
    try:
        given = None if profile_file is None else Profile.load(profile_file)
    except ProfileError as error:
        raise click.ClickException(str(error)) from error
    if diff:
        compare_with_catalogue(folder, given, data, as_json)
        return
    profile = given or DEFAULT_PROFILE
    paths = read_names(nul_separated) if folder == "-" else list_files(folder)
    with gc_paused():
        tree = group_tree(paths, profile)
        if as_json:
            write_json(tree_to_json(tree))
        else:
            print_tree(folder, tree_to_branches(tree))
        print_photograph_hint(count_numbered_photographs(tree.assets, profile), "--profile")


def print_photograph_hint(folders: Mapping[bytes, int], how: str) -> None:
    """Print on standard error where numbered pictures were taken for photographs, and how to change it."""
    for place, number in sorted(folders.items())[:MAX_HINTS]:
        shown = replace_unprintable(escape_non_utf8(place)) or "."
        click.echo(
            f'{number:,} pictures in "{shown}" were taken for photographs; a profile with photos = "sequences" takes'
            f" their numbers for frames ({how})",
            err=True,
        )
    if len(folders) > MAX_HINTS:
        click.echo(f"and so in {len(folders) - MAX_HINTS:,} folders more", err=True)


def compare_with_catalogue(folder: str, profile: Profile | None, data: Path | None, as_json: bool) -> None:
    """Import the part that uses the database only here, because a dry run on a million names must not wait for it."""
    if folder == "-":
        raise click.UsageError("--diff compares a folder on disk with the catalogue; give the folder instead of -")
    importlib.import_module("workers.commands.catalog.difference_tree").show_difference(folder, profile, data, as_json)


def write_json(answer: dict[str, Any]) -> None:
    """Print an answer as one line of UTF-8, independent of the locale."""
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode() + b"\n")
    sys.stdout.buffer.flush()


def read_names(nul_separated: bool) -> list[bytes]:
    """Return the names on standard input; empty lines are skipped, and so are the ends of lines of Windows."""
    content = sys.stdin.buffer.read()
    if nul_separated:
        return [name for name in content.split(b"\0") if name]
    lines = content.removeprefix(codecs.BOM_UTF8).split(b"\n")
    # A name may end with a carriage return, as `Icon\r` does; a list of Windows ends each of its lines so.
    if len(lines) > 1 and all(line.endswith(b"\r") for line in lines[:-1]):
        click.echo("names end with CRLF: they were read without the carriage returns", err=True)
        lines = [line.removesuffix(b"\r") for line in lines]
    return [line for line in lines if line]


def list_files(folder: str) -> Iterator[bytes]:
    """Yield every regular file below a folder, relative to it; unreadable folders are reported on standard error."""
    if not Path(folder).is_dir():
        raise click.ClickException(
            f"folder {folder!r}: no such folder; give a folder, or - for names on standard input"
        )
    pending = [b""]
    root = os.fsencode(folder)
    while pending:
        below = pending.pop()
        try:
            with os.scandir(os.path.join(root, below)) as entries:
                for entry in entries:
                    path = below + b"/" + entry.name if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        yield path
        except OSError as error:
            click.echo(f"folder {os.fsdecode(below)!r}: {error.strerror}; left out", err=True)


def print_tree(folder: str, branches: list[TreeBranch]) -> None:
    """Print the assets as a tree."""
    root = RichTree(Text("standard input" if folder == "-" else folder, style="bold"))
    for branch in branches:
        _grow(root, branch)
    make_console().print(root)


def _grow(parent: RichTree, branch: TreeBranch) -> None:
    line = Text(branch.text)
    if branch.note:
        line.append(f"  {branch.note}", style="dim")
    node = parent.add(line)
    for below in branch.below:
        _grow(node, below)


if __name__ == "__main__":
    plan()
