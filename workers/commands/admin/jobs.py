"""`tapeless jobs`: pending and running work, and dead letters with their reasons, read from the rows."""

import json
from functools import partial
from itertools import groupby

import click
from rich.console import Console
from rich.text import Text
from sqlalchemy.orm import Session

from models.core.sessions import transact
from models.queues.job import Job, JobStatus
from services.core.actors import SETUP_ACTOR
from services.core.text import pluralize
from services.jobs.actions import JobAction, apply_job_action
from services.operations.backlog import (
    BacklogItem,
    describe_island,
    discard_backlog_item,
    find_backlog_key,
    find_job_by_prefix,
    list_backlog,
    retry_all_dead_letters,
    retry_backlog_item,
)
from workers.celery.context import ProcessContext
from workers.commands.options import json_option, shell_actor, system_command
from workers.commands.output import format_timestamp, make_line_console, print_result

DEAD_LETTERED = "DEAD_LETTERED"
"""Status of dead letters for people; programs get `PARKED`, as from the API."""
LABELS = {"parked": "dead-lettered"}
STATE_STYLES = {DEAD_LETTERED: "yellow", "FAILED": "red", "FINISHED_WITH_WARNING": "yellow", "STARTED": "cyan"}
NEEDS_A_PERSON = {"PARKED": 1, "FAILED": 2}
MAX_ROWS_PER_KIND = 20
STATUS_CHOICES = [DEAD_LETTERED, *sorted(JobStatus)]


@click.group()
def jobs() -> None:
    """List, retry, stop and pause work."""


@jobs.command("list")
@click.option("--status", type=click.Choice(STATUS_CHOICES), help="Only this status (default: all that is unfinished).")
@click.option("--all", "is_all", is_flag=True, help=f"Print all rows of a kind, not only {MAX_ROWS_PER_KIND}.")
@system_command
@json_option
def list_jobs(context: ProcessContext, status: str | None, is_all: bool, as_json: bool) -> None:
    """List unfinished jobs, waiting work, dead letters, unreadable media, checksum mismatches and failed jobs."""
    with context.sessions() as session:
        found = list_backlog(session, "PARKED" if status == DEAD_LETTERED else status)
    most = len(found) if is_all or status else MAX_ROWS_PER_KIND
    print_result(as_json, [work.to_json() for work in found], partial(print_backlog, found, most))


def print_backlog(found: list[BacklogItem], most: int) -> None:
    """Print one line per item, never truncated, followed by its message; of each kind and state at most so many."""
    console = make_line_console()
    if not found:
        console.print("no pending work, no dead letters and no problems")
        return
    groups = groupby(sorted(found, key=_group_of), key=_group_of)
    for (_, kind, state), works in ((group, list(works)) for group, works in groups):
        for work in works[:most]:
            _print_item(console, work)
        if len(works) > most:
            console.print(f"{kind:<8} {state}  and {len(works) - most:,} more: `tapeless jobs list --all`", style="dim")


def _group_of(work: BacklogItem) -> tuple[int, str, str]:
    """Sort running and waiting work first, and what needs a person last, where a terminal shows it."""
    return (NEEDS_A_PERSON.get(work.state, 0), work.kind, work.state)


def _print_item(console: Console, work: BacklogItem) -> None:
    percent = "" if work.progress is None else f" {work.progress} %"
    state = DEAD_LETTERED if work.state == "PARKED" else work.state
    line = Text.assemble(f"{work.kind:<8} ", (f"{state}{percent}", STATE_STYLES.get(state, "")), f"  {work.what}")
    console.print(line.append(f"  {work.key}" if work.key else "").append(f"  since {format_timestamp(work.since)}"))
    if work.why:
        console.print(Text(f"         {work.why}", style="dim"))


@jobs.command()
@click.argument("word", metavar="ID|TASK|ISLAND")
@system_command
@json_option
def show(context: ProcessContext, word: str, as_json: bool) -> None:
    """Show one job, by its id, by the id of its task in Flower, or by the beginning of either; or an island by its
    number."""
    with context.sessions() as session:
        fields = describe_island(session, word) or describe_job(find_job_by_prefix(session, word))
    print_result(as_json, fields, partial(print_job, fields))


