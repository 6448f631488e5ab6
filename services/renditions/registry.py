"""Rendition registry: write an encoded file as another format of the same asset, with file set and file.

Such a file set belongs to no island, so no grouping changes it, and no watcher scans its folder: on proxy storages the
rows of files and folders are written here only. A repeated rendition keeps its format, file set and file ids, so that
shares and other systems can keep referring to them.
"""

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, exists, func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor
from models.catalog.asset import Asset, Component, FileSet, FileSetFile, Format, FormatRole
from models.catalog.file import File, FileStatus, Folder, read_folder_paths
from models.catalog.history import Operation
from models.catalog.storage import Storage
from models.core.base import new_id
from services.catalog.assets.format_warnings import (
    WarningSource,
    load_warnings_of_source,
    replace_format_warnings,
)
from services.core.history import record_history
from services.core.text import label_structure
from services.renditions.paths import RenditionPath, ensure_folder_rows

RENDITION_RULE = "transcode"
"""Value of a format's `rule`, instead of the name of a grouping rule."""
IS_RENDITION = exists().where(Format.id == FileSet.format_id, Format.rule == RENDITION_RULE)
"""Condition on a file set."""
ORIGIN_KEY = "transcode"
"""Key in a format's `media` of what it was made from."""
OUTDATED_WARNING = "it is older than what it was made of; transcode it again"

RENDITIONS_OF_FORMATS = text("""
    SELECT id, name, media -> 'transcode' AS kept FROM format
    WHERE asset_id = ANY(CAST(:assets AS uuid[])) AND rule = 'transcode'
        AND media #>> '{transcode,format}' = ANY(CAST(:formats AS text[]))
    ORDER BY id
""")
# mark_format_update marks the documents of the assets.
ADD_OUTDATED_WARNING = text("""
    UPDATE format SET warnings = array_append(warnings, :older), date_modified = now()
    WHERE id = ANY(CAST(:formats AS uuid[])) AND NOT :older = ANY(warnings)
""")


