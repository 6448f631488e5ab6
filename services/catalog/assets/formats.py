"""Formats, components and file sets that clients declare, and durations of assets.

Formats that grouping derives from files are read-only here: users change them by moving files or by pinning.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.access.acl import Actor, is_format_visible
from models.catalog.asset import Asset, Component, FileSet, Format, FormatRole
from models.catalog.history import Operation
from models.catalog.storage import Storage
from models.core.base import new_id
from services.catalog.assets.assets import get_asset_for_update
from services.core.errors import Conflict, ValidationFailed, require_found
from services.core.history import record_history
from services.core.rows import load, load_grouped

DECLARED_RULE = "declared"
"""Value of a format's `rule` if a client declared it; grouped formats have the name of a grouping rule there."""
TRANSCODED_RULE = "transcode"
"""Value of `rule` for a rendition that Tapeless made; its file is deleted some time after its rows."""
ORIGINAL_FORMAT_NAME = "ORIGINAL"
"""Name by which clients know the delivered format; every other one is made from it."""


def find_format(session: Session, asset: Asset, format_id: uuid.UUID) -> Format:
    """Return a format of this asset."""
    return load(session, Format, format_id, "format", asset_id=asset.id)


def find_visible_format(session: Session, actor: Actor, asset: Asset, format_id: uuid.UUID) -> Format:
    """Return a format of this asset that the actor may see: a share opens only its own."""
    found = session.scalar(
        select(Format).where(Format.id == format_id, Format.asset_id == asset.id, is_format_visible(actor, Format.id))
    )
    return require_found(found, "format", format_id)


def find_file_set(session: Session, asset: Asset, file_set_id: uuid.UUID) -> FileSet:
    """Return a file set of this asset."""
    return load(session, FileSet, file_set_id, "file set", asset_id=asset.id)


def find_component(session: Session, of: Format, component_id: uuid.UUID) -> Component:
    """Return a component of this format."""
    return load(session, Component, component_id, "component", format_id=of.id)


def add_format(
    session: Session,
    asset_id: uuid.UUID,
    name: str,
    components: Sequence[Component],
    metadata: Sequence[Mapping[str, Any]],
    actor: Actor,
) -> Format:
    """Declare a format of an asset."""
    asset = get_asset_for_update(session, actor, asset_id)
    # Triggers mark_format_* and mark_component_* queue the asset's document for indexing.
    made = Format(
        id=new_id(),
        asset_id=asset.id,
        version_id=asset.id,
        name=name,
        role=FormatRole.ORIGINAL if name.upper() == ORIGINAL_FORMAT_NAME else FormatRole.TRANSCODE,
        structure="other",
        rule=DECLARED_RULE,
        media={"metadata": list(metadata)} if metadata else {},
    )
    session.add(made)
    session.flush()
    for component in components:
        component.format_id = made.id
    session.add_all(components)
    record_history(session, asset.id, Operation.ADD_FORMAT, f'format "{name}" was added', actor)
    session.flush()
    return made


def rename_format(session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, name: str, actor: Actor) -> Format:
    """Rename a declared format."""
    asset = get_asset_for_update(session, actor, asset_id)
    found = find_format(session, asset, format_id)
    if found.name != name:
        _refuse_grouped(found)
        record_history(session, asset.id, Operation.CUSTOM, f'format "{found.name}" is now named "{name}"', actor)
        # Trigger mark_format_update queues the asset's document.
        found.name = name
        found.date_modified = func.now()
        session.flush()
    return found


def remove_format(session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, actor: Actor) -> None:
    """Remove a declared format, or a rendition that Tapeless made, with its file sets."""
    asset = get_asset_for_update(session, actor, asset_id)
    found = find_format(session, asset, format_id)
    if found.rule != TRANSCODED_RULE:
        _refuse_grouped(found)
    # Trigger mark_format_delete queues the asset's document.
    session.delete(found)
    record_history(session, asset.id, Operation.DELETE_FORMAT, f'format "{found.name}" was removed', actor)


def _refuse_grouped(found: Format) -> None:
    if found.rule != DECLARED_RULE:
        raise Conflict(f'the format "{found.name}" is what its files on the storage say; change those')


