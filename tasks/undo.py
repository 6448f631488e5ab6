"""Undo of manual grouping, from the previous state stored in the operation's history entry."""

import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from models.acl import Actor
from models.asset import Asset, AssetStatus, FileSet, FileSetFile, Format
from models.bulk import among
from models.history import History, Operation
from models.pin import Pin
from tasks.by_hand import count_files, mark_islands
from tasks.history import record
from tasks.holdings import Return
from tasks.merging import bring_back
from tasks.refusals import Conflict


def undo(session: Session, asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Undo the last manual operation on an asset that was not undone yet; the rules apply again.

    Raises:
        Conflict: there is no operation to undo.
    """
    entry = _last_act(session, asset_id)
    # Without pins the rules decide again. Files return to file sets that still exist; grouping assigns the others.
    session.execute(delete(Pin).where(Pin.act_id == entry.id))
    before = [(uuid.UUID(file_id), uuid.UUID(set_id)) for file_id, set_id in entry.details["before"]]
    standing = set(session.scalars(select(FileSet.id).where(among(FileSet.id, {set_id for _, set_id in before}))))
    for file_id, set_id in before:
        if set_id in standing:
            session.execute(update(FileSetFile).where(FileSetFile.file_id == file_id).values(file_set_id=set_id))
    source = session.get_one(Asset, entry.asset_id)
    told = f"Took back: {entry.operation_description}"
    if source.merged_into is not None:
        holder = source.merged_into
        session.flush()
        bring_back(session, [Return(source.id, holder, entry.details.get("held", {}))])
        session.refresh(source)
        record(session, holder, Operation.CUSTOM, told, actor)
    _drop_empty(session, entry.details["formats"], entry.details["created"])
    mark_islands(session, [file_id for file_id, _ in before])
    record(
        session,
        source.id,
        Operation.CUSTOM,
        told,
        actor,
        details={"undid": str(entry.id)},
    )
    return source


def _drop_empty(session: Session, formats: Sequence[str], created: str | None) -> None:
    # The triggers mark_file_set_delete, mark_format_delete and mark_asset_update mark the documents.
    ids = [uuid.UUID(format_id) for format_id in formats]
    used = select(FileSetFile.file_set_id).where(FileSetFile.file_set_id == FileSet.id).exists()
    session.execute(delete(FileSet).where(among(FileSet.format_id, ids), ~used))
    filled = select(FileSet.id).where(FileSet.format_id == Format.id).exists()
    session.execute(delete(Format).where(among(Format.id, ids), ~filled))
    if created is not None and count_files(session, uuid.UUID(created)) == 0:
        session.execute(
            update(Asset)
            .where(Asset.id == uuid.UUID(created))
            .values(status=AssetStatus.DELETED, date_deleted=func.now(), is_online=False)
        )


def _last_act(session: Session, asset_id: uuid.UUID) -> History:
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
    raise Conflict(f'asset "{title}": nothing of it was grouped by hand, or all of that was taken back')
