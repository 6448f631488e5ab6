"""Facts for the judge, from rows: files of a folder with their sums and what was read of their media."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from media.evidence.indexes import is_sum_list
from media.evidence.stated_paths import MEDIA_CLASSES_OF_CLIPS
from media.evidence.statements import NO_DIGESTS, Aspect, FileFact, Finding
from media.sandbox.safe_open import SourceFile
from media.sidecars.checksums import HASHERS
from models.catalog.file import FileStatus, read_folder_paths
from models.catalog.storage import Storage, StorageStatus
from models.core.paths import ancestor_paths, join_path
from services.catalog.assets.digests import ComputedDigest
from services.operations.explain import find_folder_row
from services.operations.status import describe_storage_trouble
from services.sidecars.caption_timing import ClipTiming, load_clip_timing
from services.storages.storages import IS_UNCONFIRMED

HISTORY_FOLDER = b"ascmhl"
MAX_JUDGED_CAPTIONS = 500
"""More are not read for one answer."""
ARRIVING_SECONDS = 60
"""So long after the last change of a folder, what is missing may still come; copying pauses between files."""
EMPTY_DIGESTS = {name: make().hexdigest() for name, make in HASHERS.items()}
"""Sums of a file without bytes, which need no reading."""

# `below` holds the folder and all folders in it.
FOLDERS_BELOW = """
    WITH RECURSIVE below AS (
        SELECT id FROM folder WHERE id = :folder
        UNION ALL SELECT folder.id FROM below JOIN folder ON folder.parent_id = below.id
    )
"""
# Ids as text: 100,000 UUIDs take longer to make and to compare than all else in these rows. A status is that of a file
# which is not simply whole.
SELECT_FILES = text(f"""{FOLDERS_BELOW}
    SELECT CAST(file.id AS text), file.folder_id, file.name, file.size, file.mtime_ns, file.media_class,
        CAST(member.file_set_id AS text), CASE WHEN file.status NOT IN ('CLOSED', 'REDISCOVERED')
            OR file.error IS NOT NULL OR file.suspected_at IS NOT NULL THEN file.status END,
        file.error, file.suspected_at IS NOT NULL,
        file.date_modified < now() - make_interval(secs => :arriving_seconds) AS is_old
    FROM below JOIN file ON file.folder_id = below.id JOIN folder ON folder.id = file.folder_id
    JOIN storage ON storage.id = folder.storage_id
    LEFT JOIN file_set_file AS member ON member.file_id = file.id
    WHERE file.status NOT IN ('DELETED', 'MISSING') OR {IS_UNCONFIRMED}
""")
SELECT_MEDIA = text(f"""{FOLDERS_BELOW}
    SELECT CAST(file_set.id AS text), file_set.asset_id, component.media ->> 'error',
        CASE WHEN file_set.file_count = 1
            THEN CAST(CAST(component.media ->> 'duration_milliseconds' AS float8) AS bigint) END,
        component.id IS NOT NULL
    FROM file_set LEFT JOIN component ON component.file_set_id = file_set.id AND component.from_header
        AND component.type = 'GENERAL'
    WHERE file_set.id IN (SELECT DISTINCT member.file_set_id FROM below JOIN file ON file.folder_id = below.id
        JOIN file_set_file AS member ON member.file_id = file.id)
