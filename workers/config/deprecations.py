"""Old names of settings and commands, which work until release REMOVED_IN with one warning on standard error.

This is the only place that knows them: delete the module and its uses to end the support. Old metric names are in
`services.operations.metrics`; alert rules carry theirs as the label `previous_name`.
"""

import logging
from collections.abc import Sequence
from functools import cache

import click

log = logging.getLogger(__name__)

REMOVED_IN = "0.3"
"""The release that no longer knows the old names."""

DEPRECATED_SETTINGS = {
    "TAPELESS_QUIET_SECONDS": "TAPELESS_DEBOUNCE_SECONDS",
    "TAPELESS_DIRTY_SECONDS": "TAPELESS_MAX_DEBOUNCE_SECONDS",
    "TAPELESS_HANDED_SECONDS": "TAPELESS_DISPATCH_TIMEOUT_SECONDS",
    "TAPELESS_RING_SECONDS": "TAPELESS_POLL_SECONDS",
    "TAPELESS_LOOK_SECONDS": "TAPELESS_DOWNLOAD_RECHECK_SECONDS",
    "TAPELESS_ANSWER_SECONDS": "TAPELESS_WEBHOOK_IDLE_SECONDS",
    "TAPELESS_LONGEST_ANSWER_SECONDS": "TAPELESS_WEBHOOK_TOTAL_SECONDS",
}
"""New names of environment variables by their old ones."""

DEPRECATED_COMMANDS = {
    ("group", "add"): ("usergroup", "add"),
    ("group",): ("plan",),
    ("storage", "accept"): ("storage", "confirm-deletions"),
}
"""New commands by their old ones; the longest match counts. A folder named `add` is still `./add`."""

DEPRECATED_ARGUMENTS = {
    ("jobs", "retry"): {"--all-parked": "--all-dead-lettered"},
    ("jobs", "list"): {"PARKED": "DEAD_LETTERED", "--status=PARKED": "--status=DEAD_LETTERED"},
}
"""New spellings of options and their values, by command."""


def rename_deprecated_settings(given: dict[str, str]) -> dict[str, str]:
    """Return the variables under their new names, with a warning for each old one.

    If both are set, the new one wins.
    """
    renamed = dict(given)
    for old, new in DEPRECATED_SETTINGS.items():
        if old not in renamed:
            continue
        value = renamed.pop(old)
        if new in given:
            warn_once(f"{old} is ignored, because {new}, its new name, is set too")
        else:
            renamed[new] = value
            warn_once(f"{old} is now {new}; the old name works until {REMOVED_IN}")
    return renamed


@cache
def warn_once(message: str) -> None:
    """Log a warning, once in a process."""
    # A process reads its settings several times, first before its logging is configured; Python then prints the bare
    # message on standard error.
    log.warning(message)


def rename_deprecated_command(arguments: Sequence[str]) -> list[str]:
    """Return a command line in its new spelling, with a line on standard error for each old word."""
    renamed = list(arguments)
    for old, new in DEPRECATED_COMMANDS.items():
        if tuple(renamed[: len(old)]) == old:
            _print_renamed(old, new)
            renamed[: len(old)] = new
            break
    for command, words in DEPRECATED_ARGUMENTS.items():
        if tuple(renamed[: len(command)]) == command:
            for place, word in enumerate(renamed):
                if word in words:
                    _print_renamed((*command, word), (*command, words[word]))
                    renamed[place] = words[word]
    return renamed


def _print_renamed(old: Sequence[str], new: Sequence[str]) -> None:
    before, now = " ".join(old), " ".join(new)
    click.echo(f"`tapeless {before}` is now `tapeless {now}`; the old name works until {REMOVED_IN}", err=True)
