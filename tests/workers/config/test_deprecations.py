"""Old spellings of commands work for one release, with one line on standard error that names the new one."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.docs.pages import ROOT, commands
from workers.config.deprecations import (
    DEPRECATED_ARGUMENTS,
    DEPRECATED_COMMANDS,
    REMOVED_IN,
    rename_deprecated_command,
)
from workers.main import main

Words = tuple[str, ...]
ALL = [
    *DEPRECATED_COMMANDS.items(),
    *(
        ((*command, old), (*command, new))
        for command, words in DEPRECATED_ARGUMENTS.items()
        for old, new in words.items()
    ),
]
"""Every old spelling with its new one."""


@pytest.mark.parametrize(("old", "new"), ALL, ids=" ".join)
def test_an_old_spelling_becomes_the_new_one_with_one_line(
    old: Words, new: Words, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rename_deprecated_command([*old, "Rushes"]) == [*new, "Rushes"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"`tapeless {' '.join(old)}` is now `tapeless {' '.join(new)}`; the old name works until {REMOVED_IN}\n"
    )


@pytest.mark.parametrize(("old", "new"), ALL, ids=" ".join)
def test_the_new_spelling_exists_and_prints_nothing(old: Words, new: Words, capsys: pytest.CaptureFixture[str]) -> None:
    assert rename_deprecated_command(new) == list(new)
    assert capsys.readouterr().err == ""
    command: click.Command = main
    rest = list(new)
    while isinstance(command, click.Group):
        _, found, rest = command.resolve_command(click.Context(command), rest)
        assert found is not None
        command = found
    # A command keeps the help option of the first context that asks for it.
    texts = [command.get_help(click.Context(command, **main.context_settings)), *rest]
    assert all(word.partition("=")[2] or word in texts[0] for word in rest)


@pytest.mark.parametrize("names", ["-", "FOLDER"])
def test_the_old_name_of_plan_shows_the_same(names: str, tmp_path: Path) -> None:
    (tmp_path / "reel.mov").touch()
    given = str(tmp_path) if names == "FOLDER" else names
    old, new = (CliRunner().invoke(main, [word, given, "--json"], input="reel.mov\n") for word in ("group", "plan"))
    assert (old.exit_code, new.exit_code) == (0, 0)
    assert old.stdout == new.stdout
    assert (old.stderr.count("\n"), new.stderr) == (1, "")


def test_a_folder_that_is_called_add_can_still_be_planned_under_the_old_name() -> None:
    assert rename_deprecated_command(["group", "./add"]) == ["plan", "./add"]


def test_help_shows_new_names_only() -> None:
    shown = main.list_commands(click.Context(main))
    assert {"plan", "usergroup"} <= set(shown)
    assert "group" not in shown
    helps = "".join(CliRunner().invoke(main, [*words, "--help"]).output for words in (["storage"], ["jobs", "retry"]))
    assert "accept" not in helps
    assert "parked" not in helps


def test_the_documentation_uses_new_spellings_and_lists_the_old_ones() -> None:
    typed = [command.words[1:] for command in commands() if command.words[0].endswith("tapeless")]
    assert [words for words in typed if rename_deprecated_command(words) != list(words)] == []
    page = (ROOT / "docs" / "upgrade.md").read_text()
    for old, new in ALL:
        if "=" not in old[-1]:
            assert (
                f"| `tapeless {' '.join(old)}` | `tapeless {' '.join(new)}` |".replace("list ", "list --status ")
                in page
            )
