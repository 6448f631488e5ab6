"""Reclassification of known files after a storage's profile changed: class, bucket, frame and blocking keys of a name
are stored with the file's row, and a new profile can read them differently.

Only the watcher's package writes `file`. The caller holds the locks of the folders' islands, so that a watcher that
publishes at the same time either commits first and its rows are reclassified, or commits later and notices that the
profile changed.
"""

import uuid
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from grouping import ClassifiedPath, Profile, classify_path
from models.core.paths import join_path
from watch.rows.blocking import keys_to_text, stored_blocking_keys

MAX_RECLASSIFY_ROWS = 5_000

SELECT_CLASSIFICATIONS = text("""
    SELECT id, folder_id, name, media_class, bucket, frame, width, padded, blocking_keys FROM file
    WHERE folder_id = ANY(:folders) AND (folder_id, name) > (:folder_id, :name)
    ORDER BY folder_id, name LIMIT :most
""")

# `file` has no index mark trigger: documents show file sets, which the regrouping writes.
UPDATE_CLASSIFICATIONS = text("""
    UPDATE file SET media_class = said.media_class, bucket = said.bucket, frame = said.frame, width = said.width,
        padded = said.padded, blocking_keys = CAST(said.keys AS bigint[])
    FROM unnest(CAST(:ids AS uuid[]), CAST(:classes AS text[]), CAST(:buckets AS bytea[]), CAST(:frames AS bigint[]),
        CAST(:widths AS smallint[]), CAST(:padded AS boolean[]), CAST(:keys AS text[]))
        AS said (id, media_class, bucket, frame, width, padded, keys)
    WHERE file.id = said.id
""")


@dataclass(frozen=True, slots=True)
class ReclassifyCursor:
    """Keyset cursor over file rows, by folder and name."""

    folder_id: int = 0
    name: bytes = b""


RECLASSIFY_START = ReclassifyCursor()


def reclassify_files(
    session: Session,
    folders: dict[int, bytes],
    profile: Profile,
    after: ReclassifyCursor = RECLASSIFY_START,
    most: int = MAX_RECLASSIFY_ROWS,
) -> tuple[int, ReclassifyCursor | None]:
    """Reclassify up to `most` rows; return the number of changed rows and the cursor of the next call, or None."""
    rows = session.execute(
        SELECT_CLASSIFICATIONS,
        {"folders": list(folders), "folder_id": after.folder_id, "name": after.name, "most": most},
    ).all()
    changed: list[tuple[uuid.UUID, ClassifiedPath, list[int] | None]] = []
    for row in rows:
        path = join_path(folders[row.folder_id], bytes(row.name))
        said = classify_path(path, profile)
        keys = stored_blocking_keys(row.folder_id, path, said, profile)
        before = ClassifiedPath(row.media_class, row.bucket and bytes(row.bucket), row.frame, row.width, row.padded)
        if (said, keys) != (before, row.blocking_keys):
            changed.append((row.id, said, keys))
    if changed:
        _write_classifications(session, changed)
    last = ReclassifyCursor(rows[-1].folder_id, bytes(rows[-1].name)) if len(rows) == most else None
    return len(changed), last


def _write_classifications(session: Session, changed: list[tuple[uuid.UUID, ClassifiedPath, list[int] | None]]) -> None:
    changed.sort(key=lambda row: row[0])
    session.execute(
        UPDATE_CLASSIFICATIONS,
        {
            "ids": [file_id for file_id, _, _ in changed],
            "classes": [said.media_class for _, said, _ in changed],
            "buckets": [said.bucket for _, said, _ in changed],
            "frames": [said.frame for _, said, _ in changed],
            "widths": [said.width for _, said, _ in changed],
            "padded": [said.padded for _, said, _ in changed],
            "keys": [keys_to_text(keys) for _, _, keys in changed],
        },
    )