FORMATS_WITH_FAILURES = text("""
    SELECT id FROM format WHERE id = ANY(CAST(:formats AS uuid[])) AND media ? 'rendition_warnings' ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class EncodedRendition:
    """An encoded file, and what it was made from."""

    source_id: uuid.UUID
    """The source format."""
    profile: str
    by_hand: bool
    state: Mapping[str, str]
    place: RenditionPath
    stat: os.stat_result
    facts: Mapping[str, Any]
    """Facts of the encoded file's header."""
    warnings: Sequence[str]
    description: str


def find_rendition(session: Session, source: Format, profile: str) -> Format | None:
    """Lock and return the rendition of a format in a profile."""
    return session.scalar(
        select(Format)
        .where(
            Format.asset_id == source.asset_id,
            Format.rule == RENDITION_RULE,
            Format.name == profile,
            Format.media[ORIGIN_KEY]["format"].astext == str(source.id),
        )
        .order_by(Format.id)
        .limit(1)
        .with_for_update()
    )


def register_rendition(session: Session, made: EncodedRendition, actor: Actor, job_id: uuid.UUID) -> Path | None:
    """Write the rows of a rendition with their history; return the folder of the file that it replaces.

    The caller holds the job's lease. Raises LookupError, before any write, if the source format is gone.
    """
    source = session.get(Format, made.source_id)
    if source is None:
        raise LookupError(made.source_id)
    # Lock the asset first, as other writers do: two runs register one after the other, and a purge waits.
    session.get(Asset, source.asset_id, with_for_update={"key_share": True})
    found = find_rendition(session, source, made.profile)
    is_new = found is None
    part = _create_format(session, source, made) if found is None else found
    # One requested by a user is not remade automatically, unless its storage requires it.
    origin = {"profile": made.profile, "format": str(source.id), "by_hand": made.by_hand, "state": dict(made.state)}
    part.media = {**part.media, ORIGIN_KEY: origin}
    part.warnings, part.is_online = list(made.warnings), True
    part.date_modified = func.now()
    # mark_format_*, mark_file_set_* and mark_component_* mark the asset's document.
    group, replaced = _write_file_rows(session, part, made)
    _write_components(session, part, group, made.facts)
    if is_new:
        added = f'format "{part.name}" was added: a rendition of the {label_structure(source.structure)}'
        record_history(session, part.asset_id, Operation.ADD_FORMAT, added, actor, job_id=job_id)
    record_history(session, part.asset_id, Operation.TRANSCODE, made.description, actor, job_id=job_id)
    record_rendition_failure(session, source.id, made.profile, None)
    session.flush()
    return replaced


def record_rendition_failure(session: Session, source_id: uuid.UUID, profile: str, reason: str | None) -> None:
    """Warn on a format that no rendition of it could be made in a profile; None: it was made."""
    begin = f'no rendition "{profile}" could be made'
    before = load_warnings_of_source(session, source_id, WarningSource.RENDITIONS)
    now = [said for said in before if said.partition(":")[0] != begin]
    if reason is not None:
        now.append(f"{begin}: {reason}")
    replace_format_warnings(session, WarningSource.RENDITIONS, {source_id: now})


def forget_rendition_failures(session: Session, formats: Sequence[uuid.UUID]) -> None:
    """End these warnings of formats that were read again: renditions are tried again."""
    failed = session.scalars(FORMATS_WITH_FAILURES, {"formats": list(formats)}).all()
    if failed:
        replace_format_warnings(session, WarningSource.RENDITIONS, dict.fromkeys(failed, ()))


def _create_format(session: Session, source: Format, made: EncodedRendition) -> Format:
    part = Format(
        id=new_id(),
        asset_id=source.asset_id,
        version_id=source.version_id,
        name=made.profile,
        role=FormatRole.TRANSCODE,
        structure="single",
        rule=RENDITION_RULE,
        media={},
    )
    # mark_format_insert marks the asset's document.
    session.add(part)
    session.flush()
    return part


def _write_file_rows(session: Session, part: Format, made: EncodedRendition) -> tuple[FileSet, Path | None]:
    """Write file set and file: update the existing rows or create new ones."""
    folder_id = ensure_folder_rows(session, made.place)
    # mark_file_set_insert or mark_file_set_update marks the asset's document; file and file_set_file have no trigger.
    group = session.scalar(select(FileSet).where(FileSet.format_id == part.id).order_by(FileSet.id).limit(1))
    if group is None:
        group = FileSet(id=new_id(), asset_id=part.asset_id, format_id=part.id, version_id=part.version_id, name="")
        session.add(group)
    member = session.scalar(select(FileSetFile).where(FileSetFile.file_set_id == group.id).limit(1))
    file = session.get(File, member.file_id) if member is not None else None
    replaced = None if file is None else _find_current_folder(session, file)
    if file is None:
        file = File(id=new_id(), seen=0, content_seen=0, status=FileStatus.CLOSED, media_class="video")
        session.add(file)
    file.folder_id, file.name = folder_id, made.place.name.encode()
    file.size, file.mtime_ns = made.stat.st_size, made.stat.st_mtime_ns
    file.device, file.inode = made.stat.st_dev, made.stat.st_ino
    file.status, file.digest = FileStatus.CLOSED, None
    file.date_modified = func.now()
    group.storage_id, group.name, group.names = made.place.storage_id, made.place.name, made.place.name
    group.base_dir = "/".join(made.place.folders)
    group.file_count = group.reported_count = 1
    group.size_bytes = made.stat.st_size
    group.changed_at = group.date_modified = func.now()
    session.flush()
    if member is None:
        session.add(FileSetFile(file_id=file.id, file_set_id=group.id, counted_bytes=file.size))
    else:
        member.counted_bytes = file.size
    return group, replaced


def _find_current_folder(session: Session, file: File) -> Path:
    """Return the current folder of the file; the caller deletes it after the commit."""
    folder = session.get_one(Folder, file.folder_id)
    storage = session.get_one(Storage, folder.storage_id)
    return Path(os.fsdecode(storage.place), os.fsdecode(read_folder_paths(session, [folder.id])[folder.id]))


def _write_components(session: Session, part: Format, group: FileSet, facts: Mapping[str, Any]) -> None:
    """Replace the components of a rendition, in the form that probed files have."""
    # mark_component_delete and mark_component_insert mark the asset's document.
    session.execute(delete(Component).where(Component.format_id == part.id))
    general = {name: value for name, value in facts.items() if name not in ("streams", "tags")}
    told = [("General", "GENERAL", general)]
    told += [(f"{one['type'].lower()} {one['index'] + 1}", one["type"], dict(one)) for one in facts["streams"]]
    for name, kind, media in told:
        session.add(
            Component(
                id=new_id(),
                format_id=part.id,
                file_set_id=group.id,
                name=name,
                type=kind,
                media=media,
                language=None,
                flags=[],
                from_header=True,
            )
        )


def load_renditions(
    session: Session, assets: Sequence[uuid.UUID], formats: Sequence[uuid.UUID]
) -> list[tuple[uuid.UUID, str, dict[str, Any]]]:
    """Load id, profile and origin of the renditions of these formats."""
    asked = {"assets": list(assets), "formats": [str(one) for one in formats]}
    rows = session.execute(RENDITIONS_OF_FORMATS, asked)
    return [(row.id, row.name, row.kept if isinstance(row.kept, dict) else json.loads(row.kept)) for row in rows]


def mark_outdated(session: Session, formats: Sequence[uuid.UUID]) -> None:
    """Add a warning to renditions requested by users that their source has changed since."""
    session.execute(ADD_OUTDATED_WARNING, {"formats": list(formats), "older": OUTDATED_WARNING})


# mark_format_update, and mark_file_set_update for the next statement, mark the documents of both assets.
MOVE_RENDITIONS_TO_SOURCES = text("""
    UPDATE format SET asset_id = source.asset_id, version_id = source.version_id
    FROM format AS source JOIN asset ON asset.id = source.asset_id AND asset.merged_into IS NULL
    WHERE format.rule = 'transcode' AND source.id = CAST(format.media #>> '{transcode,format}' AS uuid)
        AND source.asset_id <> format.asset_id
    RETURNING format.id
""")
"""Grouping moves only formats of scanned files back; renditions have to follow them."""

MOVE_RENDITION_FILE_SETS = text("""
    UPDATE file_set SET asset_id = format.asset_id, version_id = format.version_id FROM format
    WHERE format.id = file_set.format_id AND format.id = ANY(CAST(:formats AS uuid[]))
""")


def move_renditions_to_sources(session: Session) -> int:
    """Move renditions to the assets of their sources after a split; return the number of formats moved."""
    lost = session.scalars(MOVE_RENDITIONS_TO_SOURCES).all()
    if lost:
        session.execute(MOVE_RENDITION_FILE_SETS, {"formats": lost})
    return len(lost)
