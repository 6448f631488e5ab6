"""`tapeless audit`: who changed users, groups, rights, storages, webhooks and other configuration."""

import csv
import sys
from collections.abc import Mapping
from datetime import datetime

import click

from services.core.audit_log import read_audit_log, select_audit_entries
from services.core.text import escape_csv_cell
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, system_command
from workers.commands.output import format_timestamp, print_records, print_result

MAX_AUDIT_ENTRIES = 1000
TIME_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


@click.command()
@click.option(
    "--since", type=click.DateTime(TIME_FORMATS), help="Only changes from this time on: 2026-11-24, or with a time."
)
@click.option("--until", type=click.DateTime(TIME_FORMATS), help="Only changes before this time.")
@click.option("--actor", metavar="NAME", help="Only changes by an actor whose name contains this.")
@click.option(
    "--type", "object_type", metavar="TYPE", help="Only changes of this type: users, groups, storages, webhooks …"
)
@click.option(
    "--most",
    default=50,
    show_default=True,
    type=click.IntRange(1, MAX_AUDIT_ENTRIES),
    help="Maximum number of changes, the newest ones.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading.")
@system_command
@json_option
def audit(
    context: ProcessContext,
    since: datetime | None,
    until: datetime | None,
    actor: str | None,
    object_type: str | None,
    most: int,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show the newest changes of configuration, oldest first: when, who, what."""
    limits = [each and each.astimezone() for each in (since, until)]
    query = select_audit_entries(object_type, None, actor, *limits)
    with context.sessions() as session:
        found = list(read_audit_log(session, query, most))
    if as_csv:
        names = ("date_created", "actor", "object_type", "object_id", "description")
        writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(map(escape_cells, found))
        return
    shown = [
        {
            "at": format_timestamp(datetime.fromisoformat(str(entry["date_created"]))),
            "actor": entry["actor"],
            "said": entry["description"],
        }
        for entry in found
    ]
    print_result(as_json, found, lambda: print_records(shown, "no changes: see --since, --actor and --type"))


def escape_cells(entry: Mapping[str, object]) -> dict[str, str]:
    """Return an entry as a row of a table: users choose their names, and spreadsheets evaluate what looks like a
    formula."""
    return {name: escape_csv_cell(str(value or "")) for name, value in entry.items()}
