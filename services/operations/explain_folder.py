"""Explain a folder, such as a camera card: what is in it, and what is missing, waits, is ignored or cannot be read."""

import os
from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import IgnorePatterns, Profile
from grouping.model.card_table import CARD_LAYOUTS
from grouping.model.islands import card_root
from models.catalog.file import FileStatus, read_folder_paths
from models.catalog.storage import Storage, StorageSettings
from models.core.paths import display_path, join_path
from models.queues.island import ISLAND_QUEUE
from services.core.text import pluralize
from services.ingest.planner import read_and_plan
from services.ingest.reader import claim_islands_read_only
from services.media.probe_writer import WARNING_KEYS
from services.operations.folder_report import MAX_WALKED_ENTRIES, FolderReport
from watch.disk.listing import error_text, is_absence

MAX_PLANNED_ISLANDS = 50

# `below` holds the folder and all folders in it.
BELOW = """
    WITH RECURSIVE below AS (
        SELECT id FROM folder WHERE id = :folder
        UNION ALL SELECT folder.id FROM below JOIN folder ON folder.parent_id = below.id
    )
"""
COUNT_FILES = text(f"""{BELOW}
    SELECT file.status, count(*) AS number, coalesce(sum(file.size), 0) AS bytes FROM below
    JOIN file ON file.folder_id = below.id WHERE file.status <> 'DELETED' GROUP BY file.status
""")
COUNT_ASSETS = text(f"""{BELOW}
    SELECT format.structure, count(DISTINCT asset.id) AS number FROM below JOIN file ON file.folder_id = below.id
    JOIN file_set_file AS member ON member.file_id = file.id JOIN file_set ON file_set.id = member.file_set_id
    JOIN asset ON asset.id = file_set.asset_id JOIN format ON format.asset_id = asset.id AND format.role = 'original'
    WHERE asset.status = 'ACTIVE' GROUP BY format.structure ORDER BY 2 DESC, 1
""")
SELECT_FOLDERS = text(f"{BELOW} SELECT below.id, folder.error, folder.island_id FROM below JOIN folder USING (id)")
SELECT_NAMES = text(f"""{BELOW}
    SELECT file.folder_id, file.name, file.status, file.error, member.file_id IS NULL AS is_lone FROM below
    JOIN file ON file.folder_id = below.id LEFT JOIN file_set_file AS member ON member.file_id = file.id
    WHERE file.status <> 'DELETED' ORDER BY file.folder_id, file.name LIMIT {MAX_WALKED_ENTRIES}
""")
SELECT_SETS = text(f"""{BELOW}
    SELECT DISTINCT file_set.base_dir, file_set.name, file_set.missing_frames, file_set.missing,
        coalesce(component.media ->> 'error', component.media ->> 'picture_error') AS error,
        coalesce(component.media ->> 'not_shown', component.media #>> '{{notes,0}}',
            component.media #>> '{{checksum_notes,0}}', component.media #>> '{{caption_notes,0}}',
            format.media #>> '{{checksum_warnings,0}}', format.media #>> '{{rendition_warnings,0}}') AS warning
    FROM below JOIN file ON file.folder_id = below.id JOIN file_set_file AS member ON member.file_id = file.id
    JOIN file_set ON file_set.id = member.file_set_id JOIN format ON format.id = file_set.format_id
    LEFT JOIN component ON component.file_set_id = file_set.id AND component.from_header
        AND component.type = 'GENERAL' AND component.media ?| ARRAY[{WARNING_KEYS}]
    WHERE file_set.missing_frames > 0 OR component.id IS NOT NULL
        OR format.media ?| ARRAY['checksum_warnings', 'rendition_warnings'] ORDER BY 1, 2
""")
SELECT_ISLANDS = text(f"""{BELOW}
    SELECT DISTINCT island.id, island.folder_id, wait_until IS NOT NULL AS waits, dirty_since IS NOT NULL AS is_dirty,
        CASE WHEN parked_at IS NOT NULL THEN island.error END AS error
    FROM below JOIN folder USING (id) JOIN {ISLAND_QUEUE.view} AS island ON island.id = folder.island_id
    ORDER BY 1
""")
UNFINISHED_TEXTS = {
    FileStatus.GROWING: "is still growing",
    FileStatus.OPEN: "is empty, and waits for content",
    FileStatus.AWAITED: "is awaited",
}


def report_folder(
    session: Session, storage: Storage, relative: bytes, folder_id: int | None, excluded: frozenset[bytes]
) -> FolderReport:
    """Report on a folder of a storage: what is recorded below its row, and what the disk shows beside that."""
    report = FolderReport()
    names: dict[bytes, str] = {}
    paths: dict[int, bytes] = {}
    if folder_id is not None:
        folders = session.execute(SELECT_FOLDERS, {"folder": folder_id}).all()
        paths = read_folder_paths(session, [row.id for row in folders])
        _count(session, report, folder_id, relative)
        for row in folders:
            if row.error:
                report.unreadable.add(_below(relative, paths[row.id]), row.error)
        _add_files(session, report, folder_id, relative, paths, names)
        _add_sets(session, report, folder_id, relative)
        _add_islands(session, report, folder_id, relative, paths)
    report.card = _card_of([relative, *paths.values()])
    report.folders = len(paths)
    DiskComparison(storage, excluded, relative, names, report).walk()
    return report


