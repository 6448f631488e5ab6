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

from workers.config.data_folders import candidate_data_folders, copy_environment
from workers.config.deprecations import rename_deprecated_command
from workers.processes.command_client import connect_to_system, run_in_server

COMMANDS: dict[str, tuple[str, str]] = {
    "api": (
        "workers.commands.server.api:api",
        "Serve the control API until interrupted.",
    ),
    "asset": (
        "workers.commands.catalog.asset:asset",
        "Split, merge and move files manually; later groupings respect that, and `undo` reverts it.",
    ),
    "audit": (
        "workers.commands.admin.audit:audit",
        "Show the newest changes of configuration, oldest first: when, who, what.",
    ),
    "backup": (
        "workers.commands.server.database:backup",
        "Write the running system, as it is now, into FILE.",
    ),
    "backups": (
        "workers.commands.server.database:backups",
        "Write a backup into FOLDER every day, and keep the newest.",
    ),
    "demo": (
        "workers.commands.server.demo:demo",
        "Write a small set of real media into DIR; existing files are left unchanged.",
    ),
    "doctor": (
        "workers.commands.server.checks:doctor",
        "Check mounts, permissions, limits, clocks, disk, versions, broker, workers and search; exit with 1 if broken.",
    ),
    "down": (
        "workers.commands.server.down:down",
        "Stop the system of the data folder, and wait for its end.",
    ),
    "explain": (
        "workers.commands.catalog.show:explain",
        "Explain the state of PATH and why: of a file, or of all that a folder or a card holds.",
    ),
    "jobs": (
        "workers.commands.admin.jobs:jobs",
        "List, retry, stop and pause work.",
    ),
    "logs": (
        "workers.commands.server.logs:logs",
        "Show the end of the logs of all processes, or of those named.",
    ),
    "mail": (
        "workers.commands.server.trigger:mail",
        "Test the mail settings.",
    ),
    "media": (
        "workers.commands.catalog.media:media",
        "Make headers, previews and renditions again.",
    ),
    "migrate": (
        "workers.commands.server.database:migrate",
        "Migrate the database to the schema of this version, before anything else of it is started.",
    ),
    "plan": (
        "workers.commands.catalog.plan:plan",
        "Show how the files of FOLDER would become assets; nothing is written.",
    ),
    "probe": (
        "workers.commands.server.probe:probe",
        "Exit with 1 if the worker on this machine does not answer, although its broker does.",
    ),
    "ready": (
        "workers.commands.catalog.ready:ready",
        "Answer whether PATH is whole: exit with 0 if proven, 1 if refuted, 2 if not provable, 3 without an answer.",
    ),
    "reindex": (
        "workers.commands.server.reindex:reindex",
        "Rebuild the documents of ASSETs (titles or ids), or all documents.",
    ),
    "restore": (
        "workers.commands.server.database:restore",
        "Create a new data folder from FILE.",
    ),
    "scan": (
        "workers.commands.admin.storage:scan",
        "Scan storage NAME, or all storages, now.",
    ),
    "seal": (
        "workers.commands.catalog.seal:seal",
        "Write the next generation of an ASC MHL history for the folder PATH; every byte of it is read.",
    ),
    "search": (
        "workers.commands.catalog.show:search",
        "Find assets by WORDS of their titles, file names, folders and external ids.",
    ),
    "share": (
        "workers.commands.catalog.share:share",
        "Share an asset with people without an account, by a link that expires.",
    ),
    "show": (
        "workers.commands.catalog.show:show",
        "Show ASSET, given by its id, external id or title.",
    ),
    "status": (
        "workers.commands.server.status:status",
        "Show counts, queues and the state of each storage.",
    ),
    "storage": (
        "workers.commands.admin.storage:storage",
        "Add, list and change watched folders, confirm deletions, and set how files are grouped.",
    ),
    "token": (
        "workers.commands.admin.accounts:token",
        "Create, list and revoke tokens of programs that call the API.",
    ),
    "transcode": (
        "workers.commands.catalog.transcode:transcode",
        "Create a rendition of ASSET (a title or id), as another format of it.",
    ),
    "trigger": (
        "workers.commands.server.trigger:trigger",
        "Let other systems request scans, ingests, metadata and more.",
    ),
    "up": (
        "workers.commands.server.up:up",
        "Start everything and watch FOLDERS; Ctrl-C stops it all.",
    ),
    "user": (
        "workers.commands.admin.accounts:user",
        "Add, list, disable and delete people and programs that sign in, and reset their passwords.",
    ),
    "usergroup": (
        "workers.commands.admin.accounts:usergroup",
        "Create, list and delete groups of users, and change who is in them.",
    ),
    "verify": (
        "workers.commands.server.checks:verify",
        "Check every invariant; exit with 1 if one is violated.",
    ),
    "webhook": (
        "workers.commands.admin.webhook:webhook",
        "Add, list, disable and remove webhooks, which notify other systems of changes.",
    ),
    "watch": (
        "workers.commands.server.watch:watch",
        "Watch all storages and dispatch changes until interrupted.",
    ),
}
"""Module and function of each command, and the first sentence of its help: the list of all commands loads none."""


READING_COMMANDS = frozenset(
    {
        *(("audit",), ("search",), ("show",), ("status",)),
        *(("jobs", "list"), ("jobs", "show"), ("storage", "list"), ("share", "list")),
        *(("token", "list"), ("user", "list"), ("usergroup", "list")),
    }
)
"""Commands that only read rows, and ask nothing: a running system runs them without loading anything. `explain` reads
the disk, with the rights of who types it."""
COMPLETION_VARIABLE = "_TAPELESS_COMPLETE"


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
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        own = click.Command.shell_complete(self, ctx, incomplete)
        return [*(CompletionItem(name, help=COMMANDS[name][1]) for name in names), *own]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List all commands without loading them: Celery and FastAPI would take seconds for a help text."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl([(name, _shorten(COMMANDS[name][1], width)) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Accept old spellings too, with a warning; name the command that an unknown one resembles."""
        words = rename_deprecated_command(args)
        similar = get_close_matches(words[0], COMMANDS, n=1) if words and words[0] not in COMMANDS else []
        if similar:
            ctx.fail(f"No such command '{words[0]}'. Did you mean '{similar[0]}'?")
        return super().resolve_command(ctx, words)


def run_in_system(arguments: Sequence[str]) -> int | None:
    """Run a command line in the command server of its running system; return its exit code, or None if it is to be run
    here."""
    env = copy_environment()
    data, words = split_data_option(arguments)
    is_reading = any(tuple(words[: len(command)]) == command for command in READING_COMMANDS)
    if not (is_reading or COMPLETION_VARIABLE in env) or {"-h", "--help"} & set(arguments):
        return None
    for folders in split_first(candidate_data_folders(data)):
        found = [connection for folder in folders if (connection := connect_to_system(folder)) is not None]
        if found:
            # Of several, the command itself asks for one.
            return run_in_server(found[0], arguments, env) if len(found) == 1 else None
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


def _shorten(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rsplit(" ", 1)[0] + "..."


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
