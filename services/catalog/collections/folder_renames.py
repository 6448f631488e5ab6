"""Detect renamed folders for the folder mirror.

A renamed folder is a new row in `folder` to which its files moved. So the collection of a folder without files is
reassigned to the folder that its assets are in now, and likewise its ancestors, as far as they were renamed too.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.catalog.collection import Collection, CollectionAsset, CollectionStatus
from models.core.paths import display_path
from models.core.statements import in_array


@dataclass(frozen=True, slots=True)
class MirroredFolder:
    """A folder with its position in the tree; the storage's root has depth 1 and the storage's name."""

    id: int
    parent_id: int | None
    title: str
    depth: int


SELECT_FOLDER_CHAINS = text("""
    WITH RECURSIVE up AS (
        SELECT id, parent_id, name FROM folder WHERE id = ANY(:folders)
        UNION
        SELECT parent.id, parent.parent_id, parent.name FROM up JOIN folder AS parent ON parent.id = up.parent_id
    )
    SELECT id, parent_id, name FROM up
""")


def load_folder_chains(session: Session, storage_name: str, folder_ids: set[int]) -> dict[int, MirroredFolder]:
    """Load the folders with all their ancestors, parents before children."""
    rows = {row.id: row for row in session.execute(SELECT_FOLDER_CHAINS, {"folders": list(folder_ids)})}
    children: dict[int | None, list[int]] = {}
    for row in rows.values():
        children.setdefault(row.parent_id, []).append(row.id)
    level, depth = children.get(None, []), 1
    depths: dict[int, int] = {}
    while level:
        depths |= dict.fromkeys(level, depth)
        level, depth = [child for key in level for child in children.get(key, [])], depth + 1
    found = {}
    for key in depths:
        title = storage_name if rows[key].parent_id is None else display_path(bytes(rows[key].name))
        found[key] = MirroredFolder(key, rows[key].parent_id, title, depths[key])
    return found


# Walks whole subtrees, which is cheap only because it is asked for the few folders that assets just left.
SELECT_NONEMPTY_FOLDERS = text("""
    WITH RECURSIVE below AS (
        SELECT id AS top, id FROM folder WHERE id = ANY(:folders)
        UNION ALL
        SELECT below.top, child.id FROM below JOIN folder AS child ON child.parent_id = below.id
    )
    SELECT top FROM below
    WHERE EXISTS (SELECT FROM file WHERE file.folder_id = below.id AND file.status NOT IN ('MISSING', 'DELETED'))
    GROUP BY top
""")


def reassign_renamed_folders(
    session: Session,
    storage_id: uuid.UUID,
    homes: Sequence[tuple[uuid.UUID, int]],
    folders: Mapping[int, MirroredFolder],
    known: Mapping[int, Collection],
) -> dict[int, Collection]:
    """Reassign collections of emptied folders to the folders of their assets; returns them by new folder."""
    new_home = {asset: folder for asset, folder in homes if folder not in known}
    if not new_home:
        return {}
    left = session.execute(
        select(CollectionAsset.asset_id, Collection.folder_id)
        .join(Collection, Collection.id == CollectionAsset.collection_id)
        .where(
            in_array(CollectionAsset.asset_id, new_home),
            CollectionAsset.mirrors_folder,
            Collection.storage_id == storage_id,
            Collection.folder_id.is_not(None),
            Collection.status == CollectionStatus.ACTIVE,
        )
    ).all()
    old_folders = load_folder_chains(session, "", {folder for _, folder in left if folder is not None})
    pairs: dict[int, int] = {}
    for asset, old in left:
        new: int | None = new_home[asset]
        step: int | None = old
        # Walk both chains upwards in parallel, pairing new with old folders until they meet.
        while new is not None and step is not None and new != step and new not in known:
            pairs.setdefault(new, step)
            new, step = folders[new].parent_id, old_folders[step].parent_id
    if not pairs:
        return {}
    full = set(session.scalars(SELECT_NONEMPTY_FOLDERS, {"folders": list(pairs.values())}))
    empty = {old: new for new, old in pairs.items() if old not in full}
    taken = session.scalars(select(Collection).where(in_array(Collection.folder_id, empty))).all()
    for collection in taken:
        collection.folder_id = empty[collection.folder_id or 0]
    session.flush()
    return {collection.folder_id: collection for collection in taken if collection.folder_id is not None}