def add_component(
    session: Session, asset_id: uuid.UUID, format_id: uuid.UUID, made: Component, actor: Actor
) -> Component:
    """Declare a component of a format."""
    asset = get_asset_for_update(session, actor, asset_id)
    of = find_format(session, asset, format_id)
    made.format_id = of.id
    # Trigger mark_component_insert queues the asset's document if the component has metadata.
    session.add(made)
    record_history(session, asset.id, Operation.CUSTOM, f'format "{of.name}": component "{made.name}" was added', actor)
    session.flush()
    return made


def update_component(
    session: Session,
    asset_id: uuid.UUID,
    format_id: uuid.UUID,
    component_id: uuid.UUID,
    new: Component,
    actor: Actor,
) -> Component:
    """Update a declared component."""
    asset = get_asset_for_update(session, actor, asset_id)
    of = find_format(session, asset, format_id)
    found = find_component(session, of, component_id)
    _refuse_grouped(of)
    found.name, found.type, found.media = new.name, new.type, new.media
    record_history(
        session, asset.id, Operation.CUSTOM, f'format "{of.name}": component "{new.name}" was changed', actor
    )
    session.flush()
    return found


def add_file_set(
    session: Session, asset_id: uuid.UUID, made: FileSet, component_ids: Sequence[uuid.UUID], actor: Actor
) -> FileSet:
    """Declare a file set of a format, with the components that it contains."""
    asset = get_asset_for_update(session, actor, asset_id)
    of = find_format(session, asset, made.format_id)
    if made.storage_id is not None and session.get(Storage, made.storage_id) is None:
        raise ValidationFailed("storage_id", f"storage {made.storage_id} does not exist")
    # Trigger mark_file_set_insert queues the asset's document for indexing.
    made.asset_id = made.version_id = asset.id
    session.add(made)
    session.flush()
    for component_id in component_ids:
        find_component(session, of, component_id).file_set_id = made.id
    record_history(
        session, asset.id, Operation.MODIFY_FILESET, f'file set "{made.name}" was added to "{of.name}"', actor
    )
    session.flush()
    return made


def find_declared_file_set(session: Session, asset: Asset, file_set_id: uuid.UUID) -> FileSet:
    """Return a file set that a client declared; Conflict for one that grouping made."""
    found = find_file_set(session, asset, file_set_id)
    if found.island_id is not None:
        raise Conflict(f'the file set "{found.name}" is what its files on the storage say; change those')
    return found


def remove_file_set(session: Session, asset_id: uuid.UUID, file_set_id: uuid.UUID, actor: Actor) -> None:
    """Remove a declared file set; no file is deleted from disk."""
    asset = get_asset_for_update(session, actor, asset_id)
    found = find_declared_file_set(session, asset, file_set_id)
    # Trigger mark_file_set_delete queues the asset's document.
    session.delete(found)
    record_history(session, asset.id, Operation.DELETE_FILESET, f'file set "{found.name}" was removed', actor)


def components_by_format(session: Session, format_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Component]]:
    """Load the components of many formats in one query."""
    query = select(Component.format_id, Component).where(Component.format_id.in_(format_ids)).order_by(Component.id)
    return load_grouped(session, query, format_ids)


def component_ids_by_file_set(session: Session, file_set_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Load the ids of components of many file sets in one query."""
    query = select(FileSet.id, Component.id).join(Component, Component.file_set_id == FileSet.id)
    return load_grouped(session, query.where(FileSet.id.in_(file_set_ids)).order_by(Component.id), file_set_ids)


SELECT_DURATIONS = text("""
    SELECT format.asset_id, max(CAST(component.media ->> 'duration_milliseconds' AS bigint)) AS milliseconds
    FROM format JOIN component ON component.format_id = format.id AND component.type = 'GENERAL'
    WHERE format.asset_id = ANY(CAST(:assets AS uuid[])) AND format.role = 'original'
        AND component.from_header AND component.media ? 'duration_milliseconds'
    GROUP BY format.asset_id
""")


def load_asset_durations(session: Session, assets: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the duration of assets in milliseconds: that of the longest component of their originals."""
    return {row.asset_id: row.milliseconds for row in session.execute(SELECT_DURATIONS, {"assets": list(assets)})}