def print_job(fields: dict[str, object]) -> None:
    """Print the fields of a job that have a value."""
    for name, value in fields.items():
        if value not in (None, "", {}):
            words = value if isinstance(value, str | int) else json.dumps(value)
            click.echo(f"{LABELS.get(name, name):<14} {DEAD_LETTERED if words == 'PARKED' else words}")


def describe_job(job: Job) -> dict[str, object]:
    """Return all fields of a job that are relevant to an operator."""
    is_pending = job.completed_at is None and job.dead_lettered_at is None
    return {
        "id": str(job.id),
        "title": job.title,
        "type": job.type,
        "state": "PARKED" if job.dead_lettered_at else str(job.status),
        "message": job.message,
        "error": job.error_message,
        "progress": f"{job.progress_processed} of {job.progress_total}" if job.progress_total else None,
        "task": job.task,
        "task id": str(job.message_id) if job.message_id else None,
        "queue": job.queue,
        "arguments": {name: value for name, value in job.arguments.items() if name != "digest"},
        "object": f"{job.object_type} {job.object_id}" if job.object_id else None,
        "worker": job.lease_owner,
        "tries": job.attempt,
        "crashes": job.crashes,
        "created": format_timestamp(job.date_created),
        "started": format_timestamp(job.started_at),
        "next try": format_timestamp(job.not_before) if is_pending else None,
        "ended": format_timestamp(job.completed_at),
        "parked": format_timestamp(job.dead_lettered_at),
    }


@jobs.command()
@click.argument("keys", nargs=-1)
@click.option("--all-dead-lettered", is_flag=True, help="Retry all dead letters, of every kind.")
@system_command
def retry(context: ProcessContext, keys: tuple[str, ...], all_dead_lettered: bool) -> None:
    """Retry failed or dead-lettered work, by the KEYS that `list` shows, or the beginning of those."""
    if all_dead_lettered == bool(keys):
        raise click.UsageError("give the keys of what to retry, or --all-dead-lettered")
    if all_dead_lettered:
        retried = transact(context.sessions, retry_all_dead_letters)
        click.echo("requeued: " + ", ".join(f"{kind} {number:,}" for kind, number in retried.items()))
        return

    def requeue(session: Session) -> list[str]:
        return [retry_backlog_item(session, find_backlog_key(session, key)) for key in keys]

    for kind in transact(context.sessions, requeue):
        click.echo(f"{kind} requeued")


@jobs.command()
@click.argument("keys", nargs=-1, required=True)
@click.option("--reason", required=True, help="The reason, which the audit log keeps.")
@system_command
def discard(context: ProcessContext, keys: tuple[str, ...], reason: str) -> None:
    """End dead letters and failed jobs for good, and accept media that cannot be read, by the KEYS that `list` shows.

    The beginning of a key will do. All of them or none. An accepted file is no problem until it is read again.
    """

    def end(session: Session) -> list[str]:
        found = [find_backlog_key(session, key) for key in keys]
        return [discard_backlog_item(session, key, reason, shell_actor()) for key in found]

    for kind in transact(context.sessions, end):
        click.echo(f"{kind} discarded")


def _make_action_command(action: JobAction, done: str) -> click.Command:
    @click.argument("ids", nargs=-1, required=True)
    @system_command
    def change(context: ProcessContext, ids: tuple[str, ...]) -> None:
        def apply(session: Session) -> None:
            apply_job_action(session, [find_job_by_prefix(session, word).id for word in ids], action, SETUP_ACTOR)

        transact(context.sessions, apply)
        click.echo(f"{pluralize(len(ids), 'job')} {done}")

    return click.command(action.lower(), help=f"{action.capitalize()} jobs (all or nothing).")(change)


for _action, _done in ((JobAction.ABORT, "aborted"), (JobAction.PAUSE, "paused"), (JobAction.RESUME, "resumed")):
    jobs.add_command(_make_action_command(_action, _done))
