"""`tapeless storage` and `tapeless scan`: watched folders, how they are grouped, and requests to the watcher."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from grouping import DEFAULT_PROFILE, Profile
from models.access.acl import Actor, Permission, PrincipalKind
from models.catalog.storage import PURPOSE_FILES, PURPOSE_PROXIES, Storage
from models.core.mounts import is_in_media_folder
from models.core.paths import display_path
from models.core.sessions import transact
from services.access.permissions import Principal, grant_permissions
from services.access.users import find_group_by_name, find_user_by_email
from services.core.actors import SETUP_ACTOR
from services.core.folder_markers import adopt_folders
from services.core.text import pluralize
from services.grouping.diff import GroupingDiff
from services.grouping.previews import preview_profile
from services.grouping.regroup import request_regroup, set_storage_profile
from services.operations.status import describe_storage_trouble
from services.storages.api_changes import pause_storage, set_storage_settings
from services.storages.removal import count_forgettable, remove_storage
from services.storages.storages import (
    IS_PRESENT,
    NewStorage,
    add_storage,
    confirm_deletions,
    find_storage_by_name,
    parse_storage_settings,
    request_scan,
)
from workers.celery.context import ProcessContext
from workers.commands.catalog.difference_tree import print_difference
from workers.commands.completion import complete_storages
from workers.commands.options import data_option, json_option, running_system, system_command
from workers.commands.output import format_timestamp, print_result, print_table
from workers.config.connection import find_system_settings
from workers.config.system_rights import rights_of_system

OPERATOR_ACTOR = Actor("operator", is_admin=True)

yes_option = click.option("--yes", is_flag=True, help="Apply without confirmation.")


@click.group()
def storage() -> None:
    """Add, list and change watched folders, confirm deletions, and set how files are grouped."""


@storage.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the storage (default: the folder's name).")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting, such as scan_interval_seconds=30.")
@click.option(
    "--profile",
    "profile_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="JSON or TOML file with the grouping profile.",
)
@click.option("--owner", metavar="EMAIL", help="User who owns the assets (default: an administrator).")
@click.option("--readers", metavar="GROUP", multiple=True, help="User group that may read the assets.")
@click.option(
    "--purpose",
    type=click.Choice([PURPOSE_FILES, PURPOSE_PROXIES]),
    default=PURPOSE_FILES,
    help="FILES: watch the folder; PROXIES: write renditions into it.",
)
@data_option
def add(
    folder: Path,
    name: str | None,
    pairs: tuple[str, ...],
    profile_file: Path | None,
    owner: str | None,
    readers: tuple[str, ...],
    purpose: str,
    data: Path | None,
) -> None:
    """Watch FOLDER from now on, or with --purpose PROXIES store renditions in it."""
    with running_system(data) as context:
        rules = Profile.load(profile_file) if profile_file else DEFAULT_PROFILE
        new = NewStorage(folder, name, parse_storage_settings(pairs), rules, purpose=purpose)
        own = find_system_settings(data).data.absolute()
        with rights_of_system(own):
            made = transact(context.sessions, lambda session: _add_storage(session, new, owner, readers, [own]))
        does = "watches" if purpose == PURPOSE_FILES else "keeps renditions in"
        click.echo(f'storage "{made.name}" {does} {display_path(made.root)}')


def _add_storage(
    session: Session, new: NewStorage, owner: str | None, readers: tuple[str, ...], own: list[Path]
) -> Storage:
    if owner is not None:
        new = replace(new, owner_id=find_user_by_email(session, owner).id)
    made = add_storage(session, new, own)
    groups = [Principal(PrincipalKind.GROUP, find_group_by_name(session, name).id) for name in readers]
    grant_permissions(session, "storages", [made.id], groups, [Permission.READ], SETUP_ACTOR, adds=True)
    return made


@storage.command("set")
@click.argument("name", shell_complete=complete_storages)
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@system_command
def set_storage_values(context: ProcessContext, name: str, pairs: tuple[str, ...]) -> None:
    """Change settings of storage NAME; `KEY=` without a value restores the default."""

    def change(session: Session) -> str:
        row = find_storage_by_name(session, name)
        session.refresh(row, with_for_update=True)
        settings = parse_storage_settings(pairs, row.settings)
        if not set_storage_settings(session, row, settings, OPERATOR_ACTOR):
            return f'storage "{row.name}" has these settings already'
        keys = dict.fromkeys(pair.partition("=")[0] for pair in pairs)
        said = ", ".join(f"{key} is {_format_setting(getattr(settings, key))}" for key in keys)
        return f'storage "{row.name}": {said}'

    click.echo(transact(context.sessions, change))


def _format_setting(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "empty"
    return "not set" if value is None else str(value)


@storage.command("list")
@system_command
@json_option
def list_storages(context: ProcessContext, as_json: bool) -> None:
    """List all storages."""
    with context.sessions() as session:
        rows = session.scalars(select(Storage).where(IS_PRESENT).order_by(Storage.name)).all()
    headings = ("name", "folder", "status", "last scanned", "settings")
    print_result(as_json, [_as_json(row) for row in rows], lambda: print_table(headings, map(_cells, rows), "fold"))


def _cells(row: Storage) -> tuple[str, ...]:
    scanned = format_timestamp(row.last_scanned) or "not yet"
    settings = " ".join(f"{key}={value}" for key, value in row.settings.items())
    return row.name, display_path(row.absolute_root), row.status.value, scanned, settings


def _as_json(row: Storage) -> dict[str, object]:
    return {
        "id": str(row.id),
        "name": row.name,
        "root": display_path(row.absolute_root),
        "status": row.status.value,
        "status_message": describe_storage_trouble(row),
        "frozen": row.frozen_reason is not None,
        "settings": row.settings,
        "profile": row.profile,
    }


@storage.command("confirm-deletions")
@click.argument("name", shell_complete=complete_storages)
@system_command
def confirm_frozen_deletions(context: ProcessContext, name: str) -> None:
    """Confirm that missing files of storage NAME are deleted, or that its replaced disk is correct."""

    def confirm(session: Session) -> tuple[str | None, int]:
        return confirm_deletions(session, find_storage_by_name(session, name))

    reason, missing = transact(context.sessions, confirm)
    what = "confirmed; the catalog follows the disk within seconds" if reason else "no deletions wait for confirmation"
    if missing and not reason:
        what = f"{pluralize(missing, 'missing file')} confirmed as deleted; the assets stay, offline"
    click.echo(f'storage "{name}": {what}')


@storage.command("adopt-folders")
@system_command
def adopt_own_folders(context: ProcessContext) -> None:
    """Take the media folder and the storages for renditions of this machine for those of the system.

    For when they were lost or restored elsewhere: processes that do not find the marker in theirs write nothing.
    """

    def adopt(session: Session) -> list[Path]:
        proxies = session.scalars(select(Storage).where(Storage.purpose == PURPOSE_PROXIES)).all()
        own = [row for row in proxies if not is_in_media_folder(row.root)]
        return adopt_folders(session, context.media_folder, own)

    for folder in transact(context.sessions, adopt):
        click.echo(f'"{folder}" is marked as a folder of this system')


def _make_pause_command(name: str, *, is_paused: bool, done: str, text: str) -> click.Command:
    @click.argument("name", shell_complete=complete_storages)
    @system_command
    def change(context: ProcessContext, name: str) -> None:
        def apply(session: Session) -> tuple[str, bool]:
            found = find_storage_by_name(session, name)
            return found.name, pause_storage(session, found, OPERATOR_ACTOR, is_paused=is_paused)

        found, is_changed = transact(context.sessions, apply)
        click.echo(f'storage "{found}" {done if is_changed else "was so already; nothing was changed"}')

    return click.command(name, help=text)(change)


storage.add_command(
    _make_pause_command(
        "pause",
        is_paused=True,
        done="is paused: nothing is read from its folder, and nothing is marked missing",
        text="Stop watching storage NAME; its assets stay as they are.",
    )
)
storage.add_command(
    _make_pause_command(
        "resume",
        is_paused=False,
        done="is watched again, beginning with a scan",
        text="Watch storage NAME again, beginning with a scan.",
    )
)


@storage.command("remove")
@click.argument("name")
@click.option("--keep-offline/--forget", default=True, help="Keep its assets, offline (default), or purge them.")
@yes_option
@system_command
def remove_one_storage(context: ProcessContext, name: str, keep_offline: bool, yes: bool) -> None:
    """Stop watching storage NAME for good; nothing is deleted from disk, which may be gone.

    Its assets stay with all that is attached to them, and come online again with their files, here or on another
    storage. With --forget, those with files nowhere else are purged.
    """
    with context.sessions() as session:
        purged = 0 if keep_offline else count_forgettable(session, find_storage_by_name(session, name))
    if purged and not yes:
        click.echo(f"{pluralize(purged, 'asset')} with comments, metadata and approvals will be purged; history stays")
        if not _confirm():
            raise click.Abort

    def remove(session: Session) -> str | None:
        job = remove_storage(session, find_storage_by_name(session, name), OPERATOR_ACTOR, forget=not keep_offline)
        return str(job.id) if job is not None else None

    job_id = transact(context.sessions, remove)
    becomes = "are purged" if purged else "stay, offline"
    work = f"; its assets {becomes}: job {job_id}" if job_id else ""
    click.echo(f'storage "{name}" was removed{work}')


@click.command()
@click.argument("name", required=False, shell_complete=complete_storages)
@system_command
def scan(context: ProcessContext, name: str | None) -> None:
    """Scan storage NAME, or all storages, now."""

    def ask(session: Session) -> list[str]:
        storages = (
            [find_storage_by_name(session, name)] if name else session.scalars(select(Storage).where(IS_PRESENT)).all()
        )
        request_scan(session, storages)
        return [row.name for row in storages]

    names = transact(context.sessions, ask)
    click.echo(
        f"scanning {', '.join(names)}" if names else "no storage to scan; add one first: tapeless storage add FOLDER"
    )


@storage.command()
@click.argument("name", shell_complete=complete_storages)
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


@storage.command()
@click.argument("name", shell_complete=complete_storages)
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
