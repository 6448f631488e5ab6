"""Check a command line against a click program without running it."""

from typing import Any

import click


def faults(group: click.Command, words: tuple[str, ...]) -> str | None:
    """Return what is wrong with the words, except for what only a running system can know."""
    command = group
    # With its settings: a command keeps the help option of its first context.
    context = click.Context(group, **group.context_settings)
    rest = list(words)
    try:
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            context = click.Context(found, info_name=found.name, parent=context, **found.context_settings)
            command = found
        values, left, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    missing = [one.name for one in command.get_params(context) if one.required and _is_missing(one, context, values)]
    if isinstance(command, click.Group) and not values.get("help") and not values.get("version"):
        return "names no subcommand"
    if (left or missing) and not values.get("help"):
        return f"has {left} too much" if left else f"lacks {missing}"
    return None


def _is_missing(parameter: click.Parameter, context: click.Context, values: dict[str, Any]) -> bool:
    value, _ = parameter.consume_value(context, values)
    return parameter.value_is_missing(value)
