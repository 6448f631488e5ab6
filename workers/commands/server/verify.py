"""`tapeless verify`: check the invariants of a live system, each with its count."""

import json
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from services.operations.check_result import CheckResult, VerifyContext
from services.operations.invariants import check_invariants as verify_system
from workers.commands.options import data_option, json_option, own_folders, running_system


@click.command()
@click.option("--repair", is_flag=True, help="Requeue broken items for repair.")
@data_option
@json_option
def verify(repair: bool, data: Path | None, as_json: bool) -> None:
    """Check every invariant; exit with 1 if one is violated."""
    with running_system(data) as context:
        audited = VerifyContext(context.sessions, context.engine, context.timing, own_folders(data))
        findings = verify_system(audited, repair)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        _print(Console(highlight=False, soft_wrap=True), findings)
    if any(finding.broken for finding in findings):
        raise SystemExit(1)


def _print(console: Console, findings: list[CheckResult]) -> None:
    for finding in findings:
        mark, style = ("✗", "red") if finding.broken else ("✓", "green")
        line = Text.assemble((f"{mark} ", style), (f"{finding.name}  ", "bold"), finding.promise)
        line.append(f"  ({finding.checked:,} checked, {finding.broken:,} broken)", style="dim")
        console.print(line)
        for sample in finding.samples:
            console.print(Text(f"    {sample}"))
        for note in finding.notes:
            console.print(Text(f"    {note}", style="yellow"))
        if finding.repaired:
            console.print(Text(f"    {finding.repaired:,} requeued", style="yellow"))
