"""Help that is shown without loading a command is what the command itself would show."""

from collections.abc import Iterator

import click
import pytest

from tests.docs.reference import write_stored_help
from workers.main import main
from workers.stored_help import HELP_FILE, find_stored_help, load_stored_help

WIDTHS = (80, 120)


def each_command(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            inside = click.Context(found, info_name=name, parent=context, **found.context_settings)
            yield from each_command(found, inside)


def shown(command: click.Command, width: int) -> dict[str, str]:
    context = click.Context(command, info_name="tapeless", max_content_width=width, terminal_width=width)
    context.help_option_names = ["-h", "--help"]
    return {inside.command_path: one.get_help(inside) for one, inside in each_command(command, context)}


def test_the_stored_help_is_written_from_the_commands() -> None:
    assert HELP_FILE.read_text(encoding="utf-8") == write_stored_help(), "write it: python -m tests.docs.reference"


@pytest.mark.parametrize("width", WIDTHS)
def test_each_command_shows_the_same_help_without_being_loaded(width: int) -> None:
    stored, own = shown(load_stored_help(), width), shown(main, width)
    assert len(own) > 60
    assert stored == own


@pytest.mark.parametrize(
    ("line", "is_stored"),
    [
        *(("status -h", True), ("up --help", True), ("share --help", True), ("storage add /rushes --name -h", True)),
        *(("", False), ("status", False), ("search -- --help", False), ("nothing --help", False)),
        # These are for the command itself: a name that no command has, and what `tapeless share` is short for.
        *(("jobs lst --help", False), ("share sunrise --help", False), ("share --days 3 --help", False)),
    ],
)
def test_help_is_shown_without_loading_where_a_known_command_is_asked_for_it(line: str, is_stored: bool) -> None:
    assert (find_stored_help(line.split()) is not None) is is_stored
