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
from models.catalog.file import File
from models.core.paths import join_path
from models.core.sessions import Sessions, transact
from models.core.statements import in_array
from models.queues.island import insert_islands, mark_for_full_regroup
from watch.rows.folder_cache import FolderCache, KnownFolder, set_folder_islands
from watch.rows.known_files import GONE_STATUSES

# Folders are locked before islands, in the order of their ids, so that writers do not deadlock.
LOCK_REASSIGNED_FOLDERS = text("SELECT id FROM folder WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

# By class and extension alone, which exclude most folders; `is_paper` decides. One other file ends the search.
SELECT_PAPER_FOLDERS = text("""
    WITH paper_folder AS MATERIALIZED (
        SELECT id FROM unnest(CAST(:folders AS bigint[])) AS asked (id) WHERE NOT EXISTS (
            SELECT FROM file WHERE folder_id = asked.id AND status <> ALL(:gone)
                AND (media_class NOT IN ('sidecar', 'document', 'other') OR encode(name, 'escape') !~* :papers))
    )
    SELECT file.folder_id, array_agg(file.name) AS names
    FROM paper_folder JOIN file ON file.folder_id = paper_folder.id
    WHERE file.status <> ALL(:gone) GROUP BY file.folder_id
""")

SELECT_FILLED_FOLDERS = text("""
    SELECT folder.id, EXISTS (SELECT FROM file WHERE file.folder_id = folder.id AND file.status <> ALL(:gone)
        AND file.media_class = ANY(:clips)) AS has_clip
    FROM folder WHERE folder.id = ANY(:folders)
        AND EXISTS (SELECT FROM file WHERE file.folder_id = folder.id AND file.status <> ALL(:gone))
""")

GONE_VALUES = [status.value for status in GONE_STATUSES]
PAPER_NAMES = f"(^|[.])({'|'.join(sorted(word.decode() for word in PAPER_EXTENSIONS))})$"


class IslandAssignment:
    """Maps folders of one storage to islands, by built-in folder names, the profile's folders, and current files."""

    def __init__(self, attached_dirs: frozenset[bytes]) -> None:
        self._homing = ATTACHED_DIRS | attached_dirs
        self._packages = NO_PACKAGES
        self._papers: frozenset[bytes] = frozenset()
        """Folders that hold nothing but papers."""
        self._paper_roots: frozenset[bytes] = frozenset()
        self._beside: dict[bytes, bool] = {}
        """Other folders in and below the islands of papers, and whether they hold a clip."""
        self._paper_homes: dict[bytes, bytes] = {}

    def island_of(self, folder: bytes) -> bytes:
        """Return the root folder of a folder's island."""
        root = self._island_by_path(folder)
        return self._paper_homes.get(root, root)

    def _island_by_path(self, folder: bytes) -> bytes:
        return island_of(folder, self._packages, self._homing)

    def is_decided_by(self, folder: bytes, name: bytes) -> bool:
        """Return whether a new file can move folders to another island."""
        if is_package_marker(name) or is_paper(join_path(folder, name)):
            return True
        return bool(self._paper_roots) and nearest_root(folder, self._paper_roots) is not None

    def load(self, session: Session, book: FolderCache, changed: Iterable[KnownFolder] | None = None) -> bool:
        """Load what folders hold that decides about islands; return whether any folder changes its island.

        Args:
            changed: folders to read again; all by default.
        """
        folders = list(book if changed is None else changed)
        ids, paths = [folder.id for folder in folders], {folder.path for folder in folders}
        packages = self._packages - paths | self._find_packages(session, book, ids)
        papers = self._papers - paths | self._find_papers(session, book, ids)
        before = self._packages, self._paper_homes
        if (packages, papers) != (self._packages, self._papers):
            self._packages, self._papers = packages, papers
            self._paper_roots = frozenset(map(self._island_by_path, papers))
            folders, self._beside = list(book) if self._paper_roots else [], {}
        self._load_beside(session, folders)
        return before != (self._packages, self._paper_homes)

    def _find_packages(self, session: Session, book: FolderCache, ids: list[int]) -> set[bytes]:
        of_folders = in_array(File.folder_id, ids), File.name.in_(PACKAGE_MARKERS), File.status.not_in(GONE_STATUSES)
        return {book.by_id(folder_id).path for folder_id in session.scalars(select(File.folder_id).where(*of_folders))}

    def _find_papers(self, session: Session, book: FolderCache, ids: list[int]) -> set[bytes]:
        rows = session.execute(SELECT_PAPER_FOLDERS, {"folders": ids, "gone": GONE_VALUES, "papers": PAPER_NAMES})
        found = ((book.by_id(row.folder_id).path, row.names) for row in rows)
        return {path for path, names in found if all(is_paper(join_path(path, bytes(name))) for name in names)}

    def _load_beside(self, session: Session, folders: Iterable[KnownFolder]) -> None:
        """Load the folders among these that are in or below an island of papers, and find where the papers belong."""
        beside = {
            folder.id: folder.path
            for folder in folders
            if folder.path not in self._papers and nearest_root(folder.path, self._paper_roots) is not None
        }
        for path in beside.values():
            self._beside.pop(path, None)
        asked = {"folders": list(beside), "gone": GONE_VALUES, "clips": sorted(CLIP_CLASSES)}
        for row in session.execute(SELECT_FILLED_FOLDERS, asked) if beside else ():
            self._beside[beside[row.id]] = row.has_clip
        only_papers = self._paper_roots - {self._island_by_path(path) for path in self._beside}
        clips = {path: self._island_by_path(path) for path, has_clip in self._beside.items() if has_clip}
        self._paper_homes = paper_homes(only_papers, clips)


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