def _count(session: Session, report: FolderReport, folder_id: int, relative: bytes) -> None:
    for row in session.execute(COUNT_FILES, {"folder": folder_id}):
        if row.status != FileStatus.MISSING:
            report.files += row.number
            report.size_bytes += int(row.bytes)
    report.assets = {row.structure: row.number for row in session.execute(COUNT_ASSETS, {"folder": folder_id})}


def _add_files(
    session: Session,
    report: FolderReport,
    folder_id: int,
    relative: bytes,
    paths: dict[int, bytes],
    names: dict[bytes, str],
) -> None:
    rows = session.execute(SELECT_NAMES, {"folder": folder_id}).all()
    report.is_complete = len(rows) < MAX_WALKED_ENTRIES
    for row in rows:
        path = join_path(paths[row.folder_id], bytes(row.name))
        names[path] = row.status
        shown = _below(relative, path)
        if row.error:
            report.unreadable.add(shown, row.error)
        elif row.status == FileStatus.MISSING:
            report.missing.add(shown, "is missing; it returns to its place when it is back")
        elif row.status in UNFINISHED_TEXTS:
            report.waiting.add(shown, UNFINISHED_TEXTS[row.status])


def _add_sets(session: Session, report: FolderReport, folder_id: int, relative: bytes) -> None:
    for row in session.execute(SELECT_SETS, {"folder": folder_id}):
        shown = _below(relative, os.fsencode(f"{row.base_dir}/{row.name}" if row.base_dir else row.name))
        if row.missing_frames:
            report.missing_frames.add(shown, f"{pluralize(row.missing_frames, 'frame')} missing: {row.missing}")
        if row.error:
            report.damaged.add(shown, row.error)
        elif row.warning:
            report.warned.add(shown, row.warning)


def _add_islands(
    session: Session, report: FolderReport, folder_id: int, relative: bytes, paths: dict[int, bytes]
) -> None:
    """Add what waits for a host or a sidecar, and islands that wait to be grouped or cannot be."""
    rows = session.execute(SELECT_ISLANDS, {"folder": folder_id}).all()
    for row in rows:
        shown = _below(relative, paths.get(row.folder_id, relative))
        if row.error:
            report.unreadable.add(shown, f"could not be grouped: {row.error}")
        elif row.is_dirty:
            report.waiting.add(shown, "waits to be grouped")
    waiting = [row.id for row in rows if row.waits and not row.error]
    claims = claim_islands_read_only(session, waiting[:MAX_PLANNED_ISLANDS])
    held = read_and_plan(session, claims).held if claims else []
    prefix = relative + b"/" if relative else b""
    for each in sorted(held, key=lambda each: each.plan.main_path):
        if each.plan.main_path.startswith(prefix):
            report.waiting.add(_below(relative, each.plan.main_path), each.reason)


class DiskComparison:
    """Walk of a folder's disk: names that are ignored, cannot be read, or are not recorded."""

    def __init__(
        self,
        storage: Storage,
        excluded: frozenset[bytes],
        start: bytes,
        names: dict[bytes, str],
        report: FolderReport,
    ) -> None:
        settings = StorageSettings.model_validate(storage.settings)
        self._ignore = IgnorePatterns(settings.scan_ignore, Profile.model_validate(storage.profile).hidden)
        self._root, self._excluded = storage.place, excluded
        self._start, self._names, self._report = start, names, report
        self._left = MAX_WALKED_ENTRIES

    def walk(self) -> None:
        """Compare the folder and all folders in it."""
        folders = [self._start]
        while folders and self._left > 0:
            folder = folders.pop()
            try:
                with os.scandir(join_path(self._root, folder) if folder else self._root) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not is_absence(error):
                    self._add_unreadable(folder, error)
                continue
            self._left -= len(found)
            folders.extend(reversed([path for entry in found if (path := self._compare(folder, entry)) is not None]))
        self._report.is_complete = self._report.is_complete and not folders

    def _compare(self, folder: bytes, entry: os.DirEntry[bytes]) -> bytes | None:
        """Report on one entry; return the path of a folder to walk."""
        path = join_path(folder, entry.name)
        shown = _below(self._start, path)
        pattern = self._ignore.path(path)
        if pattern is not None:
            self._report.ignored.add(shown, f'by the pattern "{pattern}"')
            return None
        try:
            if entry.is_dir(follow_symlinks=False):
                return path if entry.path not in self._excluded else None
            if not entry.is_file(follow_symlinks=False):
                self._report.special.add(shown, "is a link" if entry.is_symlink() else "is a FIFO, socket or device")
            elif self._report.is_complete and path not in self._names:
                self._report.waiting.add(shown, "is on disk and not recorded yet")
        except OSError as error:
            self._add_unreadable(path, error)
        return None

    def _add_unreadable(self, path: bytes, error: OSError) -> None:
        shown = _below(self._start, path)
        # What a scan found before is named already.
        if all(example["path"] != shown for example in self._report.unreadable.examples):
            self._report.unreadable.add(shown, error_text(error))


def _card_of(folders: Iterable[bytes]) -> str | None:
    """Return the maker's layout of the card that these folders are part of."""
    for folder in folders:
        root = card_root(folder)
        if root is not None:
            below = folder[len(root) :].strip(b"/").partition(b"/")[0].lower()
            own = root.rpartition(b"/")[2].lower()
            return next((card.name for card in CARD_LAYOUTS if card.root in (below, own)), "unknown layout")
    return None


def _below(folder: bytes, path: bytes) -> str:
    """Return a path as it is below a folder, "." for the folder itself."""
    prefix = folder + b"/" if folder else b""
    return display_path(path[len(prefix) :] if path.startswith(prefix) else path) if path != folder else "."
