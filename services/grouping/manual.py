"""Manual grouping: split, merge and move files between assets; later groupings respect it.

An operation never takes an asset from those who have rights on it, nor opens it to others: files leave an asset for
another only as `require_transfer_rights` allows, and an asset that is split off has the rights of its source.

An operation changes the rows at once, pins the files to their new place and marks their islands dirty, so that the
files left behind are grouped again. Its history entry stores the previous state for undo.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from grouping import group_paths
from models.access.acl import AclEntry, Actor
from models.catalog.asset import Asset, AssetStatus, FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File, Folder
from models.catalog.history import Operation
from models.catalog.pin import Pin
from models.core.base import new_id
from models.core.paths import display_path
from models.core.statements import in_array
from models.queues.island import mark_for_full_regroup
from services.access.acl_templates import grants_of_object
from services.core.errors import Conflict, DomainError, NotFound
from services.core.history import record_history
from services.core.text import pluralize
from services.lifecycle.merge import merge_into_survivors
from services.lifecycle.rights import require_transfer_rights
from services.renditions.registry import IS_RENDITION

# Only file sets that lost all files: counts of the others are updated by the next grouping.
# The trigger mark_file_set_update marks the documents.
ZERO_EMPTY_FILE_SETS = text("""
    UPDATE file_set SET file_count = 0, size_bytes = 0 WHERE id = ANY(:ids)
        AND NOT EXISTS (SELECT FROM file_set_file WHERE file_set_file.file_set_id = file_set.id)
""")

COPY_CARRYING_MEMBERSHIPS = text("""
    INSERT INTO collection_asset (collection_id, asset_id, carries_rights, mirrors_folder, position, added_by_user)
    SELECT collection_id, :made, true, mirrors_folder, position, added_by_user
    FROM collection_asset WHERE asset_id = :source AND carries_rights
""")


MANUAL_ACT = "manual_act"
"""Key in the details of a history entry: the id of the operation that it is about."""


@dataclass(frozen=True, slots=True)
class ManualMember:
    """File with its file set and format before an operation."""

    file_id: uuid.UUID
    name: bytes
    island_id: int | None
    file_set: FileSet
    part: Format


@dataclass(slots=True)
class ManualOperation:
    """Record of one operation, collected while it runs: history is append-only, so its entry is written last."""

    source: Asset
    description: str
    id: uuid.UUID = field(default_factory=new_id)
    before: list[tuple[str, str]] = field(default_factory=list)
    """(file id, previous file set id) of every moved file."""
    formats: list[str] = field(default_factory=list)
    """Ids of created formats."""
    created: str | None = None
    merged: str | None = None
    held: dict[str, Any] = field(default_factory=dict)
    """Dependents that moved with a merged asset."""

    @property
    def mention(self) -> dict[str, Any]:
        """What the history of the other asset says of the operation, which can be undone from there too."""
        return {MANUAL_ACT: str(self.id)}

    def write(self, session: Session, actor: Actor) -> None:
        """Append the entry to the source's history."""
        details: dict[str, Any] = {"act": "by hand", "before": self.before, "formats": self.formats}
        details |= {"created": self.created, "merged": self.merged, "held": self.held, **self.mention}
        entry = record_history(session, self.source.id, Operation.CUSTOM, self.description, actor, details=details)
        entry.id = self.id


def split_manually(session: Session, file_ids: Sequence[uuid.UUID], actor: Actor, title: str | None = None) -> Asset:
    """Create a new asset from files of one asset; each of their formats gets a counterpart in the new one."""
    members = _load_members(session, file_ids)
    (source,) = _lock_single_asset(session, members)
    if len(members) == count_asset_files(session, source.id):
        raise Conflict(f'asset "{source.title}": these are all its files; give only the files that are to leave it')
    made = Asset(
        id=new_id(),
        title=title or _title_of(members),
        title_by_hand=True,
        island_id=None,
        created_by_user=source.created_by_user,
    )
    session.add(made)  # the trigger mark_asset_insert marks the document
    session.flush()
    _copy_permissions(session, source, made)
    act = ManualOperation(source, f'Split {_list_member_names(members)} off into "{made.title}".', created=str(made.id))
    for part in {member.part.id: member.part for member in members}.values():
        of_part = [member for member in members if member.part.id == part.id]
        destination = _create_manual_format(session, made, part.role, _structure_of(session, part, of_part), part.name)
        _move_and_pin_members(session, of_part, destination, act)
    act.write(session, actor)
    told = f'Created by hand from "{source.title}": {_list_member_names(members)}.'
    record_history(session, made.id, Operation.VERSION_CREATE, told, actor, details=act.mention)
    return made


