"""`tapeless storage profile` and `tapeless storage regroup`: change how a storage is grouped, after a dry run."""

import json
import sys
from pathlib import Path

import click
from sqlalchemy.orm import Session

from grouping import Profile, ProfileError
from models.access.acl import Actor
from models.catalog.storage import Storage
from models.core.sessions import transact
from services.grouping.diff import GroupingDiff
from services.grouping.profile_preview import preview_profile
from services.grouping.regroup import request_regroup, set_storage_profile
from services.storages.storages import find_storage_by_name
from workers.celery.context import ProcessContext
from workers.commands.catalog.difference_tree import print_difference
from workers.commands.options import data_option, json_option, running_system

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
@data_option
@json_option
def profile(name: str, profile_file: Path | None, yes: bool, data: Path | None, as_json: bool) -> None:
    """Show the grouping rules of storage NAME, or change them.

    With --file, the changes are shown first, and made after confirmation or with --yes. With --json and without --yes
    nothing is asked and nothing is changed.
    """
    wanted = _load_profile(profile_file) if profile_file else None
    with running_system(data) as context:
        with context.sessions() as session:
            row = find_storage_by_name(session, name)
        if wanted is None:
            _print_profile(row, as_json)
            return
        difference = preview_profile(context.sessions, row.id, wanted)
        if Profile.model_validate(row.profile) == wanted:
            job_id = None
            note = f'storage "{row.name}" has this profile already'
        else:
            job_id = _confirm_and_start(context, row, difference, yes, as_json, wanted)
            note = "nothing was changed"
        _print_outcome(job_id, note, difference, as_json)


@click.command()
@click.argument("name")
@yes_option
@data_option
@json_option
def regroup(name: str, yes: bool, data: Path | None, as_json: bool) -> None:
    """Group storage NAME again with its profile and the rules of this version, as after an upgrade.

    The changes are shown first. With --json and without --yes nothing is asked and nothing is changed.
    """
    with running_system(data) as context:
        with context.sessions() as session:
            row = find_storage_by_name(session, name)
        difference = preview_profile(context.sessions, row.id, Profile.model_validate(row.profile))
        job_id = _confirm_and_start(context, row, difference, yes, as_json, None)
        _print_outcome(job_id, "nothing was changed", difference, as_json)


def _load_profile(path: Path) -> Profile:
    try:
        return Profile.load(path)
    except ProfileError as error:
        raise click.ClickException(str(error)) from error


def _print_profile(row: Storage, as_json: bool) -> None:
    """Print the whole profile; keys that were set for this storage are marked."""
    whole = Profile.model_validate(row.profile).model_dump(mode="json")
    if as_json:
        shown = {"storage": row.name, "revision": row.profile_revision, "set": row.profile, "profile": whole}
        click.echo(json.dumps(shown))
        return
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
    if as_json:
        click.echo(json.dumps({"job_id": job_id, "difference": difference.to_json()}))
    else:
        click.echo(f"started job {job_id}; it runs in the background" if job_id else otherwise)
