"""`tapeless asset`: manual grouping, for assets that the rules do not recognise."""

import os
import shlex
import uuid
from pathlib import Path

import click
from sqlalchemy.orm import Session

from models.core.paths import display_path
from models.core.sessions import transact
from services.core.errors import DomainError
from services.grouping import manual
from services.grouping.undo import undo_manual_grouping as undo_act
from services.operations.asset_report import find_asset_by_word
from services.operations.explain import find_file_row
from services.storages.storages import find_storage_of_path, relative_to_storage
from workers.celery.context import ProcessContext
from workers.commands.completion import complete_assets
from workers.commands.options import shell_actor, system_command

files_argument = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@click.group()
def asset() -> None:
    """Split, merge and move files manually; later groupings respect that, and `undo` reverts it."""


@asset.command()
@files_argument
@click.option("--title", help="Title of the new asset (default: the first file's name).")
@system_command
def split(context: ProcessContext, files: tuple[Path, ...], title: str | None) -> None:
    """Make FILES an asset of their own."""
    made = transact(context.sessions, lambda s: manual.split_manually(s, _files(s, files), shell_actor(), title))
    click.echo(f'"{made.title}" ({made.id}) is an asset of its own')


@asset.command()
@click.argument("survivor", shell_complete=complete_assets)
@click.argument("others", nargs=-1, required=True, shell_complete=complete_assets)
@system_command
def merge(context: ProcessContext, survivor: str, others: tuple[str, ...]) -> None:
    """Merge OTHERS into SURVIVOR, which keeps its id."""

    def act(session: Session) -> str:
        first = find_asset_by_word(session, survivor)
        ids = [find_asset_by_word(session, other).id for other in others]
        manual.merge_manually(session, first.id, ids, shell_actor())
        return first.title

    click.echo(f'"{transact(context.sessions, act)}" holds the files of all')


@asset.command()
@files_argument
@click.option("--to", "target", required=True, metavar="ASSET", help="Id, external id or title of the asset.")
@system_command
def move(context: ProcessContext, files: tuple[Path, ...], target: str) -> None:
    """Move FILES into another asset, as an additional format."""
    moved = transact(
        context.sessions,
        lambda s: manual.move_manually(s, _files(s, files), find_asset_by_word(s, target).id, shell_actor()),
    )
    click.echo(f'"{moved.title}" holds {"it" if len(files) == 1 else "them"} now')


@asset.command()
@click.argument("asset", shell_complete=complete_assets)
@system_command
def undo(context: ProcessContext, asset: str) -> None:
    """Undo the last split, merge or move of ASSET."""
    restored = transact(context.sessions, lambda s: undo_act(s, find_asset_by_word(s, asset).id, shell_actor()))
    click.echo(f'"{restored.title}" is grouped by the rules again')


def _files(session: Session, paths: tuple[Path, ...]) -> list[uuid.UUID]:
    return [_file_id(session, path) for path in paths]


def _file_id(session: Session, path: Path) -> uuid.UUID:
    absolute = os.path.join(os.path.realpath(os.fsencode(path.parent)), os.fsencode(path.name))
    storage = find_storage_of_path(session, absolute)
    if os.path.isdir(absolute):
        raise DomainError(
            f'"{display_path(absolute)}" is a folder; give the files in it, such as {shlex.quote(str(path))}/*'
        )
    if storage is None:
        raise DomainError(
            f'file "{display_path(absolute)}": is in no watched folder; `tapeless storage list` shows them'
        )
    row = find_file_row(session, storage, relative_to_storage(storage, absolute) or b"")
    if row is None:
        raise DomainError(
            f'file "{display_path(absolute)}": is not recorded; see tapeless explain {shlex.quote(str(path))}'
        )
    return row.id
