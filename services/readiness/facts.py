"""Facts for the judge, from rows: files of a folder with their sums and what was read of their media."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.evidence.indexes import is_sum_list
from media.evidence.stated_paths import MEDIA_CLASSES_OF_CLIPS
from media.evidence.statements import Aspect, FileFact, Finding
from media.sandbox.safe_open import SourceFile
from media.sidecars.checksums import HASHERS
from models.catalog.file import FileStatus, read_folder_paths
from models.catalog.storage import Storage, StorageStatus
from models.core.paths import ancestor_paths, join_path
from models.core.statements import AnyRow
from services.operations.explain import find_folder_row
from services.operations.status import describe_storage_trouble
from services.sidecars.caption_timing import ClipTiming, load_clip_timing
from services.storages.storages import IS_UNCONFIRMED

HISTORY_FOLDER = b"ascmhl"
MAX_JUDGED_CAPTIONS = 500
"""More are not read for one answer."""
EMPTY_SECONDS = 60
"""A younger file without bytes may have been created by a copy that is writing it now."""
EMPTY_DIGESTS = {name: make().hexdigest() for name, make in HASHERS.items()}
"""Sums of a file without bytes, which need no reading."""

# `below` holds the folder and all folders in it.
FOLDERS_BELOW = """
    WITH RECURSIVE below AS (
        SELECT id FROM folder WHERE id = :folder
        UNION ALL SELECT folder.id FROM below JOIN folder ON folder.parent_id = below.id
    )
"""
SELECT_FILES = text(f"""{FOLDERS_BELOW}
    SELECT file.id, file.folder_id, file.name, file.size, file.mtime_ns, file.status, file.error, file.media_class,
        file.suspected_at IS NOT NULL AS is_suspected, member.file_set_id,
        file.date_modified < now() - make_interval(secs => :empty_seconds) AS is_old
    FROM below JOIN file ON file.folder_id = below.id JOIN folder ON folder.id = file.folder_id
    JOIN storage ON storage.id = folder.storage_id
    LEFT JOIN file_set_file AS member ON member.file_id = file.id
    WHERE file.status NOT IN ('DELETED', 'MISSING') OR {IS_UNCONFIRMED}
""")
SELECT_MEDIA = text(f"""{FOLDERS_BELOW}
    SELECT file_set.id, file_set.asset_id, file_set.file_count, component.media ->> 'error' AS error,
        component.media ->> 'duration_milliseconds' AS duration, component.id IS NOT NULL AS is_probed
    FROM file_set LEFT JOIN component ON component.file_set_id = file_set.id AND component.from_header
        AND component.type = 'GENERAL'
    WHERE file_set.id IN (SELECT DISTINCT member.file_set_id FROM below JOIN file ON file.folder_id = below.id
        JOIN file_set_file AS member ON member.file_id = file.id)
""")
SELECT_DIGESTS = text(f"""{FOLDERS_BELOW}
    SELECT file.id, sums.algorithm, sums.digest, sums.found, sums.date_proven
    FROM below JOIN file ON file.folder_id = below.id
    JOIN (
        SELECT file_id, algorithm, found AS digest, NULL AS found, size, mtime_ns, date_checked AS date_proven
        FROM file_checksum
        UNION ALL SELECT file_id, algorithm, digest, found, size, mtime_ns, date_proven FROM file_digest
    ) AS sums ON sums.file_id = file.id AND (sums.size, sums.mtime_ns) = (file.size, file.mtime_ns)
""")
SELECT_LISTS_OF_FOLDERS = text("""
    SELECT file.folder_id, file.name, file.size, file.mtime_ns FROM file
    WHERE folder_id = ANY(CAST(:folders AS bigint[])) AND status IN ('CLOSED', 'REDISCOVERED')
""")
PENDING_TEXTS = {
    FileStatus.GROWING: "is still growing",
    FileStatus.AWAITED: "is awaited",
    FileStatus.FAILED: "was never recorded as it is",
}


@dataclass(slots=True)
class FolderFacts:
    """All files of a folder, by their paths below the storage's root as the judge spells them."""

    storage_id: uuid.UUID
    storage_name: str
    root: bytes
    folder: bytes
    files: dict[str, FileFact] = field(default_factory=dict)
    sources: dict[str, SourceFile] = field(default_factory=dict)
    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    lists_above: dict[str, SourceFile] = field(default_factory=dict)
    """Checksum lists in the folders above."""
    captions: dict[str, ClipTiming] = field(default_factory=dict)
    """Files of captions, and the times of the clips that they are of."""
    questions: list[Finding] = field(default_factory=list)
    """What stays open for any files."""

    def learn(self, path: str, digests: Mapping[str, str]) -> None:
        """Add sums of a file that were computed now."""
        self.files[path] = replace(self.files[path], digests={**self.files[path].digests, **digests})


def spell_path(path: bytes) -> str:
    """Return a path as the judge and the indexes spell it."""
    return path.decode("utf-8", "surrogateescape")


