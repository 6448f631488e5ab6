"""Copies by content: on how many storages a file set is, and of which older asset it is an exact duplicate.

All of it is counted once an hour and after files were proven, and only what differs is written: sums come from
many places (comparisons, transcodes, downloads, seals, the schedule), and copies come and go with files of others.
"""

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.catalog.assets.digests import COMMON_ALGORITHM

# `content` is what a file is by its first sum, also if it is missing now or lost bits; a copy is there, and still as
# its sum states. Files without bytes are the same everywhere and count for nothing.
COUNT_COPIES = text(f"""
    WITH known AS MATERIALIZED (
        SELECT file.id, folder.storage_id, sum.digest || ':' || file.size AS content,
            sum.found IS NULL AND file.status IN ('CLOSED', 'REDISCOVERED') AS is_good
        FROM file_digest AS sum JOIN file ON file.id = sum.file_id JOIN folder ON folder.id = file.folder_id
        WHERE sum.algorithm = '{COMMON_ALGORITHM}' AND file.size > 0
            AND (sum.size, sum.mtime_ns) = (file.size, file.mtime_ns)
    ), places AS (
        SELECT content, count(DISTINCT storage_id) AS storages FROM known WHERE is_good GROUP BY content
    ), sets AS (
        SELECT file_set.id, file_set.asset_id, asset.date_created, min(coalesce(places.storages, 0)) AS copies,
            CASE WHEN count(*) = count(known.content)
                THEN md5(string_agg(known.content, ' ' ORDER BY known.content)) END AS content
        FROM file_set_file AS member JOIN file ON file.id = member.file_id AND file.size > 0
        JOIN file_set ON file_set.id = member.file_set_id
        JOIN format ON format.id = file_set.format_id AND format.role = 'original'
        JOIN asset ON asset.id = file_set.asset_id AND asset.status = 'ACTIVE'
        LEFT JOIN known ON known.id = file.id LEFT JOIN places ON places.content = known.content
        WHERE EXISTS (SELECT FROM known)
        GROUP BY file_set.id, file_set.asset_id, asset.date_created
    ), first AS (
        SELECT id, asset_id, copies, first_value(asset_id) OVER (
            PARTITION BY coalesce(content, CAST(id AS text)) ORDER BY date_created, asset_id) AS oldest
        FROM sets
    ), counted AS (
        SELECT id, copies, nullif(oldest, asset_id) AS duplicate_of FROM first WHERE copies > 0 OR oldest <> asset_id
    ), gone AS (
        DELETE FROM file_set_copies WHERE file_set_id NOT IN (SELECT id FROM counted)
    )
    INSERT INTO file_set_copies AS told (file_set_id, verified_copies, duplicate_of)
    SELECT id, copies, duplicate_of FROM counted ORDER BY id
    ON CONFLICT (file_set_id) DO UPDATE
    SET verified_copies = excluded.verified_copies, duplicate_of = excluded.duplicate_of
    WHERE (told.verified_copies, told.duplicate_of) IS DISTINCT FROM (excluded.verified_copies, excluded.duplicate_of)
""")
# The planner takes `known` for small: a nested loop over it compares every file with every other, which took minutes
# for 100,000 files.
WITHOUT_NESTED_LOOPS = text("SET LOCAL enable_nestloop = off")
WITH_NESTED_LOOPS = text("SET LOCAL enable_nestloop = on")
COPY_COUNT_LOCK = 7_411_037


def count_copies(session: Session) -> None:
    """Count the verified copies of all file sets. One counts at a time: a second one has nothing to add."""
    if session.scalar(select(func.pg_try_advisory_xact_lock(COPY_COUNT_LOCK))):
        session.execute(WITHOUT_NESTED_LOOPS)
        session.execute(COUNT_COPIES)
        session.execute(WITH_NESTED_LOOPS)