""")
SELECT_DIGESTS = text(f"""{FOLDERS_BELOW}
    SELECT CAST(file.id AS text), sums.algorithm, sums.digest, sums.found,
        CASE WHEN sums.found IS NOT NULL THEN sums.date_proven END
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
UNREAD_MEDIA = (None, None, None, False)
"""Asset, error, duration and whether its header was read, of a file without a file set."""
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
    rows: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The id, as text, and the time in nanoseconds of each file."""
    lists_above: dict[str, SourceFile] = field(default_factory=dict)
    """Checksum lists in the folders above."""
    captions: dict[str, ClipTiming] = field(default_factory=dict)
    """Files of captions, and the times of the clips that they are of."""
    is_arriving: bool = False
    """Whether anything in the folder changed within the last minute."""
    questions: list[Finding] = field(default_factory=list)
    """What stays open for any files."""

    def learn(self, path: str, digests: Mapping[str, str]) -> None:
        """Add sums of a file that were computed now."""
        self.files[path] = self.files[path]._replace(digests={**self.files[path].digests, **digests})

    def source_of(self, path: str) -> SourceFile:
        """Return a file as it is opened."""
        return SourceFile(self.root, path.encode("utf-8", "surrogateescape"), self.files[path].size, self.rows[path][1])

    def digest_row(self, path: str, digests: Mapping[str, str]) -> ComputedDigest:
        """Return sums of a file as they are stored."""
        key, mtime_ns = self.rows[path]
        return ComputedDigest(uuid.UUID(key), self.files[path].size, mtime_ns, digests)

    @property
    def file_ids(self) -> list[str]:
        """The ids of all files, as text."""
        return [key for key, _ in self.rows.values()]


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
    rows = session.execute(SELECT_FILES, {**key, "arriving_seconds": ARRIVING_SECONDS}).all()
    media = {one: tuple(others) for one, *others in session.execute(SELECT_MEDIA, key)}
    digests, flipped = _load_digests(session, key)
    paths = read_folder_paths(session, {row[1] for row in rows})
    folders = {one: spell_path(join_path(path, b"")) for one, path in paths.items()}
    chosen = None if only is None else spell_path(only)
    files, kept = facts.files, facts.rows
    facts.is_arriving = not all(row.is_old for row in rows)
    captions: dict[str, uuid.UUID] = {}
    for file_id, folder, name, size, mtime_ns, media_class, set_id, status, error, is_suspected, is_old in rows:
        path = folders[folder] + name.decode("utf-8", "surrogateescape")
        if chosen is not None and path != chosen:
            continue
        problem, is_pending = (
            _problem_of(status, media_class, error, is_suspected, is_old) if status is not None else ("", False)
        )
        asset_id, media_error, duration, is_probed = media.get(set_id, UNREAD_MEDIA)
        known = digests.get(file_id, NO_DIGESTS) if size or problem else EMPTY_DIGESTS
        files[path] = FileFact(
            size,
            media_class,
            problem,
            is_pending,
            known,
            media_error or "",
            duration,
            is_probed or media_class not in MEDIA_CLASSES_OF_CLIPS,
            flipped.get(file_id, ""),
        )
        kept[path] = file_id, mtime_ns
        if media_class == "caption" and asset_id is not None and not problem:
            captions[path] = asset_id
    _add_captions(session, facts, captions)


def _load_digests(session: Session, key: Mapping[str, int]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Return the sums of the present bytes of files by their ids, and how those changed that lost bits."""
    digests: dict[str, dict[str, str]] = {}
    flipped: dict[str, str] = {}
    for file_id, algorithm, digest, found, proven in session.execute(SELECT_DIGESTS, key):
        if algorithm in HASHERS:
            digests.setdefault(file_id, {})[algorithm] = found or digest
        if found is not None:
            since = proven.astimezone().isoformat(sep=" ", timespec="seconds")
            flipped[file_id] = f"lost bits: its {algorithm} was {digest} at {since}, and is {found}"
    return digests, flipped


def _add_captions(session: Session, facts: FolderFacts, captions: Mapping[str, uuid.UUID]) -> None:
    """Add the captions of clips that are known to last some time."""
    some = dict(sorted(captions.items())[:MAX_JUDGED_CAPTIONS])
    clips = {asset_id: load_clip_timing(session, asset_id) for asset_id in set(some.values())}
    facts.captions |= {path: clips[one] for path, one in some.items() if clips[one].duration_ms is not None}


def _problem_of(
    written: str, media_class: str, error: str | None, is_suspected: bool, is_old: bool
) -> tuple[str, bool]:
    """Return why a file is not whole, and whether that may end by itself."""
    status = FileStatus(written)
    if error:
        return f"cannot be read ({error})", False
    if status is FileStatus.MISSING:
        return "is missing: it was there before", False
    if is_suspected:
        return "was not found at the last look; the next scan decides", True
    if status is FileStatus.OPEN:
        return ("is empty", not is_old) if media_class in MEDIA_CLASSES_OF_CLIPS else ("", False)
    return (PENDING_TEXTS[status], True) if status in PENDING_TEXTS else ("", False)


def _add_lists_above(session: Session, facts: FolderFacts, storage: Storage, above: Sequence[bytes]) -> None:
    """Add the checksum lists in the folders above, and in their ASC MHL histories."""
    wanted = [one for path in above for one in (path, join_path(path, HISTORY_FOLDER))]
    folders = {row.id: path for path in wanted if (row := find_folder_row(session, storage, path)) is not None}
    for one in session.execute(SELECT_LISTS_OF_FOLDERS, {"folders": list(folders)}) if folders else ():
        path = join_path(folders[one.folder_id], bytes(one.name))
        if is_sum_list(spell_path(path)):
            facts.lists_above[spell_path(path)] = SourceFile(facts.root, path, one.size, one.mtime_ns)
