"""Every documented command exists with its options; nothing is run."""

import re
from pathlib import PurePosixPath

import pytest

from tests.docs.not_run import NOT_RUN, listed
from tests.docs.pages import Command, commands, is_run, pages, simple_commands, typed_lines
from tests.docs.parsing import faults
from workers.main import main

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"")


def test_every_command_in_the_documentation_is_run_or_stands_in_the_table_of_those_that_cannot_be() -> None:
    asked = list(commands())
    assert len(asked) > 80
    assert [str(command) for command in asked if listed(command) is None and not is_run(command)] == []


def test_what_cannot_be_run_is_right_in_all_that_can_be_checked() -> None:
    wrong = [
        f"{command}: {fault}" for command in commands() if (check := listed(command)) for fault in check(command.words)
    ]
    assert wrong == []


def test_every_reason_is_needed() -> None:
    used = {check for command in commands() if (check := listed(command))}
    assert {check for _, check in NOT_RUN.values()} <= used


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("tapeless up --colour red", "No such option"),
        ("make wind", "no wind"),
        ("make run PLACE=/mnt", "no PLACE"),
        ("docker compose exec nobody tapeless status", "no service nobody"),
        ("docker compose exec api tapeless wind", "No such command"),
        ("docker compose run --rm --env A=b migrate tapeless restore", "lacks"),
        ("docker compose up --detach postgres sqlite", "no service sqlite"),
        ("docker compose cp db:/data/a a", "no service db"),
        ("chown 0 a", "no user 0"),
        ("apt-get install make dream", "no dream"),
        ("celery -A workers.app worker -Q metadata,cloud", "no queue"),
        ("sysctl fs.inotify.max_dreams=1", "no fs.inotify.max_dreams"),
        ("python -m pytest tests/gone", "not there"),
        ("python3 -m nothing", "no module"),
        ("pip install tapeless", "something else"),
        ("ruff dream .", "no ruff dream"),
    ],
)
def test_what_is_wrong_with_a_command_that_cannot_be_run_is_noticed(typed: str, fault: str) -> None:
    command = Command("page", tuple(typed.split()))
    check = listed(command)
    assert check is not None
    assert any(fault in told for told in check(command.words)), list(check(command.words))


def test_every_tapeless_command_in_the_documentation_exists_with_its_options() -> None:
    asked = [command for command in commands() if PurePosixPath(command.words[0]).name == "tapeless"]
    assert len(asked) > 20
    assert [f"{command}: {fault}" for command in asked if (fault := faults(main, command.words[1:]))] == []


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
    assert (faults(main, words[1:]) or "").startswith(fault or "")
    assert (faults(main, words[1:]) is None) is (fault is None)


def test_commands_are_found_in_blocks_behind_what_stands_around_them() -> None:
    text = (
        "```console\n$ A=1 tapeless status --json | jq .idle   # now\ntapeless up\n```\n```sh\nmake run >log &\n```\n"
    )
    found = [words for line in typed_lines(text) for words in simple_commands(line)]
    assert found == [("tapeless", "status", "--json"), ("jq", ".idle"), ("make", "run")]
    (loop,) = typed_lines("```sh\nuntil tapeless status | grep -q idle; do sleep 1; done\n```")
    assert list(simple_commands(loop)) == [("tapeless", "status"), ("grep", "-q", "idle"), ("sleep", "1")]
