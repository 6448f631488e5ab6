"""A file that went missing on one storage and appears on another, where the other's setting asks for it.

Only a row whose own watcher wrote it as missing is taken over: two looks and the breaker have passed there, so nothing
has to be asked of the other storage's disk. As with a copy, name, size and mtime must fit one row and one new file, or
a digest must tell which of several it is.
"""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.file import FileStatus
from models.tracing import keeping_trace
from watch.compare import KnownFile
from watch.doubt import Arrived, Digests, pair_alike
from watch.folders import FolderBook, KnownFolder

MISSING_ELSEWHERE = text("""
    SELECT file.id, file.name, file.size, file.mtime_ns, file.inode, file.device, file.digest, folder.island_id
    FROM file JOIN folder ON folder.id = file.folder_id
    WHERE file.status = 'MISSING' AND folder.storage_id <> :storage AND file.name = ANY(:names)
    ORDER BY file.id
""")

LEAVE_ISLANDS = text(f"""
    UPDATE island SET seen = seen + 1, stale_summaries = true, touched_at = clock_timestamp(),
        dirty_since = coalesce(dirty_since, now()), {keeping_trace("island")}
    WHERE id IN (SELECT id FROM island WHERE id = ANY(:ids) ORDER BY id FOR UPDATE)
""")


File = TypeVar("File", bound=Arrived)


def match_missing_elsewhere(
    session: Session, book: FolderBook, fresh: Sequence[File], digests: Digests
) -> list[tuple[File, KnownFile]]:
    """Pair new files with rows that are missing on other storages, and mark the islands that those leave.

    The rows are given as if they were missing in the folder that the file came into: that is what they are from now on.
    """
    fresh = [file for file in fresh if file.entry.size]
    if not fresh:
        return []
    names = list({file.entry.name for file in fresh})
    rows = session.execute(MISSING_ELSEWHERE, {"storage": book.storage_id, "names": names}).all()
    traits = [
        (row, (bytes(row.name), row.size, row.mtime_ns), bytes(row.digest) if row.digest is not None else None)
        for row in rows
    ]
    pairs = pair_alike(fresh, traits, digests)
    if pairs:
        session.execute(LEAVE_ISLANDS, {"ids": sorted({row.island_id for _, row in pairs})})
    return [(file, _missing_in(file.folder, row)) for file, row in pairs]


def _missing_in(folder: KnownFolder, row: object) -> KnownFile:
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
        # Another island counts otherwise: what comes here unchanged is not new to it.
        content_seen=0,
    )
