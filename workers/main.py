"""The `tapeless` command. Modules of subcommands are loaded on use, so that a dry run on a million names does not wait
for Celery, SQLAlchemy and FFmpeg."""

import importlib

import click

COMMANDS = {
    "api": "workers.commands.api:api",
    "asset": "workers.commands.asset:asset",
    "backup": "workers.commands.backup:backup",
    "demo": "workers.commands.demo:demo",
    "doctor": "workers.commands.doctor:doctor",
    "explain": "workers.commands.explain:explain",
    "group": "workers.commands.group:group",
    "jobs": "workers.commands.jobs:jobs",
    "mail": "workers.commands.mail:mail",
    "migrate": "workers.commands.migrate:migrate",
    "restore": "workers.commands.backup:restore",
    "reindex": "workers.commands.reindex:reindex",
    "scan": "workers.commands.storage:scan",
    "search": "workers.commands.search:search",
    "share": "workers.commands.share:share",
    "show": "workers.commands.show:show",
    "status": "workers.commands.status:status",
    "storage": "workers.commands.storage:storage",
    "token": "workers.commands.token:token",
    "transcode": "workers.commands.transcode:transcode",
    "trigger": "workers.commands.trigger:trigger",
    "up": "workers.commands.up:up",
    "user": "workers.commands.user:user",
    "verify": "workers.commands.verify:verify",
    "watch": "workers.commands.watch:watch",
}

ADD_GROUP = "workers.commands.group_users:add_user_group"
"""`tapeless group add NAME` creates a user group; a folder of that name is still `./add`."""


class LazyGroup(click.Group):
    """Command group that knows the names of all commands, and loads one only on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all commands in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        return load(COMMANDS[cmd_name])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Separate the two meanings of `group`: the grouping preview, and user groups."""
        if args[:2] == ["group", "add"]:
            return "group add", load(ADD_GROUP), args[2:]
        return super().resolve_command(ctx, args)


def load(place: str) -> click.Command:
    """Import one command, given as `module:name`."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


@click.command(cls=LazyGroup)
@click.version_option(package_name="tapeless")
def main() -> None:
    """Drop files into a folder; find assets."""


if __name__ == "__main__":
    main()
