"""Checksum results: stored per file, reported on formats with mismatches and by `explain`.

A result is valid while size and modification time of its file are unchanged.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.sidecars.checksums import SIZE_CHECK
from models.catalog.file import File
from models.core.statements import AnyRow, bind_columns
from services.catalog.assets.format_warnings import WarningSource, replace_format_warnings
from services.core.text import pluralize

# The JOIN skips files that were deleted since; ORDER BY avoids deadlocks between jobs with common files.
UPSERT_CHECKSUMS = text("""
    INSERT INTO file_checksum (file_id, list_id, list_name, algorithm, expected, found, matches, size, mtime_ns)
    SELECT said.* FROM unnest(CAST(:files AS uuid[]), CAST(:lists AS uuid[]), CAST(:names AS text[]),
        CAST(:algorithms AS text[]), CAST(:expected AS text[]), CAST(:found AS text[]), CAST(:matches AS bool[]),
        CAST(:sizes AS bigint[]), CAST(:times AS bigint[]))
        AS said (file_id, list_id, list_name, algorithm, expected, found, matches, size, mtime_ns)
    JOIN file ON file.id = said.file_id
    ORDER BY said.file_id
    ON CONFLICT (file_id, list_name) DO UPDATE SET list_id = excluded.list_id, algorithm = excluded.algorithm,
        expected = excluded.expected, found = excluded.found, matches = excluded.matches, size = excluded.size,
        mtime_ns = excluded.mtime_ns, date_checked = now()
""")
# Results of files that are there, and that the lists of a set no longer name. Of a missing file the result stays: by
# it the list is verified again once the file returns.
DELETE_OTHER_CHECKSUMS = text("""
    DELETE FROM file_checksum USING file WHERE list_id = :list AND file.id = file_id
        AND file.status IN ('CLOSED', 'REDISCOVERED') AND NOT EXISTS (
            SELECT FROM unnest(CAST(:files AS uuid[]), CAST(:names AS text[])) AS named (id, name)
            WHERE named.id = file_id AND named.name = list_name)
    RETURNING file_id
""")
CHECKSUMS_OF_FILES = text("""
    SELECT file_id, list_name, expected, found, matches, size, mtime_ns FROM file_checksum
    WHERE file_id = ANY(CAST(:files AS uuid[]))
""")

# Formats with a mismatch, and those with a checksum warning that may have to be removed.
FORMATS_TO_REVIEW = text("""
    SELECT format.id,
        array_remove(array_agg(file_checksum.file_id), NULL) AS files
    FROM format JOIN file_set ON file_set.format_id = format.id
    JOIN file_set_file AS member ON member.file_set_id = file_set.id
    JOIN file ON file.id = member.file_id
    LEFT JOIN file_checksum ON file_checksum.file_id = file.id AND NOT file_checksum.matches
        AND (file_checksum.size, file_checksum.mtime_ns) = (file.size, file.mtime_ns)
    WHERE format.id IN (SELECT file_set.format_id FROM file_set_file JOIN file_set ON file_set.id = file_set_id
        WHERE file_id = ANY(CAST(:files AS uuid[])))
    GROUP BY format.id HAVING format.media ? 'checksum_warnings' OR count(file_checksum.file_id) > 0
    ORDER BY format.id
""")
# NO KEY UPDATE locks in id order; the query above runs again afterwards, because another job may have committed
# meanwhile.
LOCK_FORMATS = text("SELECT FROM format WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE")
CURRENT_CHECKSUMS = text("""
    SELECT file_checksum.*, file.name FROM file_checksum JOIN file ON file.id = file_checksum.file_id
        AND (file_checksum.size, file_checksum.mtime_ns) = (file.size, file.mtime_ns)
    WHERE file_id = ANY(CAST(:files AS uuid[])) ORDER BY file.name, list_name
