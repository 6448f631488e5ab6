"""Help texts of all commands, stored in `stored_help.json`, so that a help text is shown without loading its command.

To load a command takes 1.8 s of CPU for SQLAlchemy, Celery and FastAPI; its stored text takes 0.1 s. The texts are
written by `python -m tests.docs.reference` from the commands, and a test compares them.
"""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import click

HELP_FILE = Path(__file__).with_suffix(".json")
HELP_OPTIONS = frozenset({"-h", "--help"})


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Return whether a command line has an option for help."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return not HELP_OPTIONS.isdisjoint(options)


class StoredCommand(click.Group):
    """A command, or a group of commands, that can only show its help."""

    usage: Sequence[str]
    rows: Sequence[tuple[str, str]]

    @classmethod
    def load(cls, name: str, stored: dict[str, Any]) -> Self:
        """Return the command of a stored description."""
        inside: dict[str, click.Command] = {
            each: cls.load(each, described) for each, described in stored.get("commands", {}).items()
        }
        command = cls(
            name,
            inside,
            help=stored["help"],
            context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        )
        command.usage, command.rows = stored["usage"], [(names, meaning) for names, meaning in stored["options"]]
        command.allow_interspersed_args = not inside
        return command

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what stands after its name in the line of its usage."""
        return [*self.usage]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write its options, and its commands."""
        with formatter.section("Options"):
            formatter.write_dl(self.rows)
        self.format_commands(ctx, formatter)


@cache
def load_stored_help() -> StoredCommand:
    """Return `tapeless` with all its commands."""
    return StoredCommand.load("tapeless", json.loads(HELP_FILE.read_text(encoding="utf-8")))


def find_stored_help(words: Sequence[str]) -> click.Command | None:
    """Return what shows the help that a command line asks for; None where it asks for none, or of no such command."""
    command = load_stored_help().commands.get(words[0]) if words and asks_for_help(words[1:]) else None
    inside = command.commands if isinstance(command, click.Group) else {}
    return None if inside and words[1] not in HELP_OPTIONS.union(inside) else command


def describe_command(command: click.Command, context: click.Context) -> dict[str, Any]:
    """Return the description of a command and of all in it, as they are stored."""
    described: dict[str, Any] = {
        "help": command.help,
        "usage": command.collect_usage_pieces(context),
        "options": [
            each.get_help_record(context) for each in command.get_params(context) if isinstance(each, click.Option)
        ],
    }
    if isinstance(command, click.Group):
        described["commands"] = {}
        for name in command.list_commands(context):
            if (found := command.get_command(context, name)) is not None:
                inside = click.Context(found, info_name=name, parent=context, **found.context_settings)
                described["commands"][name] = describe_command(found, inside)
    return described
