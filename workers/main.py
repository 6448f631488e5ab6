"""The `tapeless` command. Modules of subcommands are loaded on use, so that a dry run on a million names does not wait
for Celery, SQLAlchemy and FFmpeg."""

import importlib

import click

from workers.config.deprecations import rename_deprecated_command

COMMANDS = {
    "api": "workers.commands.server.api:api",
    "audit": "workers.commands.admin.audit:audit",
    "asset": "workers.commands.catalog.asset:asset",
    "backup": "workers.commands.server.database:backup",
    "demo": "workers.commands.server.demo:demo",
    "doctor": "workers.commands.server.checks:doctor",
    "explain": "workers.commands.catalog.show:explain",
    "jobs": "workers.commands.admin.jobs:jobs",
    "mail": "workers.commands.server.trigger:mail",
    "migrate": "workers.commands.server.database:migrate",
    "plan": "workers.commands.catalog.plan:plan",
    "restore": "workers.commands.server.database:restore",
    "reindex": "workers.commands.server.reindex:reindex",
    "scan": "workers.commands.admin.storage:scan",
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
    "watch": "workers.commands.server.watch:watch",
}


class LazyGroup(click.Group):
    """Command group that knows the names of all commands, and loads one only on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Accept old spellings too, with a warning."""
        return super().resolve_command(ctx, rename_deprecated_command(args))


def print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        # Loaded on use: importlib.metadata imports Python's mail parser, which would delay every command.
        click.echo(f"tapeless, version {importlib.import_module('workers.version').read_version()}")
        ctx.exit()


@click.command(cls=LazyGroup)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Drop files into a folder; find assets."""


if __name__ == "__main__":
    main()