""")
MAX_CHECKSUM_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class ChecksumResult:
    """Checksum of one file."""

    file_id: uuid.UUID
    list_name: str
    algorithm: str
    expected: str
    found: str
    matches: bool
    size: int
    mtime_ns: int

    def sentence(self, name: str) -> str:
        """Describe the mismatch."""
        if self.found == self.expected:
            return f'{name}: its {self.algorithm} is right, but "{self.list_name}" says another size than {self.size:,}'
        return f'{name}: its {self.algorithm} is {self.found}, but "{self.list_name}" says {self.expected}'


def store_checksum_results(session: Session, list_id: uuid.UUID, results: Sequence[ChecksumResult]) -> None:
    """Store results, replacing earlier ones of the same file and manifest."""
    last = {(one.file_id, one.list_name): one for one in results}.values()
    if last:
        session.execute(
            UPSERT_CHECKSUMS,
            {
                "files": [one.file_id for one in last],
                "lists": [list_id for _ in last],
                "names": [one.list_name for one in last],
                "algorithms": [one.algorithm for one in last],
                "expected": [one.expected for one in last],
                "found": [one.found for one in last],
                "matches": [one.matches for one in last],
                "sizes": [one.size for one in last],
                "times": [one.mtime_ns for one in last],
            },
        )


def delete_other_checksums(
    session: Session, list_id: uuid.UUID, named: Sequence[tuple[uuid.UUID, str]]
) -> list[uuid.UUID]:
    """Delete the results of files that the lists of a set no longer name; return these files."""
    return list(session.scalars(DELETE_OTHER_CHECKSUMS, {"list": list_id, **bind_columns(("files", "names"), named)}))


def load_checksum_matches(
    session: Session, files: Sequence[uuid.UUID]
) -> dict[tuple[uuid.UUID, str, str, int, int], bool]:
    """Load whether files matched, by file, manifest, expected checksum, size and time: unchanged files are not hashed
    again."""
    rows = session.execute(CHECKSUMS_OF_FILES, {"files": list(files)})
    return {(row.file_id, row.list_name, row.expected, row.size, row.mtime_ns): row.matches for row in rows}


def update_checksum_warnings(session: Session, files: Sequence[uuid.UUID]) -> None:
    """Update the checksum warnings of the formats of these files; other warnings stay."""
    wrong = session.execute(FORMATS_TO_REVIEW, {"files": list(files)}).all()
    if not wrong:
        return
    session.execute(LOCK_FORMATS, {"ids": [row.id for row in wrong]})
    sentences: dict[uuid.UUID, list[str]] = {}
    for row in session.execute(FORMATS_TO_REVIEW, {"files": list(files)}).all():
        now = [
            _build_result(each).sentence(_decode_name(each))
            for each in _load_current_checksums(session, row.files)
            if not each.matches
        ]
        more = (
            [f"and {pluralize(len(now) - MAX_CHECKSUM_WARNINGS, 'more file')} with a mismatch"]
            if len(now) > MAX_CHECKSUM_WARNINGS
            else []
        )
        sentences[row.id] = [*now[:MAX_CHECKSUM_WARNINGS], *more]
    replace_format_warnings(session, WarningSource.CHECKSUMS, sentences)


def _load_current_checksums(session: Session, files: Sequence[uuid.UUID]) -> Sequence[AnyRow]:
    return session.execute(CURRENT_CHECKSUMS, {"files": list(files)}).all() if files else []


def _decode_name(row: AnyRow) -> str:
    return bytes(row.name).decode("utf-8", "replace")


def _build_result(row: object) -> ChecksumResult:
    return ChecksumResult(*(getattr(row, name) for name in ChecksumResult.__slots__))


def explain_checksums(session: Session, file: File) -> Iterator[str]:
    """Describe the checksum results of a file."""
    for row in _load_current_checksums(session, [file.id]):
        since = row.date_checked.astimezone().isoformat(sep=" ", timespec="seconds")
        if row.matches:
            limit = "; its bytes were not compared" if row.algorithm == SIZE_CHECK else ""
            yield f'its {row.algorithm} is that of "{row.list_name}"{limit}, as of {since}'
        else:
            yield f"does not match its checksum: {_build_result(row).sentence(_decode_name(row))}, as of {since}"
