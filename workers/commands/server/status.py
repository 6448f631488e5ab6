"""`tapeless status`: totals, pending work, and problems that need an operator."""

from functools import partial

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from search.engine import SearchEngine, SearchUnavailableError
from services.operations.problems import PROBLEM_KINDS
from services.operations.status import COUNTED_PROBLEMS, StorageState, SystemStatus, read_status
from watch.disk.settling import THRESHOLD
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, system_command
from workers.commands.output import make_console, print_result

STATUS_ROWS = (
    ("files", "files"),
    ("assets", "assets"),
    ("growing", "not stable yet"),
    ("pending_islands", "folders to group"),
    ("waiting_islands", "folders where a file waits for its partner"),
    ("outdated_islands", "folders grouped by older rules: see tapeless storage regroup"),
    ("index_queue", "documents to index"),
    ("jobs_waiting", "jobs and readings of media waiting"),
    ("parked", "dead letters, each with its reason"),
    ("missing", "files missing"),
    ("empty", "files empty: they wait for content"),
    ("failed", "files or folders unreadable"),
    *((kind.name, kind.label) for kind in PROBLEM_KINDS),
)
WARNING_ROWS = frozenset(name for name, _ in COUNTED_PROBLEMS)


@click.command()
@system_command
@json_option
def status(context: ProcessContext, as_json: bool) -> None:
    """Show counts, queues and the state of each storage."""
    with context.sessions() as session:
        found = read_status(session, context.own_folders)
    trouble = find_search_trouble(context.engine)
    shown = found.to_json() | {"search": trouble or "up"}
    print_result(as_json, shown, partial(print_status, make_console(), found, trouble))


def find_search_trouble(engine: SearchEngine) -> str | None:
    """Return what is wrong with the search engine, or None if it answers."""
    try:
        engine.check(look=True)
    except SearchUnavailableError as error:
        return str(error)
    return None


def print_status(console: Console, found: SystemStatus, search_trouble: str | None) -> None:
    """Print the status as a table."""
    table = Table.grid(padding=(0, 2))
    for key, label in STATUS_ROWS:
        value = getattr(found, key)
        style = "yellow" if key in WARNING_ROWS and value else ""
        table.add_row(Text(f"{value:,}", style=style or "bold", justify="right"), Text(label, style=style))
    console.print(table)
    problems = found.problems + (["search does not answer"] if search_trouble else [])
    console.print(make_headline(found, problems), soft_wrap=True)
    for storage in found.storages:
        _print_storage(console, storage)
    if search_trouble:
        console.print(Text(f"search: {search_trouble}", style="yellow"))


def make_headline(found: SystemStatus, problems: list[str]) -> Text:
    """Say in one line whether the system is idle; it is green only if there is nothing that needs a person."""
    lag = f", index {found.index_lag_seconds:.1f} s behind" if found.index_queue else ""
    state = "idle" if found.idle else f"working{lag}"
    if problems:
        return Text(f"{state}, with problems: {', '.join(problems)}; `tapeless jobs list` has the reasons", "yellow")
    return Text("idle: everything is in", style="green") if found.idle else Text(state, style="cyan")


def _print_storage(console: Console, storage: StorageState) -> None:
    line = Text.assemble((storage.name, "bold"), f"  {storage.root}  {storage.status}")
    if storage.writer_check == THRESHOLD:
        line.append("  network file system: a file counts as finished although another host has it open")
    if storage.watcher_host:
        line.append(f"  watched by {storage.watcher_host}, seen {storage.watcher_age_seconds:,.0f} s ago", style="dim")
    if storage.is_frozen:
        line.append("  deletions are frozen", style="yellow")
    if storage.events_lost:
        line.append(f"  events lost {storage.events_lost} times, each followed by a scan", style="yellow")
    console.print(line)
    if storage.message:
        console.print(Text(f"  {storage.message}", style="yellow"))
    for unreadable in storage.unreadable:
        console.print(Text(f"  cannot be read: {unreadable}", style="yellow"))
