"""Grouping by hand: split, merge and move files between assets, which later groupings respect.

An act changes the rows at once, pins its files where they now are, and marks their islands, so that what they left is
grouped again. Its history entry keeps what was before: that is all an undo needs.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from models.acl import AclEntry, Actor
from models.asset import Asset, AssetStatus, FileSet, FileSetFile, Format, FormatRole
from models.base import new_id
from models.bulk import among
from models.file import File, Folder
from models.history import Operation
from models.paths import display_text
from models.pin import Pin
from tasks.acl_templates import rights_from
from tasks.history import record
from tasks.merging import end_in
from tasks.refusals import Conflict, Missing, Refusal
from tasks.renditions import IS_RENDITION
from tasks.sentences import counted
from watch.grouping import regroup

MARK_ISLANDS = text("""
    UPDATE island SET seen = seen + 1, epoch = epoch + 1, stale_summaries = true, touched_at = clock_timestamp(),
        dirty_since = coalesce(dirty_since, now())
    WHERE id IN (SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)
""")

# A set that stays is counted by the grouping; one whose asset ends is read by nobody.
EMPTY = text("""
    UPDATE file_set SET file_count = 0, size_bytes = 0 WHERE id = ANY(:ids)
        AND NOT EXISTS (SELECT FROM file_set_file WHERE file_set_file.file_set_id = file_set.id)
""")


@dataclass(frozen=True, slots=True)
class Member:
    """A file in its place before an act."""

    file_id: uuid.UUID
    name: bytes
    island_id: int | None
    file_set: FileSet
    part: Format


@dataclass(slots=True)
class Act:
    """What one act did, collected while it goes on: history is append-only, so the entry is written last and whole."""

    source: Asset
    description: str
    id: uuid.UUID = field(default_factory=new_id)
    before: list[tuple[str, str]] = field(default_factory=list)
    """(file, file set) of every file that moved."""
    formats: list[str] = field(default_factory=list)
    """Formats that were made."""
    created: str | None = None
    merged: str | None = None
    held: dict[str, Any] = field(default_factory=dict)
    """What went over with it beside its files."""

    def write(self, session: Session, actor: Actor) -> None:
        """Put it into the source's history."""
        details = {"act": "by hand", "before": self.before, "formats": self.formats}
        details |= {"created": self.created, "merged": self.merged, "held": self.held}
        entry = record(session, self.source.id, Operation.CUSTOM, self.description, actor, details=details)
        entry.id = self.id


def split(session: Session, file_ids: Sequence[uuid.UUID], actor: Actor, title: str | None = None) -> Asset:
    """Make a new asset of files of one asset; each format that they come from becomes a format of the new one."""
    members = _members(session, file_ids)
    (source,) = _one_asset(session, members)
    if len(members) == count_files(session, source.id):
        raise Conflict(f'asset "{source.title}": these are all its files; give only those that are to leave it')
    made = Asset(
        id=new_id(),
        title=title or _title_of(members),
        title_by_hand=True,
        island_id=None,
        created_by_user=source.created_by_user,
    )
    session.add(made)
    session.flush()
    _copy_rights(session, source, made)
    act = Act(source, f'Split {_named(members)} off into "{made.title}".', created=str(made.id))
    for part in {member.part.id: member.part for member in members}.values():
        of_part = [member for member in members if member.part.id == part.id]
        destination = _new_format(session, made, part.role, _structure_of(session, part, of_part), part.name)
        _move_members(session, of_part, destination, act)
    act.write(session, actor)
    told = f'Created by hand from "{source.title}": {_named(members)}.'
    record(session, made.id, Operation.VERSION_CREATE, told, actor)
    return made


def move(session: Session, file_ids: Sequence[uuid.UUID], asset_id: uuid.UUID, actor: Actor) -> Asset:
    """Move files into another asset, as transcodes of it; sidecars stay sidecars."""
    members = _members(session, file_ids)
    target = _active(session, asset_id)
    for source in _one_asset(session, members):
        if source.id == target.id:
            raise Conflict(f'asset "{target.title}": holds {_named(members)} already')
        act = Act(source, f'Moved {_named(members)} to "{target.title}".')
        _move_formats(session, members, target, act)
        _end_if_empty(session, source, target, act)
        act.write(session, actor)
        record(session, target.id, Operation.ADD_FORMAT, f'Took {_named(members)} from "{source.title}".', actor)
    return target


def merge(session: Session, survivor_id: uuid.UUID, other_ids: Sequence[uuid.UUID], actor: Actor) -> Asset:
    """Make one asset of several: the first keeps its id, values and rights, the files of the others join it."""
    survivor = _active(session, survivor_id)
    for other_id in other_ids:
        other = _active(session, other_id)
        if other.id == survivor.id:
            raise Conflict(f'asset "{other.title}": cannot be merged with itself')
        files = session.scalars(
            select(FileSetFile.file_id).join(FileSet).where(FileSet.asset_id == other.id, ~IS_RENDITION)
        ).all()
        if not files:
            raise Conflict(f'asset "{other.title}": has no files to merge')
        members = _members(session, files)
        act = Act(other, f'Merged into "{survivor.title}" by hand.')
        _move_formats(session, members, survivor, act)
        _end_if_empty(session, other, survivor, act)
        act.write(session, actor)
        record(session, survivor.id, Operation.CUSTOM, f'Took in "{other.title}" by hand: {_named(members)}.', actor)
    return survivor


