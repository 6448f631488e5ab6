"""Assignment of folders to islands, and the move of whole folders when a marker file or a profile changes it.

A folder's island follows from its path, except for packages: a marker file (ASSETMAP) makes its folder a package
whenever it arrives. All folders below then change islands in one transaction, and both islands are regrouped in full.
"""

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from grouping.model.islands import ATTACHED_DIRS, NO_PACKAGES, PACKAGE_MARKERS, island_of
from models.catalog.file import File, Folder
from models.core.sessions import Sessions, transact
from models.queues.island import insert_islands, mark_for_full_regroup
from watch.rows.folder_cache import FolderCache, KnownFolder, set_folder_islands
from watch.rows.known_files import GONE_STATUSES

# Folders are locked before islands, in the order of their ids, so that writers do not deadlock.
LOCK_REASSIGNED_FOLDERS = text("SELECT id FROM folder WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")


class IslandAssignment:
    """Maps folders of one storage to islands, by built-in folder names, the profile's folders and current packages."""

    def __init__(self, attached_dirs: frozenset[bytes]) -> None:
        self._homing = ATTACHED_DIRS | attached_dirs
        self._packages = NO_PACKAGES

    def island_of(self, folder: bytes) -> bytes:
        """Return the root folder of a folder's island."""
        return island_of(folder, self._packages, self._homing)

    def read_packages(self, session: Session, book: FolderCache) -> None:
        """Load the folders that hold a marker file now."""
        marked = (
            select(Folder.id)
            .join(File, File.folder_id == Folder.id)
            .where(
                Folder.storage_id == book.storage_id, File.name.in_(PACKAGE_MARKERS), File.status.not_in(GONE_STATUSES)
            )
        )
        self._packages = frozenset(book.by_id(folder_id).path for folder_id in session.scalars(marked))


def reassign_islands(sessions: Sessions, book: FolderCache, homes: IslandAssignment) -> int:
    """Move folders to the island that their path implies; return the number of moved folders."""
    misplaced = [folder for folder in book if book.root_of(folder) != homes.island_of(folder.path)]
    if not misplaced:
        return 0
    book.ensure(sessions, {homes.island_of(folder.path) for folder in misplaced})
    moved = transact(sessions, lambda session: _move_folders(session, book, homes, misplaced))
    for folder, island_id in moved:
        folder.island_id = island_id
        book.note_root(island_id, homes.island_of(folder.path))
    return len(moved)


def _move_folders(
    session: Session, book: FolderCache, homes: IslandAssignment, misplaced: Iterable[KnownFolder]
) -> list[tuple[KnownFolder, int]]:
    folders = sorted(misplaced, key=lambda folder: folder.id)
    session.execute(LOCK_REASSIGNED_FOLDERS, {"ids": [folder.id for folder in folders]})
    roots = {folder.id: book.require(homes.island_of(folder.path)).id for folder in folders}
    islands = insert_islands(session, book.storage_id, set(roots.values()))
    moved = [(folder, islands[roots[folder.id]]) for folder in folders]
    left = {folder.island_id for folder in folders if folder.island_id is not None}
    mark_for_full_regroup(session, {island_id for _, island_id in moved} | left)
    set_folder_islands(session, {folder.id: island_id for folder, island_id in moved})
    return moved