def move_manually(session: Session, file_ids: Sequence[uuid.UUID], asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Move files into another asset as its transcodes; sidecars stay sidecars."""
    members = _load_members(session, file_ids)
    target = _lock_active_asset(session, asset_id)
    for source in _lock_single_asset(session, members):
        if source.id == target.id:
            raise Conflict(f'asset "{target.title}": holds {_list_member_names(members)} already')
        ends = len(members) == count_asset_files(session, source.id)
        require_transfer_rights(session, actor, source, target, ends=ends)
        act = ManualOperation(source, f'Moved {_list_member_names(members)} to "{target.title}".')
        _move_formats(session, members, target, act)
        _merge_if_empty(session, source, target, act)
        act.write(session, actor)
        record_history(
            session,
            target.id,
            Operation.ADD_FORMAT,
            f'Took {_list_member_names(members)} from "{source.title}".',
            actor,
            details=act.mention,
        )
    return target


def merge_manually(session: Session, survivor_id: uuid.UUID, other_ids: Sequence[uuid.UUID], actor: Actor) -> Asset:
    """Merge assets into the survivor, which keeps its id, values and permissions and gets the files of the others."""
    survivor = _lock_active_asset(session, survivor_id)
    for other_id in other_ids:
        other = _lock_active_asset(session, other_id)
        if other.id == survivor.id:
            raise Conflict(f'asset "{other.title}": cannot be merged with itself')
        files = session.scalars(
            select(FileSetFile.file_id).join(FileSet).where(FileSet.asset_id == other.id, ~IS_RENDITION)
        ).all()
        if not files:
            raise Conflict(f'asset "{other.title}": has no files to merge')
        require_transfer_rights(session, actor, other, survivor, ends=True)
        members = _load_members(session, files)
        act = ManualOperation(other, f'Merged into "{survivor.title}" by hand.')
        _move_formats(session, members, survivor, act)
        _merge_if_empty(session, other, survivor, act)
        act.write(session, actor)
        record_history(
            session,
            survivor.id,
            Operation.CUSTOM,
            f'Took in "{other.title}" by hand: {_list_member_names(members)}.',
            actor,
            details=act.mention,
        )
    return survivor


def find_file_owners(session: Session, file_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return asset ids by file id; files without an asset are left out."""
    rows = select(FileSetFile.file_id, FileSet.asset_id).join(FileSet).where(in_array(FileSetFile.file_id, file_ids))
    return {row.file_id: row.asset_id for row in session.execute(rows)}


def _load_members(session: Session, file_ids: Sequence[uuid.UUID]) -> list[ManualMember]:
    rows = session.execute(
        select(File.id, File.name, Folder.island_id, FileSet, Format)
        .join(Folder, Folder.id == File.folder_id)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .join(Format, Format.id == FileSet.format_id)
        .where(in_array(File.id, file_ids))
        .order_by(File.id)
    ).all()
    missing = set(file_ids) - {row[0] for row in rows}
    if missing or not rows:
        what = ", ".join(map(str, sorted(missing))) or "no file was given"
        raise DomainError(f"files: {what}: belong to no asset yet; `tapeless explain PATH` says why")
    return [ManualMember(row[0], bytes(row[1]), row[2], row[3], row[4]) for row in rows]


def _lock_single_asset(session: Session, members: Sequence[ManualMember]) -> list[Asset]:
    ids = {member.part.asset_id for member in members}
    if len(ids) > 1:
        raise DomainError("files: belong to several assets; give the files of one asset at a time")
    return [_lock_active_asset(session, asset_id) for asset_id in ids]


def _lock_active_asset(session: Session, asset_id: uuid.UUID) -> Asset:
    """Return the active asset, or the survivor of a merged one, locked until the transaction ends."""
    asset = session.get(Asset, asset_id)
    if asset is not None and asset.merged_into is not None:
        asset = session.get(Asset, asset.merged_into)
    if asset is None or asset.status is not AssetStatus.ACTIVE:
        raise NotFound("asset", asset_id)
    # FOR UPDATE: serializes operations on the asset with each other, with purge and with automatic merges.
    session.refresh(asset, with_for_update=True)
    return asset


def _move_formats(session: Session, members: Sequence[ManualMember], target: Asset, act: ManualOperation) -> None:
    for part in {member.part.id: member.part for member in members}.values():
        role = FormatRole.SIDECAR if part.role is FormatRole.SIDECAR else FormatRole.TRANSCODE
        of_part = [member for member in members if member.part.id == part.id]
        destination = _create_manual_format(session, target, role, _structure_of(session, part, of_part), part.name)
        _move_and_pin_members(session, of_part, destination, act)


def _copy_permissions(session: Session, source: Asset, made: Asset) -> None:
    """Copy the permissions of the source, those of collections too, so that a split neither grants nor takes access."""
    # The trigger mark_acl_entry_insert marks the document.
    session.add_all(
        AclEntry(
            object_id=made.id,
            object_type="assets",
            principal_id=right.principal.id,
            principal_kind=right.principal.kind,
            permissions=list(right.permissions),
        )
        for right in grants_of_object(session, "assets", source.id)
    )
    # The trigger mark_collection_asset_insert marks the document.
    session.execute(COPY_CARRYING_MEMBERSHIPS, {"source": source.id, "made": made.id})


def _structure_of(session: Session, part: Format, members: Sequence[ManualMember]) -> str:
    """Return the structure of the moved members: that of the format if it moves whole, or else derived from names."""
    files = select(func.count()).select_from(FileSetFile).join(FileSet).where(FileSet.format_id == part.id)
    if session.scalar(files) == len(members):
        return part.structure
    return group_paths(member.name for member in members).settled()[0].formats[0].kind


def _create_manual_format(session: Session, asset: Asset, role: FormatRole, structure: str, name: str) -> Format:
    part = Format(
        id=new_id(),
        asset_id=asset.id,
        version_id=asset.id,
        name=name,
        role=role,
        structure=structure,
        rule="grouped by hand",
    )
    session.add(part)  # the trigger mark_format_insert marks the document
    session.flush()
    return part


def _move_and_pin_members(
    session: Session, members: Sequence[ManualMember], part: Format, act: ManualOperation
) -> None:
    """Move files to new file sets in the format, one per old file set, and pin them; grouping fills the summaries."""
    act.before.extend((str(member.file_id), str(member.file_set.id)) for member in members)
    act.formats.append(str(part.id))
    for old in {member.file_set.id: member.file_set for member in members}.values():
        files = [member.file_id for member in members if member.file_set.id == old.id]
        twin = FileSet(
            id=new_id(),
            asset_id=part.asset_id,
            format_id=part.id,
            version_id=part.asset_id,
            storage_id=old.storage_id,
            island_id=old.island_id,
            label=old.label,
            name=old.name,
            base_dir=old.base_dir,
            type=old.type,
            file_count=len(files),
            reported_count=len(files),
        )
        session.add(twin)  # the trigger mark_file_set_insert marks the document; file_set_file has no trigger
        session.flush()
        session.execute(update(FileSetFile).where(in_array(FileSetFile.file_id, files)).values(file_set_id=twin.id))
        session.execute(delete(Pin).where(in_array(Pin.file_id, files)))
        session.add_all(
            Pin(
                file_id=file_id,
                asset_id=part.asset_id,
                format_id=part.id,
                label=old.label,
                role=part.role,
                structure=part.structure,
                act_id=act.id,
            )
            for file_id in files
        )
    session.flush()
    session.execute(ZERO_EMPTY_FILE_SETS, {"ids": list({member.file_set.id for member in members})})
    mark_islands_dirty(session, [member.file_id for member in members])


def mark_islands_dirty(session: Session, file_ids: Sequence[uuid.UUID]) -> None:
    """Mark the islands of files dirty, to be read whole."""
    islands = select(Folder.island_id).join(File, File.folder_id == Folder.id).where(in_array(File.id, file_ids))
    mark_for_full_regroup(session, (island for island in session.scalars(islands) if island is not None))


def _merge_if_empty(session: Session, source: Asset, target: Asset, act: ManualOperation) -> None:
    """Merge the source into the target if it has no files left."""
    if count_asset_files(session, source.id) == 0:
        session.flush()
        act.held = merge_into_survivors(session, [(source.id, target.id)])[source.id]
        session.refresh(source)
        act.merged = str(target.id)


def count_asset_files(session: Session, asset_id: uuid.UUID) -> int:
    """Return the number of files of an asset, including missing ones but not renditions."""
    members = (
        select(func.count()).select_from(FileSetFile).join(FileSet).where(FileSet.asset_id == asset_id, ~IS_RENDITION)
    )
    return session.scalar(members) or 0


def _list_member_names(members: Sequence[ManualMember]) -> str:
    first = ", ".join(display_path(member.name) for member in members[:3])
    return first if len(members) <= 3 else f"{first} and {pluralize(len(members) - 3, 'more file')}"


def _title_of(members: Sequence[ManualMember]) -> str:
    name = display_path(members[0].name)
    return name.rpartition(".")[0] or name
