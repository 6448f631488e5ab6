"""`tapeless storage profile` and `tapeless storage regroup`: change how a storage is grouped, after a dry run."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from grouping import Profile
from models.access.acl import Actor
from models.catalog.storage import Storage
from models.core.sessions import transact
from services.grouping.diff import GroupingDiff
from services.grouping.profile_preview import preview_profile
from services.grouping.regroup import request_regroup, set_storage_profile
from services.storages.storages import find_storage_by_name
from workers.celery.context import ProcessContext
from workers.commands.catalog.difference_tree import print_difference
from workers.commands.options import json_option, system_command
from workers.commands.output import print_result

OPERATOR_ACTOR = Actor("operator", is_admin=True)

yes_option = click.option("--yes", is_flag=True, help="Apply without confirmation.")


@click.command()
@click.argument("name")
@click.option(
    "--file",
    "profile_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A JSON or TOML file with the new profile.",
)
@yes_option
@system_command
@json_option
def profile(context: ProcessContext, name: str, profile_file: Path | None, yes: bool, as_json: bool) -> None:
    """Show the grouping rules of storage NAME, or change them.

    With --file, the changes are shown first, and made after confirmation or with --yes. With --json and without --yes
    nothing is asked and nothing is changed.
    """
    wanted = Profile.load(profile_file) if profile_file else None
    with context.sessions() as session:
        row = find_storage_by_name(session, name)
    if wanted is None:
        whole = Profile.model_validate(row.profile).model_dump(mode="json")
        shown = {"storage": row.name, "revision": row.profile_revision, "set": row.profile, "profile": whole}
        print_result(as_json, shown, lambda: _print_profile(row, whole))
        return
    difference = preview_profile(context.sessions, row.id, wanted)
    if Profile.model_validate(row.profile) == wanted:
        _print_outcome(None, f'storage "{row.name}" has this profile already', difference, as_json)
    else:
        job_id = _confirm_and_start(context, row, difference, yes, as_json, wanted)
        _print_outcome(job_id, "nothing was changed", difference, as_json)


@click.command()
@click.argument("name")
@yes_option
@system_command
@json_option
def regroup(context: ProcessContext, name: str, yes: bool, as_json: bool) -> None:
    """Group storage NAME again with its profile and the rules of this version, as after an upgrade.

    The changes are shown first. With --json and without --yes nothing is asked and nothing is changed.
    """
    with context.sessions() as session:
        row = find_storage_by_name(session, name)
    difference = preview_profile(context.sessions, row.id, Profile.model_validate(row.profile))
    job_id = _confirm_and_start(context, row, difference, yes, as_json, None)
    _print_outcome(job_id, "nothing was changed", difference, as_json)


def _print_profile(row: Storage, whole: dict[str, Any]) -> None:
    """Print the whole profile; keys that were set for this storage are marked."""
    click.echo(f'storage "{row.name}", profile revision {row.profile_revision}')
    for key, value in whole.items():
        mark = "*" if key in row.profile else " "
        click.echo(f"{mark} {key} = {json.dumps(value, ensure_ascii=False)}")
    click.echo("* set for this storage; the others are defaults" if row.profile else "all of it is the default")


def _confirm_and_start(
    context: ProcessContext, row: Storage, difference: GroupingDiff, yes: bool, as_json: bool, wanted: Profile | None
) -> str | None:
    """Print the difference, ask for confirmation on a terminal, and start the job; return its id."""
    if not as_json:
        print_difference(difference)
    if not yes and not as_json:
        yes = _confirm()
    if not yes:
        return None

    def start(session: Session) -> str | None:
        storage = find_storage_by_name(session, str(row.id))
        if wanted is None:
            return str(request_regroup(session, storage, OPERATOR_ACTOR).id)
        job = set_storage_profile(session, storage, wanted, OPERATOR_ACTOR)
        return str(job.id) if job is not None else None

    return transact(context.sessions, start)


def _confirm() -> bool:
    if not sys.stdin.isatty():
        raise click.ClickException("Aborted: no terminal for confirmation. Re-run with --yes.")
    return click.confirm("Apply?")


def _print_outcome(job_id: str | None, otherwise: str, difference: GroupingDiff, as_json: bool) -> None:
    print_result(
        as_json,
        {"job_id": job_id, "difference": difference.to_json()},
        lambda: click.echo(f"started job {job_id}; it runs in the background" if job_id else otherwise),
    )
