"""`tapeless webhook` adds, lists, switches and removes webhooks."""

import json

import click
from click.testing import CliRunner, Result

from workers.commands.admin.webhook import webhook

URL = "https://example.com/hook"


def run(running: dict[str, str], *arguments: str) -> Result:
    command: click.Command = webhook
    return CliRunner().invoke(command, arguments, env=running)


def test_a_webhook_is_added_listed_switched_and_removed_by_the_beginning_of_its_id(running: dict[str, str]) -> None:
    made = json.loads(run(running, "add", URL, "assets", "--realm", "approvals", "--name", "dailies", "--json").output)
    assert made["secret"].startswith("whsec_")
    (listed,) = json.loads(run(running, "list", "--json").output)
    assert (listed["id"], listed["event"], listed["status"]) == (made["id"], "assets.approvals", "ENABLED")
    assert made["secret"] not in run(running, "list").output
    assert run(running, "disable", made["id"][:23]).output == "1 webhook disabled\n"
    assert "DISABLED" in run(running, "list").output
    assert run(running, "enable", made["id"]).output == "1 webhook enabled\n"
    assert run(running, "remove", made["id"]).output == "1 webhook removed\n"
    assert run(running, "list").output == "no webhooks: `tapeless webhook add URL EVENT` adds one\n"


def test_what_never_comes_is_refused_with_what_does(running: dict[str, str]) -> None:
    for words, says in (
        (("add", URL, "planets"), "assets"),
        (("add", URL, "assets", "--operation", "explode"), "is no operation of assets"),
        (("add", "https://127.0.0.1/", "assets"), "127.0.0.1"),
        (("remove", "0193a1b2"), "webhook"),
    ):
        refused = run(running, *words)
        assert (refused.exit_code != 0, says in refused.output) == (True, True), refused.output