def owners_of(session: Session, file_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The asset of each file that is in one."""
    rows = select(FileSetFile.file_id, FileSet.asset_id).join(FileSet).where(among(FileSetFile.file_id, file_ids))
    return {row.file_id: row.asset_id for row in session.execute(rows)}


def _members(session: Session, file_ids: Sequence[uuid.UUID]) -> list[Member]:
    rows = session.execute(
        select(File.id, File.name, Folder.island_id, FileSet, Format)
        .join(Folder, Folder.id == File.folder_id)
        .join(FileSetFile, FileSetFile.file_id == File.id)
        .join(FileSet, FileSet.id == FileSetFile.file_set_id)
        .join(Format, Format.id == FileSet.format_id)
        .where(among(File.id, file_ids))
        .order_by(File.id)
    ).all()
    missing = set(file_ids) - {row[0] for row in rows}
    if missing or not rows:
        what = ", ".join(map(str, sorted(missing))) or "no file was given"
        raise Refusal(f"files: {what}: belong to no asset yet; `tapeless explain PATH` says why")
    return [Member(row[0], bytes(row[1]), row[2], row[3], row[4]) for row in rows]


def _one_asset(session: Session, members: Sequence[Member]) -> list[Asset]:
    ids = {member.part.asset_id for member in members}
    if len(ids) > 1:
        raise Refusal("files: belong to several assets; give the files of one asset at a time")
    return [_active(session, asset_id) for asset_id in ids]


def _active(session: Session, asset_id: uuid.UUID) -> Asset:
    """The asset, locked; a merged one stands for its survivor."""
    asset = session.get(Asset, asset_id)
    if asset is not None and asset.merged_into is not None:
        asset = session.get(Asset, asset.merged_into)
    if asset is None or asset.status is not AssetStatus.ACTIVE:
        raise Missing("asset", asset_id)
    session.refresh(asset, with_for_update=True)
    return asset


def _move_formats(session: Session, members: Sequence[Member], target: Asset, act: Act) -> None:
    for part in {member.part.id: member.part for member in members}.values():
        role = FormatRole.SIDECAR if part.role is FormatRole.SIDECAR else FormatRole.TRANSCODE
        of_part = [member for member in members if member.part.id == part.id]
        destination = _new_format(session, target, role, _structure_of(session, part, of_part), part.name)
        _move_members(session, of_part, destination, act)


def _copy_rights(session: Session, source: Asset, made: Asset) -> None:
    """Whoever could not see the files before does not see them now."""
    session.add_all(
        AclEntry(
            object_id=made.id,
            object_type="assets",
            principal_id=right.principal.id,
            principal_kind=right.principal.kind,
            permissions=list(right.permissions),
        )
        for right in rights_from(session, "assets", source.id)
    )


def _structure_of(session: Session, part: Format, members: Sequence[Member]) -> str:
    """A format that moves whole stays what it is; of a part of one, the names alone say what it is."""
    files = select(func.count()).select_from(FileSetFile).join(FileSet).where(FileSet.format_id == part.id)
    if session.scalar(files) == len(members):
        return part.structure
    return regroup(member.name for member in members).settled()[0].formats[0].kind


def _new_format(session: Session, asset: Asset, role: FormatRole, structure: str, name: str) -> Format:
    part = Format(
        id=new_id(),
        asset_id=asset.id,
        version_id=asset.id,
        name=name,
        role=role,
        structure=structure,
        rule="grouped by hand",
    )
    session.add(part)
    session.flush()
    return part


def _move_members(session: Session, members: Sequence[Member], part: Format, act: Act) -> None:
    """Give each old file set a twin in the new format, move the files there and pin them; facts follow by grouping."""
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
            told_count=len(files),
        )
        session.add(twin)
        session.flush()
        session.execute(update(FileSetFile).where(among(FileSetFile.file_id, files)).values(file_set_id=twin.id))
        session.execute(delete(Pin).where(among(Pin.file_id, files)))
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
    session.execute(EMPTY, {"ids": list({member.file_set.id for member in members})})
    mark_islands(session, [member.file_id for member in members])


def mark_islands(session: Session, file_ids: Sequence[uuid.UUID]) -> None:
    """Have the islands of files grouped again, whole."""
    islands = select(Folder.island_id).join(File, File.folder_id == Folder.id).where(among(File.id, file_ids))
    ids = sorted({island for island in session.scalars(islands) if island is not None})
    session.execute(MARK_ISLANDS, {"ids": ids})


def _end_if_empty(session: Session, source: Asset, target: Asset, act: Act) -> None:
    """An asset that lost its last file to another lives on under the other's id."""
    if count_files(session, source.id) == 0:
        session.flush()
        act.held = end_in(session, [(source.id, target.id)])[source.id]
        session.refresh(source)
        act.merged = str(target.id)


def count_files(session: Session, asset_id: uuid.UUID) -> int:
    """How many files an asset has, missing ones too, but none that Tapeless made of them."""
    members = (
        select(func.count()).select_from(FileSetFile).join(FileSet).where(FileSet.asset_id == asset_id, ~IS_RENDITION)
    )
    return session.scalar(members) or 0


def _named(members: Sequence[Member]) -> str:
    first = ", ".join(display_text(member.name) for member in members[:3])
    return first if len(members) <= 3 else f"{first} and {counted(len(members) - 3, 'more file')}"


def _title_of(members: Sequence[Member]) -> str:
    name = display_text(members[0].name)
    return name.rpartition(".")[0] or name