def load_facts(session: Session, storage: Storage, folder: bytes, only: bytes | None = None) -> FolderFacts:
    """Load the facts of a folder below a storage's root; with `only`, of one file in it."""
    facts = FolderFacts(storage.id, storage.name, bytes(storage.root), folder)
    row = find_folder_row(session, storage, folder)
    if row is not None:
        _add_files(session, facts, row.id, only)
    _add_lists_above(session, facts, storage, ancestor_paths(folder)[: None if only else -1])
    trouble = describe_storage_trouble(storage)
    if trouble and (storage.status is not StorageStatus.ACTIVE or storage.frozen_reason or storage.watcher_error):
        facts.questions.append(Finding(Aspect.PRESENCE, "", f"the storage is in trouble: {trouble}"))
    return facts


def _add_files(session: Session, facts: FolderFacts, folder_id: int, only: bytes | None) -> None:
    key = {"folder": folder_id}
    rows = session.execute(SELECT_FILES, {**key, "empty_seconds": EMPTY_SECONDS}).all()
    media = {row.id: row for row in session.execute(SELECT_MEDIA, key)}
    digests: dict[uuid.UUID, dict[str, str]] = {}
    flipped: dict[uuid.UUID, str] = {}
    for row in session.execute(SELECT_DIGESTS, key).all():
        if row.algorithm in HASHERS:
            digests.setdefault(row.id, {})[row.algorithm] = row.found or row.digest
        if row.found is not None:
            since = row.date_proven.astimezone().isoformat(sep=" ", timespec="seconds")
            flipped[row.id] = f"lost bits: its {row.algorithm} was {row.digest} at {since}, and is {row.found}"
    paths = read_folder_paths(session, {row.folder_id for row in rows})
    captions: dict[str, uuid.UUID] = {}
    for row in rows:
        path = join_path(paths[row.folder_id], bytes(row.name))
        if only is not None and path != only:
            continue
        name = spell_path(path)
        facts.files[name] = _fact_of(row, media.get(row.file_set_id), digests.get(row.id, {}))
        if row.id in flipped:
            facts.files[name] = replace(facts.files[name], damage=flipped[row.id])
        facts.sources[name] = SourceFile(facts.root, path, row.size, row.mtime_ns)
        facts.ids[name] = row.id
        if row.media_class == "caption" and row.file_set_id in media and not facts.files[name].problem:
            captions[name] = media[row.file_set_id].asset_id
    _add_captions(session, facts, captions)


def _add_captions(session: Session, facts: FolderFacts, captions: Mapping[str, uuid.UUID]) -> None:
    """Add the captions of clips that are known to last some time."""
    some = dict(sorted(captions.items())[:MAX_JUDGED_CAPTIONS])
    clips = {asset_id: load_clip_timing(session, asset_id) for asset_id in set(some.values())}
    facts.captions |= {path: clips[one] for path, one in some.items() if clips[one].duration_ms is not None}


def _fact_of(row: AnyRow, media: AnyRow | None, digests: dict[str, str]) -> FileFact:
    problem, is_pending = _problem_of(row)
    if row.size == 0 and not problem:
        digests = EMPTY_DIGESTS
    is_clip = row.media_class in MEDIA_CLASSES_OF_CLIPS
    duration = media.duration if media is not None and media.file_count == 1 else None
    return FileFact(
        row.size,
        row.media_class,
        problem,
        is_pending,
        digests,
        (media.error or "") if media is not None else "",
        int(float(duration)) if duration is not None else None,
        not is_clip or (media is not None and media.is_probed),
    )


def _problem_of(row: AnyRow) -> tuple[str, bool]:
    """Return why a file is not whole, and whether that may end by itself."""
    status = FileStatus(row.status)
    if row.error:
        return f"cannot be read ({row.error})", False
    if status is FileStatus.MISSING:
        return "is missing: it was there before", False
    if row.is_suspected:
        return "was not found at the last look; the next scan decides", True
    if status is FileStatus.OPEN:
        return ("is empty", not row.is_old) if row.media_class in MEDIA_CLASSES_OF_CLIPS else ("", False)
    return (PENDING_TEXTS[status], True) if status in PENDING_TEXTS else ("", False)


def _add_lists_above(session: Session, facts: FolderFacts, storage: Storage, above: Sequence[bytes]) -> None:
    """Add the checksum lists in the folders above, and in their ASC MHL histories."""
    wanted = [one for path in above for one in (path, join_path(path, HISTORY_FOLDER))]
    folders = {row.id: path for path in wanted if (row := find_folder_row(session, storage, path)) is not None}
    for one in session.execute(SELECT_LISTS_OF_FOLDERS, {"folders": list(folders)}) if folders else ():
        path = join_path(folders[one.folder_id], bytes(one.name))
        if is_sum_list(spell_path(path)):
            facts.lists_above[spell_path(path)] = SourceFile(facts.root, path, one.size, one.mtime_ns)
