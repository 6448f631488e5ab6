"""Sums of whole files: kept with what read them and when, used as long as size and time of the file are unchanged.

A file whose sum changed while its size and time did not lost bits on its disk. The first sum stays, the new one is kept
beside it, and the file is a problem until it changes, or is read with its first sum again.
"""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sandbox.safe_open import SourceFile
from models.catalog.file import read_folder_paths
from models.core.paths import base_name, display_path, join_path

COMMON_ALGORITHM = "xxh128"
"""The sum that every file gets where none is asked for: it is the fastest."""

# The JOIN skips files that were deleted or changed since; ORDER BY avoids deadlocks.
UPSERT_DIGESTS = text("""
    INSERT INTO file_digest AS known (file_id, algorithm, digest, size, mtime_ns, proven_by)
    SELECT said.*, :by FROM unnest(CAST(:files AS uuid[]), CAST(:algorithms AS text[]), CAST(:digests AS text[]),
        CAST(:sizes AS bigint[]), CAST(:times AS bigint[])) AS said (file_id, algorithm, digest, size, mtime_ns)
    JOIN file ON file.id = said.file_id AND (file.size, file.mtime_ns) = (said.size, said.mtime_ns)
    ORDER BY said.file_id, said.algorithm
    ON CONFLICT (file_id, algorithm) DO UPDATE SET
        (digest, found, date_proven, proven_by) = (SELECT
            CASE WHEN is_flipped THEN known.digest ELSE excluded.digest END,
            CASE WHEN is_flipped THEN excluded.digest END,
            CASE WHEN is_flipped THEN known.date_proven ELSE now() END,
            CASE WHEN is_flipped THEN known.proven_by ELSE excluded.proven_by END
            FROM (SELECT (known.size, known.mtime_ns) = (excluded.size, excluded.mtime_ns)
                AND known.digest <> excluded.digest AS is_flipped) AS test),
        date_found = now(), size = excluded.size, mtime_ns = excluded.mtime_ns
""")
IS_FLIPPED = "sum.found IS NOT NULL AND (sum.size, sum.mtime_ns) = (file.size, file.mtime_ns)"
"""SQL of a `file_digest AS sum` of a file that lost bits."""
GOOD_COPIES = """coalesce((
        SELECT string_agg(other_storage.name || '/' || other_set.base_dir || '/' || encode(other.name, 'escape'), ', ')
        FROM file_digest AS good JOIN file AS other ON other.id = good.file_id
        JOIN file_set_file AS other_member ON other_member.file_id = other.id
        JOIN file_set AS other_set ON other_set.id = other_member.file_set_id
        JOIN storage AS other_storage ON other_storage.id = other_set.storage_id
        WHERE good.digest = sum.digest AND good.algorithm = sum.algorithm AND good.file_id <> sum.file_id
            AND good.found IS NULL AND (good.size, good.mtime_ns) = (other.size, other.mtime_ns)
            AND other.status IN ('CLOSED', 'REDISCOVERED')), 'none is known')"""
"""SQL of the files that still have the first sum of `file_digest AS sum`."""
DESCRIBE_FLIPS = text(f"""
    SELECT file.folder_id, file.name, {GOOD_COPIES} AS copies FROM file_digest AS sum JOIN file ON file.id = sum.file_id
    WHERE file.id = ANY(CAST(:files AS uuid[])) AND sum.algorithm = '{COMMON_ALGORITHM}' AND {IS_FLIPPED}
    ORDER BY file.id
""")
# What a list states of a file comes first: it is the sum that people know. A file that lost bits has its present sum.
KNOWN_DIGESTS = text("""
    SELECT file.id, sums.* FROM file JOIN (
        SELECT file_id, algorithm, found AS digest, date_checked AS date_proven, 'list ' || list_name AS proven_by,
            false AS is_flipped, size, mtime_ns, 0 AS place, list_name FROM file_checksum WHERE found <> ''
        UNION ALL
        SELECT file_id, algorithm, coalesce(found, digest), CASE WHEN found IS NULL THEN date_proven
            ELSE date_found END, proven_by, found IS NOT NULL, size, mtime_ns, 1, '' FROM file_digest
    ) AS sums ON sums.file_id = file.id AND (sums.size, sums.mtime_ns) = (file.size, file.mtime_ns)
    WHERE file.id = ANY(CAST(:files AS uuid[])) ORDER BY place, list_name, algorithm
""")
FILES_OF_SETS = text("""
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns FROM file_set_file AS member
    JOIN file ON file.id = member.file_id
    WHERE member.file_set_id = ANY(CAST(:sets AS uuid[])) AND file.name = ANY(CAST(:names AS bytea[]))
""")


@dataclass(frozen=True, slots=True)
class ComputedDigest:
    """Sums of one file, as its row described it when it was read."""

    file_id: uuid.UUID
    size: int
    mtime_ns: int
    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KnownDigest:
    """A sum of a file as it is now: when its bytes had it last, and what read them."""

    algorithm: str
    digest: str
    date_proven: datetime
    proven_by: str
    is_flipped: bool
    """Whether the file had another sum before, of the same size and time: it lost bits."""


def load_known_digests(session: Session, files: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[KnownDigest]]:
    """Load the sums of files, those of lists first."""
    found: dict[uuid.UUID, list[KnownDigest]] = defaultdict(list)
    for row in session.execute(KNOWN_DIGESTS, {"files": list(files)}):
        values = row.algorithm, row.digest, row.date_proven, row.proven_by, row.is_flipped
        found[row.id].append(KnownDigest(*values))
    return found


def store_digests(session: Session, computed: Sequence[ComputedDigest], proven_by: str) -> None:
    """Store sums of files that are still as they were when they were read; of a file that was read twice, the last."""
    last = {
        (one.file_id, algorithm): (one, algorithm, one.digests[algorithm])
        for one in computed
        for algorithm in one.digests
    }
    rows = list(last.values())
    if rows:
        session.execute(
            UPSERT_DIGESTS,
            {
                "by": proven_by,
                "files": [one.file_id for one, _, _ in rows],
                "algorithms": [algorithm for _, algorithm, _ in rows],
                "digests": [digest for _, _, digest in rows],
                "sizes": [one.size for one, _, _ in rows],
                "times": [one.mtime_ns for one, _, _ in rows],
            },
        )


def store_source_digests(
    session: Session, sets: Sequence[uuid.UUID], digests: Mapping[SourceFile, str], proven_by: str
) -> None:
    """Store the common sum of files of these file sets."""
    if not digests:
        return
    by_path = {source.path: (source, digest) for source, digest in digests.items()}
    rows = session.execute(FILES_OF_SETS, {"sets": list(sets), "names": [base_name(path) for path in by_path]}).all()
    folders = read_folder_paths(session, {row.folder_id for row in rows})
    computed = []
    for row in rows:
        path = join_path(folders[row.folder_id], bytes(row.name))
        if path in by_path:
            source, digest = by_path[path]
            computed.append(ComputedDigest(row.id, source.size, source.mtime_ns, {COMMON_ALGORITHM: digest}))
    store_digests(session, computed, proven_by)


def describe_flips(session: Session, files: Sequence[uuid.UUID]) -> list[str]:
    """Return, for each of these files that lost bits, its path and the copies that are still good."""
    rows = session.execute(DESCRIBE_FLIPS, {"files": list(files)}).all() if files else []
    folders = read_folder_paths(session, {row.folder_id for row in rows})
    return [
        f"{display_path(join_path(folders[row.folder_id], bytes(row.name)))} (good copies: {row.copies})"
        for row in rows
    ]
