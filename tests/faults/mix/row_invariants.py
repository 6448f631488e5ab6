"""Invariants 3, 4, 5 and 8, checked from the rows: history that is only added to, documents of the right revision, work
that is done, and pictures that are made of what is there."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.services.media_clips import bytes_of

HISTORY = text("""
    SELECT count(*), md5(coalesce(string_agg(md5(CAST(history AS text)), '' ORDER BY id), '')) FROM history
    WHERE CAST(:last AS uuid) IS NULL OR id <= :last
""")
LAST_HISTORY = text("SELECT id FROM history ORDER BY id DESC LIMIT 1")

BIRTHS = text("""
    SELECT asset.id, count(history.id) AS births FROM asset
    LEFT JOIN history ON history.asset_id = asset.id AND operation_type = 'VERSION_CREATE'
    GROUP BY asset.id HAVING count(history.id) <> 1
""")

LIVING = """
    SELECT 'assets' AS object_type, id, title FROM asset WHERE status = 'ACTIVE' AND merged_into IS NULL
    UNION ALL SELECT 'collections', id, title FROM collection WHERE status = 'ACTIVE'
    UNION ALL SELECT 'segments', segment.id, NULL FROM segment JOIN asset ON asset.id = asset_id
        WHERE segment.status = 'ACTIVE' AND asset.status = 'ACTIVE' AND merged_into IS NULL
"""
"""Objects that a search finds; a comment is found as long as its asset is."""

DOCUMENTS = text(f"""
    WITH living AS ({LIVING})
    SELECT living.object_type, living.id, living.title, mark.revision, document.revision AS indexed,
        document.title AS indexed_title, coalesce(document.deleted, true) AS is_missing
    FROM living LEFT JOIN index_mark AS mark ON (mark.object_type, mark.object_id) = (living.object_type, living.id)
    LEFT JOIN search_document AS document
        ON (document.object_type, document.object_id) = (living.object_type, living.id)
    WHERE document.revision IS DISTINCT FROM mark.revision OR coalesce(document.deleted, true)
        OR (living.title IS NOT NULL AND document.title <> living.title)
""")

ORPHANED_DOCUMENTS = text(f"""
    WITH living AS ({LIVING})
    SELECT object_type, object_id FROM search_document AS document WHERE NOT deleted
        AND NOT EXISTS (SELECT FROM living WHERE (living.object_type, id) = (document.object_type, object_id))
""")

READERS = text("""
    SELECT document.object_id FROM search_document AS document WHERE object_type = 'assets' AND NOT deleted
        AND ARRAY(SELECT reader FROM unnest(readers) AS reader WHERE reader LIKE 'user:%' ORDER BY reader)
            <> ARRAY(SELECT DISTINCT 'user:' || principal_id AS reader FROM acl_entry
                WHERE acl_entry.object_id = document.object_id AND acl_entry.object_type = 'assets'
                    AND principal_kind = 'user' AND 'read' = ANY(permissions) ORDER BY reader)
""")

# Most generated files are no media: reading them fails, with its reason.
UNFINISHED = text("""
    SELECT 'island ' || id || coalesce(': dead letter, ' || error, '') AS what FROM island
        WHERE dirty_since IS NOT NULL OR parked_at IS NOT NULL OR lease_until IS NOT NULL
    UNION ALL SELECT 'document of ' || object_type || ' ' || object_id || coalesce(': ' || error, '') FROM index_mark
        WHERE dirty_since IS NOT NULL OR parked_at IS NOT NULL
    UNION ALL SELECT kind || ' of file set ' || file_set_id || coalesce(': ' || error, '') FROM media_work
    UNION ALL SELECT 'job ' || title || ' is ' || status || coalesce(': ' || error_message, '') FROM job
        WHERE parked_at IS NOT NULL OR (task IS NOT NULL AND completed_at IS NULL)
            OR (status = 'FAILED' AND (error_message IS NULL OR title !~ '^Read ' OR title LIKE '%"real%'))
