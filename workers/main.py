"""The `tapeless` command. Modules of subcommands are loaded on use, so that a dry run on a million names does not wait
for Celery, SQLAlchemy and FFmpeg."""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from workers.config.data_folders import DATA_VARIABLE, DATABASE_VARIABLE, candidate_data_folders, copy_environment
from workers.config.deprecations import rename_deprecated_command
from workers.processes.command_client import connect_to_machine, connect_to_system, run_in_server
from workers.stored_help import asks_for_help, find_stored_help, load_stored_help

COMMANDS = {
    "api": "workers.commands.server.api:api",
    "asset": "workers.commands.catalog.asset:asset",
    "audit": "workers.commands.admin.audit:audit",
    "backup": "workers.commands.server.database:backup",
    "backups": "workers.commands.server.database:backups",
    "demo": "workers.commands.server.demo:demo",
    "doctor": "workers.commands.server.checks:doctor",
    "down": "workers.commands.server.down:down",
    "explain": "workers.commands.catalog.show:explain",
    "jobs": "workers.commands.admin.jobs:jobs",
    "logs": "workers.commands.server.logs:logs",
    "mail": "workers.commands.server.trigger:mail",
    "media": "workers.commands.catalog.media:media",
    "migrate": "workers.commands.server.database:migrate",
    "plan": "workers.commands.catalog.plan:plan",
    "probe": "workers.commands.server.probe:probe",
    "ready": "workers.commands.catalog.ready:ready",
    "reindex": "workers.commands.server.reindex:reindex",
    "restore": "workers.commands.server.database:restore",
    "scan": "workers.commands.admin.storage:scan",
    "seal": "workers.commands.catalog.seal:seal",
    "search": "workers.commands.catalog.show:search",
    "share": "workers.commands.catalog.share:share",
    "show": "workers.commands.catalog.show:show",
    "status": "workers.commands.server.status:status",
    "storage": "workers.commands.admin.storage:storage",
    "token": "workers.commands.admin.accounts:token",
    "transcode": "workers.commands.catalog.transcode:transcode",
    "trigger": "workers.commands.server.trigger:trigger",
    "up": "workers.commands.server.up:up",
    "user": "workers.commands.admin.accounts:user",
    "usergroup": "workers.commands.admin.accounts:usergroup",
    "verify": "workers.commands.server.checks:verify",
    "webhook": "workers.commands.admin.webhook:webhook",
    "watch": "workers.commands.server.watch:watch",
}
"""Module and function of each command; what it does is in `stored_help.json`."""


READING_COMMANDS = frozenset(
    {
        *(("audit",), ("search",), ("show",), ("status",)),
        *(("jobs", "list"), ("jobs", "show"), ("storage", "list"), ("share", "list")),
        *(("token", "list"), ("user", "list"), ("usergroup", "list"), ("webhook", "list")),
    }
)
"""Commands that only read rows, and ask nothing: a running system runs them without loading anything. `explain` reads
the disk, with the rights of who types it."""
COMPLETION_VARIABLE = "_TAPELESS_COMPLETE"
SUMMARY_WIDTH = 1000


class LazyGroup(click.Group):
    """Command group that knows the names of all commands, and loads one only on use."""

    def main(self, args: Sequence[str] | None = None, *other: Any, **options: Any) -> Any:
        """Have the running system run a command that only reads, else run it here."""
        if args is None and (code := run_in_system(sys.argv[1:])) is not None:
            sys.exit(code)
        return super().main(args, *other, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; errors of files are sentences, and with --verbose errors have their traceback."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, OSError) as error:
            is_verbose = ctx.params.get("verbose", False)
            if is_verbose and (cause := error if isinstance(error, OSError) else error.__cause__) is not None:
                traceback.print_exception(cause)
            if isinstance(error, click.ClickException) or error.errno == errno.EPIPE:
                raise
            raise click.ClickException(describe_os_error(error)) from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands in alphabetical order."""
        return sorted(COMMANDS)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names of commands without loading any."""
        stored = load_stored_help().commands
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        own = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=stored[name].get_short_help_str(SUMMARY_WIDTH)) for name in names), *own]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List all commands without loading them."""
        load_stored_help().format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Accept old spellings too, with a warning; name the command that an unknown one resembles."""
        words = rename_deprecated_command(args)
        similar = get_close_matches(words[0], COMMANDS, n=1) if words and words[0] not in COMMANDS else []
        if similar:
            ctx.fail(f"No such command '{words[0]}'. Did you mean '{similar[0]}'?")
        if (stored := find_stored_help(words)) is not None:
            return words[0], stored, words[1:]
        return super().resolve_command(ctx, words)


def run_in_system(arguments: Sequence[str]) -> int | None:
    """Run a command line in the command server of its running system; return its exit code, or None if it is to be run
    here."""
    env = copy_environment()
    data, words = split_data_option(arguments)
    is_reading = any(tuple(words[: len(command)]) == command for command in READING_COMMANDS)
    if not (is_reading or COMPLETION_VARIABLE in env) or asks_for_help(arguments):
        return None
    candidates = candidate_data_folders(data)
    if not candidates and (machine := connect_to_machine(env[DATABASE_VARIABLE])) is not None:
        return run_in_server(machine, arguments, env)
    for folders in split_first(candidates):
        found = [(connection, folder) for folder in folders if (connection := connect_to_system(folder)) is not None]
        if len(found) > 1:
            return None  # the command itself asks for one
        for connection, folder in found:
            # Named, because the user of that process may not read what root noted of it.
            return run_in_server(connection, arguments, {**env, DATA_VARIABLE: str(folder)})
    return None


def split_first(folders: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path]]:
    """Return the first data folder, which goes before all others, and these."""
    return folders[:1], folders[1:]


def split_data_option(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Return the data folder that a command line names, and its other words."""
    data, words = None, list(arguments)
    for place, word in enumerate(words):
        if word == "--data" and place + 1 < len(words):
            data = words[place + 1]
            del words[place : place + 2]
            break
        if word.startswith("--data="):
            data = words.pop(place).partition("=")[2]
            break
    return Path(data) if data else None, words


NEXT_STEPS = {
    errno.ENOSPC: "make room there, or give another place",
    errno.EDQUOT: "make room there, or give another place",
    errno.EROFS: "give a place that can be written",
    errno.EACCES: "give the user that runs this permission, or give another path",
    errno.EPERM: "give the user that runs this permission, or give another path",
    errno.ENOENT: "make it, or give another path",
}


def describe_os_error(error: OSError) -> str:
    """Return what is wrong with which path, and the next step."""
    paths = [name for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    named = " and ".join(f'"{os.fsdecode(name)}"' for name in paths)
    reason = f"{named}: {error.strerror}" if named else str(error)
    step = NEXT_STEPS.get(error.errno or 0)
    return f"{reason}; {step}" if step else reason


def print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        # Loaded on use: importlib.metadata imports Python's mail parser, which would delay every command.
        click.echo(f"tapeless, version {importlib.import_module('workers.config.version').read_version()}")
        ctx.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data",
    type=click.Path(file_okay=False, readable=False, path_type=Path),
    help="The data folder, for any command (default: TAPELESS_DATA, else the running system's).",
)
@click.option("-v", "--verbose", is_flag=True, help="Show where errors come from.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context, data: Path | None, verbose: bool) -> None:
    """Drop files into a folder; find assets."""
    ctx.obj = data


if __name__ == "__main__":
    main()
