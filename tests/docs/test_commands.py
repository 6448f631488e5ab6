"""Every command in the documentation exists as it is written there; nothing is run."""

import re
from pathlib import PurePosixPath
from typing import Any

import click
import pytest

from tests.docs.pages import ROOT, Command, commands, pages, simple_commands, typed_lines
from workers.main import main

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def is_tapeless(command: Command) -> bool:
    return PurePosixPath(command.words[0]).name == "tapeless"


def faults(words: tuple[str, ...]) -> str | None:
    """What click would say to these words behind `tapeless`, but for what only a running system can know."""
    command: click.Command = main
    context = click.Context(main, info_name="tapeless")
    rest = list(words)
    try:
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            _, found, rest = command.resolve_command(context, rest)
            assert found is not None
            context = click.Context(found, info_name=found.name, parent=context)
            command = found
        values, left, _ = command.make_parser(context).parse_args(rest)
    except click.UsageError as error:
        return error.format_message()
    missing = [one.name for one in command.get_params(context) if one.required and is_missing(one, context, values)]
    if isinstance(command, click.Group) and not values.get("help") and not values.get("version"):
        return "names no subcommand"
    if (left or missing) and not values.get("help"):
        return f"has {left} too much" if left else f"lacks {missing}"
    return None


def is_missing(parameter: click.Parameter, context: click.Context, values: dict[str, Any]) -> bool:
    value, _ = parameter.consume_value(context, values)
    return parameter.value_is_missing(value)


def test_every_tapeless_command_in_the_documentation_exists_with_its_options() -> None:
    asked = [command for command in commands() if is_tapeless(command)]
    assert len(asked) > 20
    assert [f"{command}: {fault}" for command in asked if (fault := faults(command.words[1:]))] == []


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    asked = [command for command in commands() if command.words[0] == "make"]
    assert {word for command in asked for word in command.words[1:] if re.fullmatch("[a-z]+", word)} <= targets
    assert asked


def test_every_link_in_the_documentation_leads_to_a_page() -> None:
    links = [
        (page, target)
        for page in pages()
        for found in LINK.findall(page.read_text(encoding="utf-8"))
        if (target := found[0] or found[1]) and "://" not in target
    ]
    assert links
    assert [f"{page.name}: {target}" for page, target in links if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("tapeless storage add /mnt/a --set scan=false --name A", None),
        ("tapeless storage add --name A", "lacks ['folder']"),
        ("tapeless storage add /mnt/a --colour red", "No such option"),
        ("tapeless storage", "names no subcommand"),
        ("tapeless wind", "No such command 'wind'"),
        ("tapeless status now", "has ['now'] too much"),
        ("tapeless asset move a.mov", "lacks ['target']"),
        ("tapeless --version", None),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(typed: str, fault: str | None) -> None:
    (words,) = simple_commands(typed)
    assert (faults(words[1:]) or "").startswith(fault or "")
    assert (faults(words[1:]) is None) is (fault is None)


def test_commands_are_found_in_blocks_behind_what_stands_around_them() -> None:
    text = (
        "```console\n$ A=1 tapeless status --json | jq .idle   # now\ntapeless up\n```\n```sh\nmake run >log &\n```\n"
    )
    found = [words for line in typed_lines(text) for words in simple_commands(line)]
    assert found == [("tapeless", "status", "--json"), ("jq", ".idle"), ("make", "run")]
