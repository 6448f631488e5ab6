"""`tapeless doctor` and `tapeless verify`: check a running system's environment, and its invariants."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
from rich.text import Text

from services.operations.check_result import CheckResult, VerifyContext
from services.operations.invariants import check_invariants
from workers.commands.options import data_option, json_option, own_folders, running_system
from workers.commands.output import make_line_console, print_result
from workers.config.connection import find_system_connection, find_system_settings
from workers.config.system_rights import rights_of_system
from workers.doctor import DiagnosticCheck, DiagnosticContext, make_broker_client, run_checks

GRADE_MARKS = {"well": ("✓", "green"), "look": ("!", "yellow"), "broken": ("✗", "red")}


@click.command()
@data_option
@json_option
def doctor(data: Path | None, as_json: bool) -> None:
    """Check mounts, permissions, limits, clocks, disk, versions, broker, workers and search; exit with 1 if broken."""
    with running_system(data) as context:
        settings = find_system_settings(data)
        connection = find_system_connection(settings)
        target = DiagnosticContext(
            connection,
            context.sessions,
            context.engine,
            make_broker_client(connection.broker_url),
            settings.data.absolute(),
            settings.media_folder,
        )
        with rights_of_system(target.data):
            checks = run_checks(target)
    print_result(as_json, [asdict(check) for check in checks], partial(_print_checks, checks))
    if any(check.grade == "broken" for check in checks):
        raise SystemExit(1)


def _print_checks(checks: list[DiagnosticCheck]) -> None:
    console = make_line_console()
    for check in checks:
        mark, style = GRADE_MARKS[check.grade]
        console.print(Text.assemble((f"{mark} ", style), (f"{check.name}  ", "bold"), check.found))
        if check.grade != "well":
            console.print(Text(f"    {check.advice}", style="yellow"))


@click.command()
@click.option("--repair", is_flag=True, help="Requeue broken items for repair.")
@data_option
@json_option
def verify(repair: bool, data: Path | None, as_json: bool) -> None:
    """Check every invariant; exit with 1 if one is violated."""
    with running_system(data) as context:
        audited = VerifyContext(
            context.sessions, context.engine, context.timing, context.media_folder, own_folders(data)
        )
        findings = check_invariants(audited, repair)
    print_result(as_json, [asdict(finding) for finding in findings], partial(_print_findings, findings))
    if any(finding.broken for finding in findings):
        raise SystemExit(1)


def _print_findings(findings: list[CheckResult]) -> None:
    console = make_line_console()
    for finding in findings:
        mark, style = GRADE_MARKS["broken" if finding.broken else "well"]
        line = Text.assemble((f"{mark} ", style), (f"{finding.name}  ", "bold"), finding.promise)
        console.print(line.append(f"  ({finding.checked:,} checked, {finding.broken:,} broken)", style="dim"))
        for sample in finding.samples:
            console.print(Text(f"    {sample}"))
        repaired = [f"{finding.repaired:,} requeued"] if finding.repaired else []
        for note in [*finding.notes, *repaired]:
            console.print(Text(f"    {note}", style="yellow"))
