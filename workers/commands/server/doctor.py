"""`tapeless doctor`: check the environment of the running system, with the next step for each problem."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from workers.commands.options import data_option, json_option, running_system
from workers.config.connection import find_system_connection
from workers.config.settings import Settings
from workers.doctor import DiagnosticCheck, DiagnosticContext, make_broker_client, run_checks

GRADE_MARKS = {"well": ("✓", "green"), "look": ("!", "yellow"), "broken": ("✗", "red")}


@click.command()
@data_option
@json_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Check mounts, permissions, limits, clocks, disk, versions, broker, workers and search; exit with 1 if broken."""
    with running_system(data) as context:
        settings = Settings.for_data(data)
        connection = find_system_connection(settings)
        checks = run_checks(
            DiagnosticContext(
                connection,
                context.sessions,
                context.engine,
                make_broker_client(connection.broker_url),
                settings.data.absolute(),
                settings.media_folder,
            )
        )
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        _print(Console(highlight=False, soft_wrap=True), checks)
    if any(check.grade == "broken" for check in checks):
        raise SystemExit(1)


def _print(console: Console, checks: list[DiagnosticCheck]) -> None:
    for check in checks:
        mark, style = GRADE_MARKS[check.grade]
        console.print(Text.assemble((f"{mark} ", style), (f"{check.name}  ", "bold"), check.found))
        if check.grade != "well":
            console.print(Text(f"    {check.advice}", style="yellow"))
