"""Print the changes that a grouping would make to the catalog: first the counts, then each asset."""

from functools import partial
from pathlib import Path

from rich.text import Text
from rich.tree import Tree

from grouping import Profile
from grouping.render import escape_non_utf8
from services.core.text import pluralize
from services.grouping.diff import AssetChange, FileListing, GroupingDiff, summarize_difference
from services.grouping.previews import preview_folder, resolve_folder
from workers.commands.catalog.plan import print_photograph_hint
from workers.commands.options import own_folders, running_system
from workers.commands.output import make_console, print_result, replace_unprintable

MAX_SHOWN_CHANGES = 200
CHANGE_WORDS = {"split": "a new asset", "new": "a new asset", "gone": "gone from the folder", "held": "held back"}

SPLIT_WORDS = "an asset of its own again"


def show_difference(folder: str, profile: Profile | None, data: Path | None, as_json: bool) -> None:
    """Compare a folder with the catalog and print the changes; without a profile, that of its storage is used."""
    with running_system(data) as context:
        difference = preview_folder(context.sessions, resolve_folder(folder), profile, own_folders(data))
    print_result(as_json, difference.to_json(), partial(print_difference, difference))


def print_difference(difference: GroupingDiff) -> None:
    """Print how many assets change in which way, and draw the first of them."""
    console = make_console()
    console.print(Text(summarize_difference(difference)))
    shown = difference.changes[:MAX_SHOWN_CHANGES]
    for change in shown:
        console.print(draw_asset_change(change))
    left_out = sum(difference.counts.values()) - len(shown)
    if left_out:
        console.print(Text(f"and {pluralize(left_out, 'change')} more", style="dim"))
    print_photograph_hint(difference.photographs, "tapeless storage profile NAME --file PROFILE")


def draw_asset_change(change: AssetChange) -> Tree:
    """Draw one asset: its state before and after, and the files concerned."""
    head = Text(replace_unprintable(change.asset.title if change.asset else change.title), style="bold")
    if change.asset is None or change.change == "gone":
        head.append(
            f"  {CHANGE_WORDS[change.change]}", style="not bold green" if change.asset is None else "not bold red"
        )
    elif change.change == "split":
        head.append(f"  {SPLIT_WORDS}", style="not bold green")
    elif change.asset.title != change.title:
        head.append(f"  becomes {replace_unprintable(change.title)}", style="not bold")
    if change.dependents:
        held = ", ".join(pluralize(number, kind.removesuffix("s")) for kind, number in change.dependents.items())
        head.append(f"  has {held}", style="not bold yellow")
    if change.rule:
        head.append(f"  by rule: {change.rule}", style="not bold dim")
    tree = Tree(head)
    if change.reason:
        tree.add(Text(replace_unprintable(change.reason), style="yellow"))
    for verb, others in (("takes in ", change.takes_in), ("comes from ", change.comes_from)):
        for other in others:
            tree.add(Text.assemble((verb, "yellow"), replace_unprintable(other.title), (f"  {other.id}", "dim")))
    for part in change.formats:
        if part.before is not None or (change.asset is not None and change.change != "split"):
            tree.add(Text(f"{replace_unprintable(part.name)}: {part.before or 'none'} -> {part.after or 'none'}"))
    _grow(tree, "+", "green", change.joins)
    _grow(tree, "-", "red", change.leaves)
    return tree


def _grow(tree: Tree, sign: str, style: str, files: FileListing) -> None:
    for path in files.shown:
        tree.add(Text.assemble((f"{sign} ", style), replace_unprintable(escape_non_utf8(path))))
    more = files.count - len(files.shown)
    if more:
        tree.add(Text(f"{sign} {pluralize(more, 'file')} more", style=style))
