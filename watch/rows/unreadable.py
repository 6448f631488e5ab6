"""Files that cannot be looked at, read or recorded: they stay what they were, and their rows say why."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.core.base import new_id

# A file without a row gets one, so that it is listed; it has values that any database takes.
UPSERT_UNREADABLE_FILES = text("""
    INSERT INTO file
        (id, folder_id, name, size, mtime_ns, device, inode, status, seen, content_seen, media_class, error)
    SELECT id, folder_id, name, 0, 0, 0, 0, 'FAILED', 0, 0, 'other', error
    FROM unnest(CAST(:ids AS uuid[]), CAST(:folders AS bigint[]), CAST(:names AS bytea[]), CAST(:errors AS text[]))
        AS t (id, folder_id, name, error)
    ORDER BY folder_id, name
    ON CONFLICT (folder_id, name) DO UPDATE SET error = excluded.error, suspected_at = NULL
""")


def record_unreadable(session: Session, files: Sequence[tuple[int, bytes, str]]) -> None:
    """Record files (folder id, name, reason) that cannot be read or recorded. Known ones keep their status and groups;
    others are FAILED."""
    if files:
        folders, names, errors = zip(*files, strict=True)
        values = {"folders": list(folders), "names": list(names), "errors": list(errors)}
        session.execute(UPSERT_UNREADABLE_FILES, values | {"ids": [new_id() for _ in files]})
