"""Undo of manual grouping, from the previous state stored in the operation's history entry.

Files return as they left: only where the caller could move them there, because rights may have changed since."""

import uuid
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset, AssetStatus, FileSet, FileSetFile, Format
from models.catalog.history import History, Operation
from models.catalog.pin import Pin
from models.core.statements import in_array
from services.catalog.assets.assets import find_asset
from services.core.errors import Conflict
from services.core.history import record_history
from services.grouping.manual import count_asset_files, find_file_owners, mark_islands_dirty
from services.ingest.changeset import AssetUnmerge
from services.lifecycle.merge import unmerge_assets
from services.lifecycle.rights import require_transfer_rights


def undo_manual_grouping(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Undo the last manual operation on an asset that was not undone yet; the rules apply again.

    Raises:
        Conflict: there is no operation to undo.
    """
    entry = _last_manual_operation(session, asset_id)
    _require_return_rights(session, entry, actor)
    # Without pins the rules decide again. Files return to file sets that still exist; grouping assigns the others.
    session.execute(delete(Pin).where(Pin.act_id == entry.id))
    before = [(uuid.UUID(file_id), uuid.UUID(set_id)) for file_id, set_id in entry.details["before"]]
    standing = set(session.scalars(select(FileSet.id).where(in_array(FileSet.id, {set_id for _, set_id in before}))))
    for file_id, set_id in before:
        if set_id in standing:
            session.execute(update(FileSetFile).where(FileSetFile.file_id == file_id).values(file_set_id=set_id))
    source = session.get_one(Asset, entry.asset_id)
    told = f"Undone: {entry.operation_description}"
    if source.merged_into is not None:
        holder = source.merged_into
        session.flush()
        unmerge_assets(session, [AssetUnmerge(source.id, holder, entry.details.get("held", {}))])
        session.refresh(source)
        record_history(session, holder, Operation.CUSTOM, told, actor, details={"undid": str(entry.id)})
    _delete_empty_formats(session, entry.details["formats"], entry.details["created"])
    mark_islands_dirty(session, [file_id for file_id, _ in before])
    record_history(
        session,
        source.id,
        Operation.CUSTOM,
        told,
        actor,
        details={"undid": str(entry.id)},
    )
    return source


def _require_return_rights(session: Session, entry: History, actor: Actor) -> None:
    """Raise PermissionDenied unless the actor may move the files of an operation from where they are now back to its
    asset; NotFound for an asset that the actor may not read."""
    destination = session.get_one(Asset, entry.asset_id)
    owners = find_file_owners(session, [uuid.UUID(file_id) for file_id, _ in entry.details["before"]])
    returning = Counter(owner for owner in owners.values() if owner != destination.id)
    for owner in sorted(returning):
        holder = find_asset(session, actor, owner, lock=True)
        ends = returning[owner] == count_asset_files(session, owner)
        require_transfer_rights(session, actor, holder, destination, ends=ends)


def _delete_empty_formats(session: Session, formats: Sequence[str], created: str | None) -> None:
    # The triggers mark_file_set_delete, mark_format_delete and mark_asset_update mark the documents.
    ids = [uuid.UUID(format_id) for format_id in formats]
    used = select(FileSetFile.file_set_id).where(FileSetFile.file_set_id == FileSet.id).exists()
    session.execute(delete(FileSet).where(in_array(FileSet.format_id, ids), ~used))
    filled = select(FileSet.id).where(FileSet.format_id == Format.id).exists()
    session.execute(delete(Format).where(in_array(Format.id, ids), ~filled))
    if created is not None and count_asset_files(session, uuid.UUID(created)) == 0:
        session.execute(
            update(Asset)
            .where(Asset.id == uuid.UUID(created))
            .values(status=AssetStatus.DELETED, date_deleted=func.now(), is_online=False)
        )


def _last_manual_operation(session: Session, asset_id: uuid.UUID) -> History:
    acts = session.scalars(
        select(History)
        .where(
            History.details["act"].as_string() == "by hand",
            (History.asset_id == asset_id)
            | (History.details["created"].as_string() == str(asset_id))
            | (History.details["merged"].as_string() == str(asset_id)),
        )
        .order_by(History.id.desc())
    ).all()
    undone = set(session.scalars(select(History.details["undid"].as_string()).where(History.details.has_key("undid"))))
    for act in acts:
        if str(act.id) not in undone:
            return act
    title = session.scalar(select(Asset.title).where(Asset.id == asset_id))
    raise Conflict(f'asset "{title}": has no manual grouping to undo')