""")

PICTURES = text("""
    SELECT keyframe.path, keyframe.type, keyframe.size_bytes, file.name, file.size FROM keyframe
    JOIN file_set_file AS member ON member.file_set_id = keyframe.file_set_id
    JOIN file ON file.id = member.file_id AND file.status NOT IN ('MISSING', 'DELETED')
""")
UNPICTURED = text("""
    SELECT file.name FROM file JOIN file_set_file AS member ON member.file_id = file.id
    WHERE convert_from(file.name, 'UTF8') ~ :real AND file.status = 'CLOSED'
        AND NOT EXISTS (SELECT FROM keyframe WHERE keyframe.file_set_id = member.file_set_id)
""")

CONTENT = text("""
    SELECT md5(string_agg(row, '' ORDER BY row)) FROM (
        SELECT CAST((id, folder_id, name, size, mtime_ns, inode, status) AS text) FROM file
        UNION ALL SELECT CAST((file_id, file_set_id) AS text) FROM file_set_file
        UNION ALL SELECT CAST((id, format_id, asset_id, file_count, size_bytes, name) AS text) FROM file_set
        UNION ALL SELECT CAST((id, asset_id, role, structure) AS text) FROM format
        UNION ALL SELECT CAST((id, title, status, merged_into, is_online) AS text) FROM asset
        UNION ALL SELECT CAST((object_id, revision) AS text) FROM index_mark
        UNION ALL SELECT CAST(id AS text) FROM history
    ) AS rows (row)
""")


@dataclass(frozen=True, slots=True)
class HistoryMark:
    """History as it was at a moment."""

    last: object
    count: int
    digest: str


def mark_history(session: Session) -> HistoryMark:
    """Remember the history so far."""
    last = session.scalar(LAST_HISTORY)
    return HistoryMark(last, *session.execute(HISTORY, {"last": last}).one())


def content_digest(session: Session) -> str:
    """Digest of everything that a scan without changes must leave as it is."""
    return session.scalar(CONTENT) or ""


def check_history(session: Session, before: HistoryMark) -> Iterator[str]:
    """Yield entries that are no longer what they were, and assets that were created twice or never."""
    if before.last is not None:
        now = session.execute(HISTORY, {"last": before.last}).one()
        if tuple(now) != (before.count, before.digest):
            yield f"3: of {before.count} entries of history some were rewritten; {now[0]} are left"
    for row in session.execute(BIRTHS):
        yield f"3: asset {row.id} was created {row.births} times by its history"


def check_documents(session: Session) -> Iterator[str]:
    """Yield documents that are missing, outdated, wrong, or of nothing."""
    for row in session.execute(DOCUMENTS):
        yield (
            f"4: {row.object_type} {row.id} {row.title!r} has revision {row.revision}; its document "
            + ("is missing" if row.is_missing else f"has {row.indexed} and the title {row.indexed_title!r}")
        )
    for row in session.execute(ORPHANED_DOCUMENTS):
        yield f"4: there is a document of {row.object_type} {row.object_id}, which is not there"
    for row in session.execute(READERS):
        yield f"6: the document of asset {row.object_id} names other readers than its rights"


def check_work(session: Session) -> Iterator[str]:
    """Yield work that is neither done nor waiting once everything is quiet."""
    for row in session.execute(UNFINISHED):
        yield f"5: {row.what}"


def check_pictures(session: Session, media: Path) -> Iterator[str]:
    """Yield pictures that are not there or not what their name says, and media without any."""
    for row in session.execute(PICTURES):
        file = media / row.path
        name = bytes(row.name).decode()
        if not file.exists():
            yield f"8: the {row.type} of {name} is not there"
        elif hashlib.sha256(file.read_bytes()).hexdigest()[:24] not in file.name:
            yield f"8: the {row.type} of {name} does not have the content that its name says"
        elif row.size != len(bytes_of(name.rpartition(".")[2])):
            yield f"8: {name} has a {row.type}, but its content is no media any more"
    for row in session.execute(UNPICTURED, {"real": r"^real\d+\.(mp4|png|wav)$"}):
        yield f"8: {bytes(row.name).decode()} has no picture"
