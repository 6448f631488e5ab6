"""Assignment of folders to islands, and the move of whole folders when a marker file or a profile changes it.

A folder's island follows from its path, with two exceptions. A marker file (ASSETMAP) makes its folder a package
whenever it arrives; and a folder that holds nothing but papers of a reel, such as its MHL, belongs to the island of the
first clip below it. The folders then change islands in one transaction, and both islands are regrouped in full.
"""

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from grouping.model.card_table import PAPER_EXTENSIONS
from grouping.model.islands import (
    ATTACHED_DIRS,
    CLIP_CLASSES,
    NO_PACKAGES,
    PACKAGE_MARKERS,
    is_package_marker,
    is_paper,
    island_of,
    nearest_root,
    paper_homes,
)
from models.catalog.file import File, Folder
from models.core.paths import join_path
from models.core.sessions import Sessions, transact
from models.queues.island import insert_islands, mark_for_full_regroup
from watch.rows.folder_cache import FolderCache, KnownFolder, set_folder_islands
from watch.rows.known_files import GONE_STATUSES

# Folders are locked before islands, in the order of their ids, so that writers do not deadlock.
LOCK_REASSIGNED_FOLDERS = text("SELECT id FROM folder WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

# By class and extension alone, which exclude most folders; `is_paper` decides.
SELECT_PAPER_FOLDERS = text("""
    SELECT file.folder_id, array_agg(file.name) AS names FROM file JOIN folder ON folder.id = file.folder_id
    WHERE folder.storage_id = :storage AND file.status <> ALL(:gone)
    GROUP BY file.folder_id
    HAVING bool_and(file.media_class IN ('sidecar', 'document', 'other') AND encode(file.name, 'escape') ~* :papers)
""")

SELECT_CLIP_FOLDERS = text("""
    SELECT folder_id, bool_or(media_class = ANY(:clips)) AS has_clip FROM file
    WHERE folder_id = ANY(:folders) AND status <> ALL(:gone) GROUP BY folder_id
""")


class IslandAssignment:
    """Maps folders of one storage to islands, by built-in folder names, the profile's folders and current packages."""

    def __init__(self, attached_dirs: frozenset[bytes]) -> None:
        self._homing = ATTACHED_DIRS | attached_dirs
        self._packages = NO_PACKAGES
        self._paper_roots: frozenset[bytes] = frozenset()
        self._paper_homes: dict[bytes, bytes] = {}
        self._clip_folders: frozenset[bytes] = frozenset()

    def island_of(self, folder: bytes) -> bytes:
        """Return the root folder of a folder's island."""
        root = self._island_by_path(folder)
        return self._paper_homes.get(root, root)

    def _island_by_path(self, folder: bytes) -> bytes:
        return island_of(folder, self._packages, self._homing)

    def is_changed_by(self, folder: bytes, name: bytes, is_gone: bool = False) -> bool:
        """Return whether a file that appeared or vanished can move folders to another island."""
        if is_package_marker(name) or is_paper(join_path(folder, name)):
            return True
        # Without another clip in its folder, it decides where the papers above belong.
        below = self._paper_roots and nearest_root(folder, self._paper_roots) is not None
        return bool(below) and (is_gone or folder not in self._clip_folders)

    def read_packages(self, session: Session, book: FolderCache) -> None:
        """Load the folders that hold a marker file now, and those that hold nothing but papers."""
        marked = (
            select(Folder.id)
            .join(File, File.folder_id == Folder.id)
            .where(
                Folder.storage_id == book.storage_id, File.name.in_(PACKAGE_MARKERS), File.status.not_in(GONE_STATUSES)
            )
        )
        self._packages = frozenset(book.by_id(folder_id).path for folder_id in session.scalars(marked))
        self._read_papers(session, book)

    def _read_papers(self, session: Session, book: FolderCache) -> None:
        gone = [status.value for status in GONE_STATUSES]
        pattern = f"(^|[.])({'|'.join(sorted(word.decode() for word in PAPER_EXTENSIONS))})$"
        asked = {"storage": book.storage_id, "gone": gone, "papers": pattern}
        papers = {
            book.by_id(row.folder_id).path
            for row in session.execute(SELECT_PAPER_FOLDERS, asked)
            if all(is_paper(join_path(book.by_id(row.folder_id).path, bytes(name))) for name in row.names)
        }
        roots = frozenset(map(self._island_by_path, papers))
        around = [each for each in book if each.path not in papers and nearest_root(each.path, roots) is not None]
        clips: dict[bytes, bytes] = {}
        asked = {"folders": [each.id for each in around], "gone": gone, "clips": sorted(CLIP_CLASSES)}
        for row in session.execute(SELECT_CLIP_FOLDERS, asked) if around else ():
            path = book.by_id(row.folder_id).path
            roots -= {self._island_by_path(path)}
            if row.has_clip:
                clips[path] = self._island_by_path(path)
        self._paper_roots, self._clip_folders = roots, frozenset(clips)
        self._paper_homes = paper_homes(roots, clips)


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
