"""Moves between storages: match a new file with a row that is missing on another storage, if the setting allows it.

Only rows with status MISSING qualify: their own watcher has looked twice and the breaker has passed, so the other
storage's disk is not read. As with a copy, name, size and mtime must fit exactly one row and one new file, or a digest
must distinguish them.
"""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.catalog.file import FileStatus
from models.core.statements import AnyRow
from models.core.tracing import keep_trace_sql
from watch.rows.compare import KnownFile
from watch.rows.content_digests import ContentDigests, NewFile, pair_alike_files
from watch.rows.folder_cache import FolderCache, KnownFolder

SELECT_MISSING_ELSEWHERE = text("""
    SELECT file.id, file.name, file.size, file.mtime_ns, file.inode, file.device, file.digest, folder.island_id
    FROM file JOIN folder ON folder.id = file.folder_id
    WHERE file.status = 'MISSING' AND folder.storage_id <> :storage AND file.name = ANY(:names)
    ORDER BY file.id
""")

# Locks in id order, as every writer of islands does, so that two watchers wait for each other instead of deadlocking.
MARK_SOURCE_ISLANDS = text(f"""
    UPDATE island SET seen = seen + 1, stale_summaries = true, touched_at = clock_timestamp(),
        dirty_since = coalesce(dirty_since, now()), {keep_trace_sql("island")}
    WHERE id IN (SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)
""")


AdoptedFile = TypeVar("AdoptedFile", bound=NewFile)


def match_cross_storage_moves(
    session: Session, book: FolderCache, fresh: Sequence[AdoptedFile], digests: ContentDigests
) -> list[tuple[AdoptedFile, KnownFile]]:
    """Pair new files with rows that are missing on other storages, and mark the islands that lose those rows dirty.

    Returns each row as if it were missing in the folder of the new file, where it belongs from now on.
    """
    fresh = [file for file in fresh if file.entry.size]
    if not fresh:
        return []
    names = list({file.entry.name for file in fresh})
    rows = session.execute(SELECT_MISSING_ELSEWHERE, {"storage": book.storage_id, "names": names}).all()
    traits = [
        (row, (bytes(row.name), row.size, row.mtime_ns), bytes(row.digest) if row.digest is not None else None)
        for row in rows
    ]
    pairs = pair_alike_files(fresh, traits, digests)
    if pairs:
        session.execute(MARK_SOURCE_ISLANDS, {"ids": sorted({row.island_id for _, row in pairs})})
    return [(file, _missing_in(file.folder, row)) for file, row in pairs]


def _missing_in(folder: KnownFolder, row: AnyRow) -> KnownFile:
    return KnownFile(
        row.id,
        folder.id,
        bytes(row.name),
        row.size,
        row.mtime_ns,
        row.inode,
        row.device,
        FileStatus.MISSING,
        suspected=False,
        # `content_seen` is a version of the old island; unchanged content is not new to the island that receives it.
        content_seen=0,
    )
